#include "agent/core/service.hpp"

#include <algorithm>

#include "agent/core/vip.hpp"
#include "agent/core/wording.hpp"

namespace understudy::core {

namespace {

// The runner kills a command at its time limit and says so; this much later nobody waits for it.
constexpr Duration runner_grace = std::chrono::seconds{2};

}  // namespace

Service::Service(const ServiceSettings& settings, std::vector<std::size_t> checks,
                 std::size_t index)
    : settings_(&settings), checks_(std::move(checks)), index_(index) {}

void Service::configure(TimePoint now, const ServiceSettings& settings,
                        std::vector<std::size_t> checks, std::size_t index, bool other_commands,
                        Health& health) {
    const bool other_checks = settings.checks != settings_->checks;
    settings_ = &settings;
    checks_ = std::move(checks);
    index_ = index;
    if (other_commands) {
        forgive();
    }
    if (!settings.can_be_started()) {  // it is not for this agent to start and stop any more
        calm(health);
        phase_ = Phase::idle;
        deadline_.reset();
        stopped_ = false;
    }
    if (other_checks && phase_ == Phase::starting) {
        for (const std::size_t check : checks_) {
            health.hurry(now, check);
        }
    }
}

// --- is it ready ---------------------------------------------------------------------------------

std::optional<std::size_t> Service::first_against(const Health& health, bool holding) const {
    const auto found = std::ranges::find_if(
        checks_, [&](std::size_t check) { return !health.speaks_for(check, holding); });
    return found == checks_.end() ? std::nullopt : std::optional{*found};
}

bool Service::all_speak_for_it(const Health& health, bool holding) const {
    return !first_against(health, holding);
}

control::Readiness Service::readiness(const Health& health, bool holding) const {
    using control::Readiness;
    if (phase_ != Phase::stopping && !stopped_ && all_speak_for_it(health, holding)) {
        return Readiness::hot;
    }
    const bool startable =
        settings_->can_be_started() && settings_->standby != Standby::hot && failure_.empty();
    // What nobody has looked at yet may well run: it is not started on a guess.
    const bool guess = phase_ == Phase::idle && std::ranges::any_of(checks_, [&](std::size_t c) {
                           return health.monitor(c).state() == checks::CheckState::unknown;
                       });
    return startable && !guess ? Readiness::cold : Readiness::unready;
}

std::string Service::reason(TimePoint now, const Health& health, bool holding) const {
    if (readiness(health, holding) == control::Readiness::hot) {
        return {};
    }
    const auto against = first_against(health, holding);
    const std::string check = against ? health.in_words(now, *against) : "it was stopped";
    const std::string name = "service " + settings_->name;
    if (phase_ == Phase::starting) {
        return name + " is being started: " + check;
    }
    if (!failure_.empty()) {
        return name + " could not be started: " + failure_ + "; " + check;
    }
    return phase_ == Phase::stopping ? name + " is being stopped" : check;
}

bool Service::awaits_first_run(const Health& health) const {
    const auto against = first_against(health, false);
    return against && !health.monitor(*against).has_run();
}

// --- starting and stopping -----------------------------------------------------------------------

void Service::start(TimePoint now, Health& health, Outbox& out) {
    phase_ = Phase::starting;
    deadline_ = now + settings_->start_timeout;
    stopped_ = false;
    log(out, LogLevel::info, "service " + settings_->name + ": starts");
    out.actions.emplace_back(StartService{index_, ++order_});
    for (const std::size_t check : checks_) {
        health.hurry(now, check);
    }
}

void Service::stop(TimePoint now, Outbox& out) {
    phase_ = Phase::stopping;
    deadline_ = now + settings_->stop_timeout + runner_grace;
    log(out, LogLevel::info, "service " + settings_->name + ": stops");
    out.actions.emplace_back(StopService{index_, ++order_});
}

void Service::calm(Health& health) const {
    for (const std::size_t check : checks_) {
        health.calm(check);
    }
}

void Service::give_up(TimePoint now, std::string why, Health& health, Outbox& out) {
    failure_ = std::move(why);
    log(out, LogLevel::error, "service " + settings_->name + ": could not be started: " + failure_);
    calm(health);
    stop(now, out);
}

bool Service::settle(TimePoint now, Demand demand, Health& health, Outbox& out) {
    const bool ready = all_speak_for_it(health, false);
    if (ready && phase_ != Phase::stopping && !stopped_ && !failure_.empty()) {
        failure_.clear();
        return true;
    }
    if (stopped_ && !ready) {
        stopped_ = false;  // seen to be down: from now on its checks tell
        return true;
    }
    switch (phase_) {
        case Phase::starting:
            if (ready) {
                phase_ = Phase::idle;
                deadline_.reset();
                calm(health);
                return true;
            }
            if (now >= *deadline_) {
                const auto against = first_against(health, false);
                give_up(now,
                        "not ready within " + in_words(settings_->start_timeout) + ": " +
                            (against ? health.in_words(now, *against) : ""),
                        health, out);
                return true;
            }
            if (demand == Demand::stop) {
                calm(health);
                stop(now, out);
                return true;
            }
            return false;
        case Phase::stopping:
            if (now < *deadline_) {
                return false;
            }
            return finished(now, {index_, order_, false, "no answer within its time"}, health, out);
        case Phase::idle:
            break;
    }
    const bool needed = demand == Demand::run && (!ready || stopped_);
    if (needed && failure_.empty() && settings_->can_be_started()) {
        start(now, health, out);
        return true;
    }
    if (demand == Demand::stop && !stopped_ && settings_->can_be_started()) {
        stop(now, out);
        return true;
    }
    return false;
}

bool Service::finished(TimePoint now, const ServiceCommandFinished& event, Health& health,
                       Outbox& out) {
    if (event.order != order_ || phase_ == Phase::idle) {
        return false;
    }
    if (phase_ == Phase::starting) {
        if (event.done) {
            return false;  // the checks decide
        }
        give_up(now, event.detail, health, out);
        return true;
    }
    if (!event.done) {
        log(out, LogLevel::error,
            "service " + settings_->name + ": could not be stopped: " + event.detail);
    }
    phase_ = Phase::idle;
    deadline_.reset();
    stopped_ = true;
    for (const std::size_t check : checks_) {
        health.hurry(now, check);
        health.calm(check);
    }
    return true;
}

std::optional<TimePoint> Service::next_deadline() const {
    return deadline_;
}

}  // namespace understudy::core
