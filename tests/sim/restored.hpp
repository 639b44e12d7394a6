// Is what is written down of a Node all of it? A history in which Nodes are replaced, at random
// moments, by what is read back of their own state must be the same history.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/sim/scenario.hpp"

namespace understudy::sim {

struct Restored {
    std::uint64_t times = 0;                // so often was a Node read back
    std::optional<std::string> difference;  // where the two histories begin to differ
};

Restored run_restored(const Scenario& scenario);

}  // namespace understudy::sim
