// The one clock of the heartbeat: CLOCK_BOOTTIME, which goes on while the machine is suspended.
#pragma once

#include <ctime>

#include "base/time.hpp"

namespace understudy::host {

inline Duration read_clock(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return std::chrono::seconds{time.tv_sec} +
           std::chrono::duration_cast<Duration>(std::chrono::nanoseconds{time.tv_nsec});
}

inline TimePoint boot_now() {
    return TimePoint{read_clock(CLOCK_BOOTTIME)};
}

// UTC of boot time zero, as the wall clock has it now.
inline WallTime boot_origin() {
    return WallTime{read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME)};
}

}  // namespace understudy::host
