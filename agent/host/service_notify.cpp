#include "agent/host/service_notify.hpp"

#include <systemd/sd-daemon.h>

#include <ctime>

namespace understudy::host {

ServiceNotify::ServiceNotify() {
    std::uint64_t microseconds = 0;
    if (sd_watchdog_enabled(0, &microseconds) > 0) {
        watchdog_period_ = Duration{static_cast<Duration::rep>(microseconds / 2)};
    }
}

void ServiceNotify::ready() {
    sd_notify(0, "READY=1");
}

// sd_notify(3): Type=notify-reload wants to know since when.
void ServiceNotify::reloading() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const auto microseconds = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
    sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds)).c_str());
}

void ServiceNotify::stopping() {
    sd_notify(0, "STOPPING=1");
}

void ServiceNotify::status(const std::string& text) {
    if (text != status_) {
        status_ = text;
        sd_notify(0, ("STATUS=" + text).c_str());
    }
}

void ServiceNotify::alive() {
    sd_notify(0, "WATCHDOG=1");
}

}  // namespace understudy::host
