// A service that is promoted together with addresses: is it ready, can it be made ready, and the
// starting and stopping of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/control/messages.hpp"
#include "agent/core/action.hpp"
#include "agent/core/configuration.hpp"
#include "agent/core/event.hpp"
#include "agent/core/health.hpp"
#include "base/state_fields.hpp"

namespace understudy::core {

// What the VIPs of this node want of it.
enum class Demand : std::uint8_t {
    none,  // nothing: let it be as it is
    run,   // an address waits for it
    stop,  // it must not run here any more (stop_on_release)
};

class Service {
public:
    // `settings` outlives this; `checks` are the places of its checks in Health.
    Service(const ServiceSettings& settings, std::vector<std::size_t> checks, std::size_t index);

    // Level-triggered: called as often as anything may have changed. Returns whether it is another
    // service now for those who depend on it.
    [[nodiscard]] bool settle(TimePoint now, Demand demand, Health& health, Outbox& out);
    [[nodiscard]] bool finished(TimePoint now, const ServiceCommandFinished& event, Health& health,
                                Outbox& out);
    // A reload: goes on with what it is doing. `settings` outlives this; the former ones are still
    // there. With another unit or other commands it may be tried again.
    void configure(TimePoint now, const ServiceSettings& settings, std::vector<std::size_t> checks,
                   std::size_t index, bool other_commands, Health& health);
    // Forgets that it could not be started.
    void forgive() { failure_.clear(); }

    // `holding`: the one who asks has the addresses, so the last word of a check counts.
    control::Readiness readiness(const Health& health, bool holding) const;
    // Why it is not hot; empty if it is.
    std::string reason(TimePoint now, const Health& health, bool holding) const;
    // What speaks against it is only that a check has not run yet.
    bool awaits_first_run(const Health& health) const;
    bool is_starting() const { return phase_ == Phase::starting; }
    // A stop that was demanded has ended, and nothing was started since.
    bool is_stopped() const { return stopped_; }
    // It is to be stopped before the addresses are released.
    bool stops_first() const { return settings_->stop_on_release; }
    const ServiceSettings& settings() const { return *settings_; }
    std::optional<TimePoint> next_deadline() const;

private:
    friend struct understudy::StateFields;

    enum class Phase : std::uint8_t { idle, starting, stopping };

    bool all_speak_for_it(const Health& health, bool holding) const;
    std::optional<std::size_t> first_against(const Health& health, bool holding) const;
    void start(TimePoint now, Health& health, Outbox& out);
    void stop(TimePoint now, Outbox& out);
    void give_up(TimePoint now, std::string why, Health& health, Outbox& out);
    void calm(Health& health) const;

    const ServiceSettings* settings_;
    std::vector<std::size_t> checks_;
    std::size_t index_;
    Phase phase_ = Phase::idle;
    std::optional<TimePoint> deadline_;  // of the phase
    std::uint32_t order_ = 0;            // the last one given
    bool stopped_ = false;
    std::string failure_;  // the last start did not make it ready
};

}  // namespace understudy::core
