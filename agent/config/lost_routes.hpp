// Which of the host's own routes the kernel removes with the addresses that a reload takes away.
//
// An exchange of addresses loses none: what is new is there before what is old goes. But an IPv4
// interface without any address has no routes, and no route prefers a source that is not there.
#pragma once

#include <string>
#include <vector>

#include "agent/control/messages.hpp"
#include "agent/core/configuration.hpp"

namespace understudy::config {

// A line for each, with the reason; as things are on the host now.
std::vector<std::string> lost_routes(const core::Configuration& from, const core::Configuration& to,
                                     const control::HostNetwork& host);

}  // namespace understudy::config
