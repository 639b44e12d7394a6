// The budget of the heartbeat: how long the loop is busy at a time, and with what.
//
// While it is busy no advertisement leaves. A turn is what one event leads to; it consists of
// steps. What nobody has thought of measuring shows as the delay of a timer.
#pragma once

#include <cstdint>
#include <optional>

#include "agent/control/messages.hpp"
#include "base/time.hpp"

namespace understudy::host {

class TurnMeter {
public:
    // Half of what a planned move has for its overlap; a tenth of the shortest interval.
    static constexpr Duration budget = std::chrono::milliseconds{1};

    // For its life the loop is busy because of `why`. Texts are constants.
    class Turn {
    public:
        Turn(TurnMeter& meter, const char* why);
        ~Turn();
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

    private:
        TurnMeter& meter_;
        bool is_outermost_;
    };

    // From now on it is busy with `what`, until the next step or the end of the turn.
    void step(const char* what);
    // A timer has come so much too late.
    void delayed(TimePoint now, Duration delay);

    const control::LoopStatus& status() const { return status_; }

private:
    void begin(const char* why);
    void end();
    void end_step(TimePoint now);

    control::LoopStatus status_;
    bool in_turn_ = false;
    const char* why_ = "";
    TimePoint begun_{};
    const char* what_ = "";
    TimePoint step_begun_{};
    const char* longest_what_ = "";  // of this turn
    Duration longest_step_{};
};

}  // namespace understudy::host
