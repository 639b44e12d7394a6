// Does a UDP port answer what is expected?
#pragma once

#include <memory>

#include "checks/probes/attempt.hpp"

namespace understudy::checks {

// `udp` outlives the attempt.
std::unique_ptr<Attempt> start_udp(boost::asio::io_context& context, const Udp& udp, Finish finish);

}  // namespace understudy::checks
