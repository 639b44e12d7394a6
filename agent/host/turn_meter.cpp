#include "agent/host/turn_meter.hpp"

#include "agent/host/boot_clock.hpp"

namespace understudy::host {

TurnMeter::Turn::Turn(TurnMeter& meter, const char* why)
    : meter_(meter), is_outermost_(!meter.in_turn_) {
    if (is_outermost_) {
        meter_.begin(why);
    }
}

TurnMeter::Turn::~Turn() {
    if (is_outermost_) {
        meter_.end();
    }
}

void TurnMeter::begin(const char* why) {
    in_turn_ = true;
    why_ = what_ = longest_what_ = why;
    longest_step_ = Duration::zero();
    begun_ = step_begun_ = boot_now();
}

void TurnMeter::end_step(TimePoint now) {
    if (now - step_begun_ > longest_step_) {
        longest_step_ = now - step_begun_;
        longest_what_ = what_;
    }
    step_begun_ = now;
}

void TurnMeter::step(const char* what) {
    if (in_turn_) {
        end_step(boot_now());
        what_ = what;
    }
}

void TurnMeter::end() {
    in_turn_ = false;
    const TimePoint now = boot_now();
    end_step(now);
    const Duration length = now - begun_;
    ++status_.turns;
    if (length > budget) {
        ++status_.over_budget;
    }
    if (length > status_.longest_turn) {
        status_.longest_turn = length;
        status_.longest_turn_at = now;
        status_.longest_turn_cause = why_;
        status_.longest_step = longest_step_;
        status_.longest_step_in = longest_what_;
    }
}

void TurnMeter::delayed(TimePoint now, Duration delay) {
    if (delay > status_.longest_delay) {
        status_.longest_delay = delay;
        status_.longest_delay_at = now;
    }
}

}  // namespace understudy::host
