// Does a TCP port accept a connection, and answer what is expected?
#pragma once

#include <memory>

#include "checks/probes/attempt.hpp"

namespace understudy::checks {

// `tcp` outlives the attempt.
std::unique_ptr<Attempt> start_tcp(boost::asio::io_context& context, const Tcp& tcp, Finish finish);

}  // namespace understudy::checks
