#include "tests/sim/restored.hpp"

#include <nlohmann/json.hpp>

#include "agent/control/json.hpp"
#include "agent/record/record.hpp"
#include "agent/record/state.hpp"
#include "tests/sim/history.hpp"
#include "tests/sim/random.hpp"

namespace understudy::sim {

namespace {

// What was decided on one event, texts and answers included.
struct Step {
    std::string host;
    TimePoint at;
    std::size_t event = 0;  // its kind
    std::uint64_t decided = 0;

    bool operator==(const Step&) const = default;
};

std::uint64_t fingerprint(const core::Outbox& out) {
    const record::Decisions decisions = record::decisions_of(out);
    std::string texts = std::to_string(decisions.actions) + ' ' + std::to_string(decisions.digest);
    for (const core::Action& action : out.actions) {
        if (const auto* log = std::get_if<core::Log>(&action)) {
            texts += log->text;
        } else if (const auto* change = std::get_if<core::Publish>(&action)) {
            texts += control::to_json(change->event, {});
        } else if (const auto* reply = std::get_if<core::Reply>(&action)) {
            texts += control::to_json(reply->response, {});
        } else if (const auto* hook = std::get_if<core::RunHook>(&action)) {
            for (const std::string& variable : hook->environment) {
                texts += variable;
            }
        }
    }
    return std::hash<std::string>{}(texts);
}

std::vector<Step> steps_of(const Scenario& scenario,
                           const std::function<void(core::Node&)>& before_event) {
    std::vector<Step> steps;
    run(scenario, {}, {}, [&](VirtualHost& host) {
        host.before_event = before_event;
        host.recorder = [&](TimePoint at, const core::Event& event, const core::Outbox& out) {
            steps.push_back({host.name(), at, event.index(), fingerprint(out)});
        };
    });
    return steps;
}

std::string describe(const std::vector<Step>& steps, std::size_t place) {
    if (place >= steps.size()) {
        return "its end";
    }
    const Step& step = steps[place];
    const auto since = step.at.time_since_epoch() - std::chrono::seconds{1000};
    return "event " + std::to_string(place) + ", of kind " + std::to_string(step.event) + " for " +
           step.host + " after " + std::to_string(since.count()) + " us";
}

}  // namespace

Restored run_restored(const Scenario& scenario) {
    constexpr int percent = 2;  // of all events
    Restored restored;
    Random dice{scenario.cluster.seed};
    const auto read_back = [&](core::Node& node) {
        if (restored.difference || !dice.chance(percent)) {
            return;
        }
        const nlohmann::json state = record::state_of(node);
        auto read = record::node_of(node.configuration(), nlohmann::json::parse(state.dump()));
        if (!read) {
            restored.difference = "a state that is not understood: " + read.error();
            return;
        }
        if (record::state_of(*read) != state) {
            restored.difference =
                "a state that says something else when it was read: " + state.dump();
            return;
        }
        node = std::move(*read);
        ++restored.times;
    };
    const std::vector<Step> expected = steps_of(scenario, {});
    const std::vector<Step> found = steps_of(scenario, read_back);
    if (!restored.difference && expected != found) {
        const auto [one, other] = std::ranges::mismatch(expected, found);
        const auto place = static_cast<std::size_t>(one - expected.begin());
        restored.difference = describe(expected, place) + " is " + describe(found, place);
    }
    return restored;
}

}  // namespace understudy::sim
