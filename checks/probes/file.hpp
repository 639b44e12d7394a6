// Is a file there, is it fresh, and what number stands in it?
#pragma once

#include <memory>

#include "checks/probes/attempt.hpp"

namespace understudy::checks {

std::unique_ptr<Attempt> start_file(boost::asio::io_context& context, const File& file,
                                    Finish finish);

}  // namespace understudy::checks
