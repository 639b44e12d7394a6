#include "agent/core/hooks.hpp"

#include <algorithm>
#include <utility>

namespace understudy::core {

std::optional<HookKind> hook_of(control::State state) {
    switch (state) {
        case control::State::active:
            return HookKind::active;
        case control::State::backup:
            return HookKind::backup;
        case control::State::fault:
            return HookKind::fault;
        case control::State::init:
        case control::State::promoting:
            break;
    }
    return std::nullopt;
}

void HookQueue::enter(const HookSettings& settings, StateEntered entered) {
    entered_.reset();
    if (const auto kind = hook_of(entered.state); kind && settings.has(*kind)) {
        entered_ = std::move(entered);
    }
}

// What belongs to the end of the last state comes before what the next one begins with.
std::optional<HookKind> HookQueue::next() const {
    if (release_) {
        return HookKind::release;
    }
    if (promote_) {
        return HookKind::promote;
    }
    return entered_ ? hook_of(entered_->state) : std::nullopt;
}

std::optional<HookQueue::Due> HookQueue::begin(TimePoint now, const HookSettings& settings,
                                               HookDesk& desk) {
    const auto kind = running_ ? std::nullopt : next();
    if (!kind) {
        return std::nullopt;
    }
    Due due;
    due.kind = *kind;
    if (*kind == HookKind::release || *kind == HookKind::promote) {
        forget(*kind);
    } else {
        due.entered = std::exchange(entered_, std::nullopt);
    }
    running_ = Running{*kind, ++desk.last_order, now, now + settings.timeout + hook_grace};
    last_.at(static_cast<std::size_t>(*kind)) =
        control::HookStatus{name_of(*kind), control::HookResult::running, now, ""};
    return due;
}

std::optional<HookQueue::Ended> HookQueue::finished(TimePoint now, const HookFinished& event) {
    if (!running_ || running_->order != event.order) {
        return std::nullopt;
    }
    const Running ended = *std::exchange(running_, std::nullopt);
    const auto result = event.done ? control::HookResult::done : control::HookResult::failed;
    const std::string detail = event.done ? "" : event.detail;
    last_.at(static_cast<std::size_t>(ended.kind)) =
        control::HookStatus{name_of(ended.kind), result, now, detail};
    return Ended{ended.kind, event.done, detail, now - ended.begun};
}

std::optional<HookQueue::Ended> HookQueue::time_passed(TimePoint now) {
    if (!running_ || now < running_->limit) {
        return std::nullopt;
    }
    return finished(now, {running_->order, false, "no answer within its time"});
}

std::optional<TimePoint> HookQueue::next_deadline() const {
    return running_ ? std::optional{running_->limit} : std::nullopt;
}

Duration HookQueue::longest_wait(TimePoint now, const HookSettings& settings) const {
    const Duration before =
        running_ ? std::max(running_->limit - now, Duration::zero()) : Duration::zero();
    return before + (release_ ? 2 : 1) * (settings.timeout + hook_grace);
}

std::vector<control::HookStatus> HookQueue::status() const {
    std::vector<control::HookStatus> all;
    for (const auto& one : last_) {
        if (one) {
            all.push_back(*one);
        }
    }
    return all;
}

}  // namespace understudy::core
