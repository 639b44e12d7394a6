// The checks of this node: their timetable, their states, and whether the prober still answers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/control/messages.hpp"
#include "agent/core/action.hpp"
#include "agent/core/event.hpp"
#include "base/state_fields.hpp"
#include "checks/monitor.hpp"

namespace understudy::core {

// A prober that has work and says nothing for this long after it should have is replaced.
inline constexpr Duration prober_patience = std::chrono::seconds{2};
// Checks start this far apart at first, so that a thousand of them do not beat as one.
inline constexpr Duration start_spread = std::chrono::milliseconds{1};

class Health {
public:
    // `settings` outlives this.
    Health(const std::vector<checks::CheckSettings>& settings, TimePoint started);

    // Starts what is due. Returns whether the state of any check changed.
    [[nodiscard]] bool time_passed(TimePoint now, Outbox& out);
    // Returns whether the state of that check changed.
    [[nodiscard]] bool finished(TimePoint now, const CheckFinished& event, Outbox& out);
    // A new prober (or runner) is at work; what the former one was doing is lost.
    void prober_started(TimePoint now);
    // Somebody waits for this check to come up.
    void hurry(TimePoint now, std::size_t check);
    void calm(std::size_t check);
    // One run that does not count; answered to this client when it ends.
    void run_for(TimePoint now, ClientId client, std::size_t check, Outbox& out);
    void forget(ClientId client);
    // A reload: checks of the same name go on, with their history and their runs. `settings`
    // outlives this; the former ones are still there. `other_questions`: by name.
    void configure(TimePoint now, const std::vector<checks::CheckSettings>& settings,
                   const std::vector<std::string>& other_questions, Outbox& out);

    std::optional<TimePoint> next_deadline() const;
    std::size_t size() const { return monitors_.size(); }
    const checks::Monitor& monitor(std::size_t check) const { return monitors_.at(check); }
    std::optional<std::size_t> find(std::string_view name) const;
    // Whether the check lets an address be held: up, or unknown where the last word counts.
    bool speaks_for(std::size_t check, bool holding) const;
    // "check frontend down for 12 s: HTTP 503".
    std::string in_words(TimePoint now, std::size_t check) const;
    control::CheckStatus status(std::size_t check) const;
    std::vector<control::CheckStatus> all() const;
    // Of a run_for().
    static bool is_by_hand(checks::Monitor::RunId run);

private:
    friend struct understudy::StateFields;

    // A run that was asked for by hand. Its number has the highest bit set.
    struct Visit {
        ClientId client = 0;
        std::size_t check = 0;
        checks::Monitor::RunId run = 0;
        TimePoint give_up_at;
    };

    void add(TimePoint now, const checks::CheckSettings& settings);
    void plan_all();
    void reschedule(std::size_t check);
    void keep_visits(const Health& former, const std::vector<std::string>& other_questions,
                     Outbox& out);
    void answer(const Visit& visit, const checks::Outcome& outcome, Outbox& out) const;
    void end_visits(TimePoint now, Outbox& out);
    void change(std::size_t check, checks::CheckState before, Outbox& out) const;
    void suspect(TimePoint now, Outbox& out);

    std::vector<checks::Monitor> monitors_;
    std::map<std::string, std::size_t, std::less<>> places_;  // by name
    std::set<std::pair<TimePoint, std::size_t>> timetable_;
    std::vector<TimePoint> planned_;  // by check: its place in the timetable
    std::vector<Visit> visits_;
    checks::Monitor::RunId last_visit_ = 0;
    TimePoint heard_;  // the last outcome of anything
};

}  // namespace understudy::core
