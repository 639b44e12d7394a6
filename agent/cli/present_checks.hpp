// Checks for people.
#pragma once

#include <string>
#include <vector>

#include "agent/control/messages.hpp"
#include "base/time.hpp"

namespace understudy::cli {

// TimePoints in what is shown here are UTC since 1970, as question.hpp has them.

// A table with a line for each check: all that is known about it.
std::string present_checks(const std::vector<control::CheckStatus>& checks, TimePoint now,
                           bool colours);
// The short form, beside the VIPs: what is up and what the last run saw.
std::string present_check_states(const std::vector<control::CheckStatus>& checks, bool colours);
// What one run saw, when each step was done, and what the server or the script said.
std::string present_check_run(const control::CheckRunResponse& run, bool colours);

}  // namespace understudy::cli
