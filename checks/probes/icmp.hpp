// ICMP and ICMPv6 echo, through unprivileged ping sockets where net.ipv4.ping_group_range allows
// them, otherwise through the raw sockets that were opened in time.
#pragma once

#include <memory>

#include "checks/probes/attempt.hpp"
#include "checks/probes/raw_sockets.hpp"

namespace understudy::checks {

// `icmp` and `raw` outlive the attempt.
std::unique_ptr<Attempt> start_icmp(boost::asio::io_context& context, RawSockets& raw,
                                    const Icmp& icmp, Finish finish);

}  // namespace understudy::checks
