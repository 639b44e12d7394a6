// Does a UDP port answer what is expected? Of a name with several addresses, one that answers is
// enough: they are asked one after the other, as connections are tried (RFC 8305).
#pragma once

#include <memory>

#include "checks/probes/resolver.hpp"
#include "checks/processes/attempt.hpp"

namespace understudy::checks {

// `resolver` and `udp` outlive the attempt.
std::unique_ptr<Attempt> start_udp(Resolver& resolver, const Udp& udp, Finish finish);

}  // namespace understudy::checks
