// Is an interface up, with a carrier, in this network namespace?
#pragma once

#include <memory>

#include "checks/processes/attempt.hpp"

namespace understudy::checks {

std::unique_ptr<Attempt> start_interface(boost::asio::io_context& context,
                                         const Interface& interface, Finish finish);

}  // namespace understudy::checks
