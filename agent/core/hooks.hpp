// The hooks of one VIP as a queue: one runs at a time, and of the state hooks that could wait for
// it only the latest does. What a hook is, and what its end means, is the business of Vip.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/control/messages.hpp"
#include "agent/core/configuration.hpp"
#include "agent/core/event.hpp"
#include "base/state_fields.hpp"
#include "base/time.hpp"

namespace understudy::core {

// What the hooks of all VIPs of a node share.
struct HookDesk {
    std::string node;
    std::uint32_t last_order = 0;
    bool stirred = false;  // there may be something to run
};

// A state that a VIP has come to.
struct StateEntered {
    control::State state = control::State::init;
    control::State previous = control::State::init;
    std::string reason;
};

// The hook of a state; none for init and promoting.
std::optional<HookKind> hook_of(control::State state);

// The runner kills a hook at its time limit and says so; this much later nobody waits for it.
inline constexpr Duration hook_grace = std::chrono::seconds{2};

class HookQueue {
public:
    struct Due {
        HookKind kind = HookKind::active;
        std::optional<StateEntered> entered;  // of the hook of a state
    };
    struct Ended {
        HookKind kind = HookKind::active;
        bool done = false;
        std::string detail;
        Duration took{};
    };

    // What waits for an earlier state is passed over, also when this one has no hook.
    void enter(const HookSettings& settings, StateEntered entered);
    // on_promote or on_release: once from now on, whatever is running.
    void ask(HookKind kind) { wanted(kind) = true; }
    // Unless it runs already.
    void forget(HookKind kind) { wanted(kind) = false; }
    // Asked for, and not begun since.
    bool waits(HookKind kind) const { return kind == HookKind::promote ? promote_ : release_; }
    bool is_idle() const { return !running_ && !release_ && !promote_ && !entered_; }

    // What is to run now. It runs from then on, until finished() or until its limit is over.
    std::optional<Due> begin(TimePoint now, const HookSettings& settings, HookDesk& desk);
    // Nothing if it is none of these.
    std::optional<Ended> finished(TimePoint now, const HookFinished& event);
    std::optional<Ended> time_passed(TimePoint now);

    std::optional<TimePoint> next_deadline() const;
    // Until what is asked for last has ended, at the latest.
    Duration longest_wait(TimePoint now, const HookSettings& settings) const;
    // The last run of each kind, if there was one.
    std::vector<control::HookStatus> status() const;

private:
    friend struct understudy::StateFields;

    struct Running {
        HookKind kind = HookKind::active;
        std::uint32_t order = 0;
        TimePoint begun;
        TimePoint limit;
    };

    bool& wanted(HookKind kind) { return kind == HookKind::promote ? promote_ : release_; }
    std::optional<HookKind> next() const;

    std::optional<Running> running_;
    bool release_ = false;
    bool promote_ = false;
    std::optional<StateEntered> entered_;
    std::array<std::optional<control::HookStatus>, hook_kinds> last_;
};

}  // namespace understudy::core
