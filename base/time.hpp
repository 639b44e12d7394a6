// Time as the core sees it: an argument, never something that is asked for.
//
// Resolution is the microsecond. RFC 9568 counts in centiseconds, which loses the skew time of
// short intervals (6.1); only the codec converts.
#pragma once

#include <chrono>

namespace understudy {

using Duration = std::chrono::microseconds;

// The host feeds CLOCK_BOOTTIME: monotonic, and it goes on while the machine is suspended. There is
// no now(): pure code is told the time.
struct BootClock {
    using rep = Duration::rep;
    using period = Duration::period;
    using duration = Duration;
    using time_point = std::chrono::time_point<BootClock, Duration>;
    static constexpr bool is_steady = true;
};
using TimePoint = BootClock::time_point;

// UTC, microseconds since 1970. Shown to people ("since"), never used for a decision.
using WallTime = std::chrono::sys_time<Duration>;

}  // namespace understudy
