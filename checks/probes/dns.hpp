// A DNS query over UDP, repeated every second until it is answered.
#pragma once

#include <memory>

#include "checks/probes/attempt.hpp"

namespace understudy::checks {

// `dns` outlives the attempt.
std::unique_ptr<Attempt> start_dns(boost::asio::io_context& context, const Dns& dns, Finish finish);

}  // namespace understudy::checks
