// Holds a VIP in backup that changes hands too often. No RFC basis.
#pragma once

#include <deque>
#include <optional>

#include "agent/core/configuration.hpp"
#include "base/state_fields.hpp"
#include "base/time.hpp"

namespace understudy::core {

class TransitionLimiter {
public:
    // Nothing: there is no limit.
    explicit TransitionLimiter(const std::optional<MaxTransitions>& limit) : limit_(limit) {}

    // This node became active, or ceased to be. Commands of the operator do not count. Returns
    // whether that was one too many.
    bool count(TimePoint now) {
        if (!limit_) {
            return false;
        }
        changes_.push_back(now);
        while (now - changes_.front() > limit_->window || changes_.size() > limit_->count + 1) {
            changes_.pop_front();
        }
        if (changes_.size() <= limit_->count) {
            return false;
        }
        calm_at_ = now + limit_->window;
        return true;
    }
    // It may not lead until then: a whole window without a transition.
    std::optional<TimePoint> held_until() const { return calm_at_; }
    void end_if_calm(TimePoint now) {
        if (calm_at_ && now >= *calm_at_) {
            forgive();
        }
    }
    void forgive() {
        changes_.clear();
        calm_at_.reset();
    }
    // What was counted stays; without a limit nothing is held.
    void configure(const std::optional<MaxTransitions>& limit) {
        limit_ = limit;
        if (!limit_) {
            forgive();
        }
    }
    const std::optional<MaxTransitions>& limit() const { return limit_; }

private:
    friend struct understudy::StateFields;

    std::optional<MaxTransitions> limit_;
    std::deque<TimePoint> changes_;  // at most count + 1 within the window
    std::optional<TimePoint> calm_at_;
};

}  // namespace understudy::core
