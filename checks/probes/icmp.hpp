// ICMP and ICMPv6 echo, through unprivileged ping sockets where net.ipv4.ping_group_range allows
// them, otherwise through the raw sockets that were opened in time.
#pragma once

#include <memory>

#include "checks/probes/raw_sockets.hpp"
#include "checks/probes/resolver.hpp"
#include "checks/processes/attempt.hpp"

namespace understudy::checks {

// Of a name with several addresses, the first one is asked (RFC 6724), and named. The parameters
// outlive the attempt.
std::unique_ptr<Attempt> start_icmp(Resolver& resolver, RawSockets& raw, const Icmp& icmp,
                                    Finish finish);

}  // namespace understudy::checks
