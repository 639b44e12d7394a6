// A check by a program of the operator: exit status 0 is up.
#pragma once

#include <memory>
#include <string>

#include "checks/processes/attempt.hpp"

namespace understudy::checks {

std::unique_ptr<Attempt> start_script(boost::asio::io_context& context, const Script& script,
                                      const std::string& default_user, Finish finish);

}  // namespace understudy::checks
