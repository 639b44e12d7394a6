// What an agent says about itself, as metrics. Pure: the same answer gives the same text.
// docs/metrics.md has the names and what they mean.
#pragma once

#include <string>

#include "agent/control/messages.hpp"
#include "agent/metrics/exposition.hpp"

namespace understudy::metrics {

// The times in `status` count from 1970.
std::string text_of(const control::StatusResponse& status, Format format);
// Of an agent that does not answer: that it is down, and nothing else. A role that was true a
// moment ago is worse than none.
std::string text_without_agent(Format format);

}  // namespace understudy::metrics
