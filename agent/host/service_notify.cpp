#include "agent/host/service_notify.hpp"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <ctime>

namespace understudy::host {

namespace {

// Three times what lies between two signs of life.
const std::string more_time = "EXTEND_TIMEOUT_USEC=15000000";

}  // namespace

ServiceNotify::ServiceNotify() {
    std::uint64_t microseconds = 0;
    if (sd_watchdog_enabled(0, &microseconds) > 0) {
        life_sign_period_ = Duration{static_cast<Duration::rep>(microseconds / 2)};
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
    constexpr Duration often = std::chrono::seconds{5};
    stopping_ = true;
    life_sign_period_ = std::min(life_sign_period_.value_or(often), often);
    sd_notify(0, ("STOPPING=1\n" + more_time).c_str());
}

void ServiceNotify::status(const std::string& text) {
    if (text != status_) {
        status_ = text;
        sd_notify(0, ("STATUS=" + text).c_str());
    }
}

void ServiceNotify::alive() {
    sd_notify(0, ("WATCHDOG=1\n" + (stopping_ ? more_time : "")).c_str());
}

}  // namespace understudy::host
