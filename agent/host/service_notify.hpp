// systemd's view of the agent: ready, status, watchdog (sd_notify(3)). Does nothing elsewhere.
#pragma once

#include <optional>
#include <string>

#include "base/time.hpp"

namespace understudy::host {

class ServiceNotify {
public:
    ServiceNotify();

    void ready();
    void reloading();  // ready() ends it
    // Asks for time beyond TimeoutStopSec=, as each alive() does from now on: what the stop waits
    // for has limits of its own.
    void stopping();
    void status(const std::string& text);  // sent only when it has changed
    // How often alive() is to be called: half of WatchdogSec=, and every 5 s while stopping;
    // nothing if nobody waits for it.
    std::optional<Duration> life_sign_period() const { return life_sign_period_; }
    void alive();

private:
    std::optional<Duration> life_sign_period_;
    bool stopping_ = false;
    std::string status_;
};

}  // namespace understudy::host
