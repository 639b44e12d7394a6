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
    void stopping();
    void status(const std::string& text);  // sent only when it has changed
    // Half of WatchdogSec=; nothing if systemd does not watch.
    std::optional<Duration> watchdog_period() const { return watchdog_period_; }
    void alive();

private:
    std::optional<Duration> watchdog_period_;
    std::string status_;
};

}  // namespace understudy::host
