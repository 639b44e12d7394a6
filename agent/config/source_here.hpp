// Whether this machine advertises from the address that its peers expect.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/config/cluster.hpp"
#include "agent/config/diagnostic.hpp"
#include "agent/core/event.hpp"

namespace understudy::config {

// What the kernel has on an interface now, in its order.
using AddressesOf = std::function<std::vector<core::AddressSeen>(const std::string& interface)>;
std::vector<core::AddressSeen> addresses_here(const std::string& interface);

// The first of `nodes` is this machine's; the others are its peers. An error where no
// unicast_source is written and what the agent would choose (core/source_address.hpp) is not what
// they expect.
Diagnostics compare_sources_with_machine(const std::vector<NodeFile>& nodes,
                                         const AddressesOf& addresses_of);

}  // namespace understudy::config
