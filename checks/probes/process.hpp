// Is a process of this name, or the one in this pid file, running?
#pragma once

#include <memory>

#include "checks/probes/file_threads.hpp"
#include "checks/processes/attempt.hpp"

namespace understudy::checks {

std::unique_ptr<Attempt> start_process(FileThreads& threads, const Process& process, Finish finish);

}  // namespace understudy::checks
