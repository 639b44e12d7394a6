// Runs a scenario: real Nodes, what happens to them, and the judge's verdict.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/judge.hpp"
#include "tests/sim/scenario.hpp"

namespace understudy::sim {

struct History {
    std::optional<Finding> finding;
    std::uint64_t fingerprint = 0;  // the same for the same scenario, always
    std::uint64_t steps = 0;
};

// One line of the story: what happened where.
struct StoryLine {
    Duration at{};
    std::string where;  // "lb1", or "*"
    std::string text;
};
using Storyteller = std::function<void(const StoryLine&)>;

// Ends with the first finding. With a storyteller, everything of note is told to it. `every_hour`
// is called after each virtual hour, `prepare` with each host before anything happens.
History run(const Scenario& scenario, const Storyteller& tell = {},
            const std::function<void()>& every_hour = {},
            const std::function<void(VirtualHost& host)>& prepare = {});

// The same finding from as few faults as this finds out, by leaving them away one after another.
Scenario shrink(Scenario scenario, const std::string& rule);

}  // namespace understudy::sim
