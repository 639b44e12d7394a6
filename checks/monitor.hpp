// When one check is run, and what its row of outcomes means.
//
// Pure: told the time and the outcomes, gives the next start and the state. The words and the
// habits are HAProxy's: `rise`, `fall`, `interval`, `fast_interval` (its "fastinter"),
// `down_interval` ("downinter"); an interval counts from start to start.
//
// From `unknown`, the first outcome decides at once. Whoever runs the checks may die or hang: a run
// without an outcome is given up and proves nothing, so the check keeps its last word, but for no
// longer than memory(); then it is `unknown`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/state_fields.hpp"
#include "base/time.hpp"
#include "checks/outcome.hpp"
#include "checks/settings.hpp"

namespace understudy::checks {

// After the timeout of a run, this long is waited for the outcome, which says that it timed out.
inline constexpr Duration outcome_grace = std::chrono::seconds{2};
inline constexpr Duration least_memory = std::chrono::seconds{10};

class Monitor {
public:
    using RunId = std::uint32_t;

    Monitor(const CheckSettings& settings, TimePoint created, TimePoint first_run);

    // A run is due: the caller starts it, with this number.
    std::optional<RunId> start_if_due(TimePoint now);
    // A run that was started ended. One that was given up or is not known changes nothing.
    // Returns whether the state, or the weight, is another now.
    bool finished(TimePoint now, RunId run, const Outcome& outcome);
    // Gives up what is overdue, forgets what is too old. Returns whether the state changed.
    bool time_passed(TimePoint now);
    // The next run starts now, and until the check is up the runs are fast_interval apart: somebody
    // waits for it.
    void hurry(TimePoint now);
    void calm() { hurried_ = false; }
    // Whoever ran it is gone: the run that is under way will have no outcome.
    void lost(TimePoint now);
    // Other settings of the same check; they outlive this. State, counters and the run that is
    // under way stay. If it asks something else (`other_question`), the last word counts until
    // there is a new one: it is asked at once, and what is under way has no outcome.
    void configure(TimePoint now, const CheckSettings& settings, bool other_question);

    // When start_if_due() or time_passed() has something to do.
    TimePoint next_deadline() const;

    const CheckSettings& settings() const { return *settings_; }
    CheckState state() const { return state_; }
    TimePoint since() const { return since_; }
    const std::string& detail() const { return detail_; }
    bool has_run() const { return runs_ > 0; }
    std::uint64_t runs() const { return runs_; }
    std::uint64_t failures() const { return failures_; }
    std::optional<Duration> last_duration() const { return last_duration_; }
    int weight() const { return weight_; }           // of the last outcome that had one
    unsigned contrary() const { return contrary_; }  // outcomes in a row against the state
    bool is_overdue(TimePoint now) const { return running_ && now >= running_->give_up_at; }
    // How long the last outcome counts.
    Duration memory() const;

private:
    friend struct understudy::StateFields;

    struct Running {
        RunId run = 0;
        TimePoint started;
        TimePoint give_up_at;
    };

    void become(TimePoint now, CheckState state);
    Duration pause() const;
    bool is_confirming() const { return contrary_ > 0; }

    const CheckSettings* settings_;
    CheckState state_;
    TimePoint since_;
    std::string detail_;
    std::uint64_t runs_ = 0;
    std::uint64_t failures_ = 0;
    std::optional<Duration> last_duration_;
    int weight_ = 0;
    unsigned contrary_ = 0;  // outcomes in a row that speak against the state
    bool hurried_ = false;
    RunId last_run_ = 0;
    std::optional<Running> running_;
    std::optional<TimePoint> last_start_;
    TimePoint next_start_;
    TimePoint last_word_;  // when the last outcome came
};

}  // namespace understudy::checks
