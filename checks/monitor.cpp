#include "checks/monitor.hpp"

#include <algorithm>

namespace understudy::checks {

Monitor::Monitor(const CheckSettings& settings, TimePoint created, TimePoint first_run)
    : settings_(&settings),
      state_(settings.initial),
      since_(created),
      detail_("has not run yet"),
      next_start_(first_run),
      last_word_(first_run) {}

Duration Monitor::memory() const {
    const Duration longest =
        std::max(settings_->interval, settings_->down_interval.value_or(Duration::zero()));
    return std::max(least_memory, 5 * longest) + settings_->timeout;
}

Duration Monitor::pause() const {
    const Duration fast = settings_->fast_interval.value_or(settings_->interval);
    if (is_confirming()) {
        return fast;
    }
    if (state_ == CheckState::down) {
        const Duration down = settings_->down_interval.value_or(settings_->interval);
        return hurried_ ? std::min(fast, down) : down;
    }
    return settings_->interval;
}

std::optional<Monitor::RunId> Monitor::start_if_due(TimePoint now) {
    if (running_ || now < next_start_) {
        return std::nullopt;
    }
    running_ = Running{++last_run_, now, now + settings_->timeout + outcome_grace};
    last_start_ = now;
    return last_run_;
}

bool Monitor::finished(TimePoint now, RunId run, const Outcome& outcome) {
    if (!running_ || running_->run != run) {
        return false;
    }
    const TimePoint started = running_->started;
    running_.reset();
    last_word_ = now;
    ++runs_;
    const bool passed = outcome.passed != settings_->inverted;
    failures_ += passed ? 0 : 1;
    detail_ = outcome.detail;
    last_duration_ = outcome.timings.total.value_or(now - started);
    const int weight_before = weight_;
    weight_ = outcome.weight.value_or(weight_);

    const CheckState before = state_;
    const CheckState seen = passed ? CheckState::up : CheckState::down;
    contrary_ = seen == state_ ? 0 : contrary_ + 1;
    const unsigned needed = seen == CheckState::up ? settings_->rise : settings_->fall;
    if (state_ == CheckState::unknown || contrary_ >= needed) {
        become(now, seen);
    }
    next_start_ = std::max(now, started + pause());
    return state_ != before || weight_ != weight_before;
}

void Monitor::become(TimePoint now, CheckState state) {
    if (state != state_) {
        state_ = state;
        since_ = now;
    }
    contrary_ = 0;
}

bool Monitor::time_passed(TimePoint now) {
    if (is_overdue(now)) {
        lost(now);
    }
    if (state_ == CheckState::unknown || now < last_word_ + memory()) {
        return false;
    }
    detail_ = "no outcome of a run for too long; the last one was: " + detail_;
    become(now, CheckState::unknown);
    return true;
}

void Monitor::lost(TimePoint now) {
    if (running_) {
        next_start_ = std::max(now, running_->started + pause());
        running_.reset();
    }
}

void Monitor::configure(TimePoint now, const CheckSettings& settings, bool other_question) {
    const Duration remembered = memory();
    const bool other_pace = settings.interval != settings_->interval ||
                            settings.fast_interval != settings_->fast_interval ||
                            settings.down_interval != settings_->down_interval;
    settings_ = &settings;
    if (memory() < remembered) {
        last_word_ = now;  // it was not too old until now
    }
    if (other_question) {
        running_.reset();
        contrary_ = 0;
        next_start_ = now;
    } else if (other_pace && last_start_) {
        next_start_ = std::min(next_start_, std::max(now, *last_start_ + pause()));
    }
}

void Monitor::hurry(TimePoint now) {
    hurried_ = true;
    next_start_ = std::min(next_start_, now);
}

TimePoint Monitor::next_deadline() const {
    const TimePoint work = running_ ? running_->give_up_at : next_start_;
    return state_ == CheckState::unknown ? work : std::min(work, last_word_ + memory());
}

}  // namespace understudy::checks
