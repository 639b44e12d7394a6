// Checks for people.
#pragma once

#include <string>
#include <vector>

#include "agent/control/messages.hpp"
#include "base/time.hpp"

namespace understudy::cli {

// A table with a line for each check.
std::string present_checks(const std::vector<control::CheckStatus>& checks, TimePoint now,
                           bool colours);
// What one run saw, and how long each step took.
std::string present_check_run(const control::CheckRunResponse& run, bool colours);

}  // namespace understudy::cli
