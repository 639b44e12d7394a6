// Leaves away the faults that a finding does not need.
#include "tests/sim/history.hpp"

namespace understudy::sim {

Scenario shrink(Scenario scenario, const std::string& rule) {
    const auto still = [&](const Scenario& candidate) {
        const History history = run(candidate);
        return history.finding && history.finding->rule == rule;
    };
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t i = 0; i < scenario.faults.size();) {
            Scenario fewer = scenario;
            fewer.faults.erase(fewer.faults.begin() + static_cast<std::ptrdiff_t>(i));
            if (still(fewer)) {
                scenario = std::move(fewer);
                changed = true;
            } else {
                ++i;
            }
        }
    }
    return scenario;
}

}  // namespace understudy::sim
