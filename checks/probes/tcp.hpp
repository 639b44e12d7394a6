// Does a TCP port accept a connection, and answer what is expected?
#pragma once

#include <memory>

#include "checks/probes/resolver.hpp"
#include "checks/processes/attempt.hpp"

namespace understudy::checks {

// `resolver` and `tcp` outlive the attempt.
std::unique_ptr<Attempt> start_tcp(Resolver& resolver, const Tcp& tcp, Finish finish);

}  // namespace understudy::checks
