// A DNS query, with EDNS (RFC 6891): over UDP, repeated until it is answered, and by TCP when the
// answer is truncated.
#pragma once

#include <memory>

#include "checks/probes/resolver.hpp"
#include "checks/processes/attempt.hpp"

namespace understudy::checks {

// `resolver`, which finds the name server, and `dns` outlive the attempt.
std::unique_ptr<Attempt> start_dns(Resolver& resolver, const Dns& dns, Finish finish);

}  // namespace understudy::checks
