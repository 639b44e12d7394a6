// The host's own addresses and routes, as they are now.
#pragma once

#include "agent/control/messages.hpp"

namespace understudy::host {

// Waits for the kernel: not in the loop. At most the first most_routes are read.
inline constexpr std::size_t most_routes_read = 20'000;
control::HostNetwork read_host_network();

}  // namespace understudy::host
