// Is a file there, is it fresh, and what number stands in it?
#pragma once

#include <memory>

#include "checks/probes/file_threads.hpp"
#include "checks/processes/attempt.hpp"

namespace understudy::checks {

std::unique_ptr<Attempt> start_file(FileThreads& threads, const File& file, Finish finish);

}  // namespace understudy::checks
