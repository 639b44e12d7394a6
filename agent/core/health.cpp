#include "agent/core/health.hpp"

#include <algorithm>
#include <utility>

#include "agent/core/narration.hpp"
#include "agent/core/vip.hpp"
#include "agent/core/wording.hpp"

namespace understudy::core {

namespace {

using checks::CheckState;

constexpr checks::Monitor::RunId visit_bit = 0x80000000U;

control::CheckState shown(CheckState state) {
    switch (state) {
        case CheckState::up:
            return control::CheckState::up;
        case CheckState::down:
            return control::CheckState::down;
        case CheckState::unknown:
            return control::CheckState::unknown;
    }
    return control::CheckState::unknown;
}

}  // namespace

Health::Health(const std::vector<checks::CheckSettings>& settings, TimePoint started)
    : heard_(started) {
    monitors_.reserve(settings.size());
    for (const checks::CheckSettings& check : settings) {
        add(started, check);
    }
    plan_all();
}

void Health::add(TimePoint now, const checks::CheckSettings& settings) {
    const auto place = monitors_.size();
    const Duration spread = (static_cast<Duration::rep>(place) * start_spread) %
                            std::max(settings.interval, start_spread);
    monitors_.emplace_back(settings, now, now + spread);
    places_.emplace(settings.name, place);
}

void Health::plan_all() {
    for (std::size_t i = 0; i < monitors_.size(); ++i) {
        planned_.push_back(monitors_[i].next_deadline());
        timetable_.emplace(planned_.back(), i);
    }
}

void Health::reschedule(std::size_t check) {
    const TimePoint next = monitors_[check].next_deadline();
    if (next != planned_[check]) {
        timetable_.erase({planned_[check], check});
        planned_[check] = next;
        timetable_.emplace(next, check);
    }
}

std::optional<TimePoint> Health::next_deadline() const {
    std::optional<TimePoint> earliest;
    if (!timetable_.empty()) {
        earliest = timetable_.begin()->first;
    }
    for (const Visit& visit : visits_) {
        earliest = earliest ? std::min(*earliest, visit.give_up_at) : visit.give_up_at;
    }
    return earliest;
}

bool Health::time_passed(TimePoint now, Outbox& out) {
    bool changed = false;
    bool overdue = false;
    while (!timetable_.empty() && timetable_.begin()->first <= now) {
        const std::size_t check = timetable_.begin()->second;
        checks::Monitor& monitor = monitors_[check];
        const CheckState before = monitor.state();
        overdue = overdue || monitor.is_overdue(now);
        if (monitor.time_passed(now)) {
            changed = true;
            change(check, before, out);
        }
        if (const auto run = monitor.start_if_due(now)) {
            out.actions.emplace_back(RunCheck{check, *run});
        }
        reschedule(check);
    }
    if (overdue) {
        suspect(now, out);
    }
    end_visits(now, out);
    return changed;
}

// One run without an outcome may be a lost message; silence about everything is a dead prober.
void Health::suspect(TimePoint now, Outbox& out) {
    if (now - heard_ < prober_patience) {
        return;
    }
    log(out, LogLevel::error,
        "the prober has not answered for " + core::in_words(now - heard_) +
            ": it is replaced; the checks keep their last word meanwhile");
    heard_ = now;
    out.actions.emplace_back(RestartProber{});
}

bool Health::finished(TimePoint now, const CheckFinished& event, Outbox& out) {
    if (event.check >= monitors_.size()) {
        return false;
    }
    heard_ = now;
    if (is_by_hand(event.run)) {
        const auto visit = std::ranges::find(visits_, event.run, &Visit::run);
        if (visit != visits_.end() && visit->check == event.check) {
            answer(*visit, event.outcome, out);
            visits_.erase(visit);
        }
        return false;
    }
    checks::Monitor& monitor = monitors_[event.check];
    const CheckBefore before{monitor.state(), monitor.contrary(), monitor.weight()};
    const bool had_run = monitor.has_run();
    const bool changed = monitor.finished(now, event.run, event.outcome);
    if (out.logs(LogLevel::debug)) {
        narrate_run(monitor, before, event.outcome.passed != monitor.settings().inverted, out);
    }
    if (monitor.state() != before.state) {
        change(event.check, before.state, out);
    }
    reschedule(event.check);
    return changed || monitor.has_run() != had_run;  // "not looked at yet" is a reason of its own
}

void Health::change(std::size_t check, CheckState before, Outbox& out) const {
    const checks::Monitor& monitor = monitors_[check];
    const bool good = monitor.state() == CheckState::up;
    log(out, good ? LogLevel::info : LogLevel::warn,
        "check " + monitor.settings().name + ": " + std::string{control::name_of(shown(before))} +
            " -> " + std::string{control::name_of(shown(monitor.state()))} + ": " +
            monitor.detail());
}

void Health::prober_started(TimePoint now) {
    heard_ = now;
    for (std::size_t i = 0; i < monitors_.size(); ++i) {
        monitors_[i].lost(now);
        reschedule(i);
    }
}

void Health::hurry(TimePoint now, std::size_t check) {
    monitors_.at(check).hurry(now);
    reschedule(check);
}

void Health::calm(std::size_t check) {
    monitors_.at(check).calm();
}

// --- runs by hand --------------------------------------------------------------------------------

bool Health::is_by_hand(checks::Monitor::RunId run) {
    return (run & visit_bit) != 0;
}

void Health::run_for(TimePoint now, ClientId client, std::size_t check, Outbox& out) {
    last_visit_ = (last_visit_ + 1) & ~visit_bit;
    const checks::Monitor::RunId run = last_visit_ | visit_bit;
    const Duration patience = monitors_.at(check).settings().timeout + checks::outcome_grace;
    visits_.push_back({client, check, run, now + patience});
    out.actions.emplace_back(RunCheck{check, run});
}

void Health::forget(ClientId client) {
    std::erase_if(visits_, [&](const Visit& visit) { return visit.client == client; });
}

void Health::end_visits(TimePoint now, Outbox& out) {
    std::erase_if(visits_, [&](const Visit& visit) {
        if (now < visit.give_up_at) {
            return false;
        }
        const std::string& name = monitors_[visit.check].settings().name;
        out.actions.emplace_back(
            Reply{visit.client,
                  control::ErrorResponse{"check " + name + ": the prober does not answer", false}});
        return true;
    });
}

void Health::answer(const Visit& visit, const checks::Outcome& outcome, Outbox& out) const {
    const checks::CheckSettings& settings = monitors_[visit.check].settings();
    control::CheckRunResponse response;
    response.check = settings.name;
    response.type = settings.type;
    response.passed = outcome.passed != settings.inverted;
    response.detail = outcome.detail;
    response.output = outcome.output;
    response.timings = {outcome.timings.lookup, outcome.timings.connect, outcome.timings.tls,
                        outcome.timings.first_byte, outcome.timings.total};
    response.status = status(visit.check);
    out.actions.emplace_back(Reply{visit.client, std::move(response)});
}

// --- another configuration -----------------------------------------------------------------------

void Health::configure(TimePoint now, const std::vector<checks::CheckSettings>& settings,
                       const std::vector<std::string>& other_questions, Outbox& out) {
    Health former = std::exchange(*this, Health({}, heard_));
    last_visit_ = former.last_visit_;
    monitors_.reserve(settings.size());
    for (const checks::CheckSettings& check : settings) {
        const auto known = former.find(check.name);
        if (!known) {
            add(now, check);
            continue;
        }
        const bool other = std::ranges::find(other_questions, check.name) != other_questions.end();
        places_.emplace(check.name, monitors_.size());
        monitors_.push_back(std::move(former.monitors_[*known]));
        monitors_.back().configure(now, check, other);
    }
    plan_all();
    keep_visits(former, other_questions, out);
}

void Health::keep_visits(const Health& former, const std::vector<std::string>& other_questions,
                         Outbox& out) {
    std::map<std::size_t, std::string> names;
    for (const auto& [name, place] : former.places_) {
        names.emplace(place, name);
    }
    for (Visit visit : former.visits_) {
        const std::string& name = names.at(visit.check);
        const auto place = find(name);
        if (place && std::ranges::find(other_questions, name) == other_questions.end()) {
            visit.check = *place;
            visits_.push_back(visit);
            continue;
        }
        const std::string what = place ? " has changed meanwhile" : " is not configured any more";
        out.actions.emplace_back(
            Reply{visit.client, control::ErrorResponse{"check " + name + what, false}});
    }
}

// --- what is known -------------------------------------------------------------------------------

std::optional<std::size_t> Health::find(std::string_view name) const {
    const auto found = places_.find(name);
    return found == places_.end() ? std::nullopt : std::optional{found->second};
}

bool Health::speaks_for(std::size_t check, bool holding) const {
    const CheckState state = monitors_.at(check).state();
    return state == CheckState::up || (holding && state == CheckState::unknown);
}

std::string Health::in_words(TimePoint now, std::size_t check) const {
    const checks::Monitor& monitor = monitors_.at(check);
    const std::string name = "check " + monitor.settings().name;
    if (monitor.state() == CheckState::unknown && !monitor.has_run()) {
        return name + " has not run yet";
    }
    const Duration age = now - monitor.since();
    return name + ' ' + std::string{control::name_of(shown(monitor.state()))} +
           (age < std::chrono::seconds{1} ? "" : " for " + core::in_words(age)) + ": " +
           monitor.detail();
}

control::CheckStatus Health::status(std::size_t check) const {
    const checks::Monitor& monitor = monitors_.at(check);
    control::CheckStatus status;
    status.name = monitor.settings().name;
    status.type = monitor.settings().type;
    status.state = shown(monitor.state());
    status.since = monitor.since();
    status.detail = monitor.detail();
    status.runs = monitor.runs();
    status.failures = monitor.failures();
    status.duration = monitor.last_duration();
    return status;
}

std::vector<control::CheckStatus> Health::all() const {
    std::vector<control::CheckStatus> statuses;
    statuses.reserve(monitors_.size());
    for (std::size_t i = 0; i < monitors_.size(); ++i) {
        statuses.push_back(status(i));
    }
    return statuses;
}

}  // namespace understudy::core
