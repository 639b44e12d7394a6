// The agent's answers for people.
#pragma once

#include <string>

#include "agent/control/messages.hpp"
#include "base/time.hpp"

namespace understudy::cli {

// TimePoints in what is shown here are UTC since 1970, as question.hpp has them.

// "340 ms", "12 s", "3 min 12 s", "2 h 5 min", "3 d 4 h": two units at most, cut, not rounded.
std::string in_words(Duration duration);

// A heading, and a table with a line for each VIP.
std::string present_status(const control::StatusResponse& status, TimePoint now, bool colours);
// All that is known about one.
std::string present_vip(const control::VipStatus& vip, TimePoint now, bool colours);
// One line without a duration in it: the same text as long as nothing has changed.
std::string present_line(const control::VipStatus& vip);

std::string present_why(const control::WhyResponse& why, bool colours);
// "time  vip  from -> to  cause"
std::string present_event(const control::StateEvent& event, bool colours);

}  // namespace understudy::cli
