// Carries out one command; what comes back is the exit status.
#pragma once

#include "agent/cli/arguments.hpp"

namespace understudy::cli {

int run(const Arguments& arguments);

}  // namespace understudy::cli
