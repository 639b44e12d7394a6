// Timer arithmetic, in microseconds: centisecond integers would lose the skew of short intervals.
#pragma once

#include <algorithm>

#include "base/time.hpp"
#include "vrrp/protocol.hpp"

namespace understudy::vrrp {

// How long a Backup with this priority waits beyond the missed advertisements, so that the highest
// priority goes first. Version 3: (256 - priority) / 256 of the Active's interval (RFC 9568 6.1);
// version 2: (256 - priority) / 256 seconds, whatever the interval (RFC 3768 6.1).
constexpr Duration skew_time(Version version, Priority priority, Duration active_interval) {
    const Duration unit = version == Version::v3 ? active_interval : std::chrono::seconds{1};
    return unit * (256 - priority) / 256;
}

// The silence after which a Backup takes over: 3 x Active_Adver_Interval + Skew_Time.
constexpr Duration active_down_interval(Version version, Priority priority,
                                        Duration active_interval) {
    return 3 * active_interval + skew_time(version, priority, active_interval);
}

// Packets of one sender overtake each other by less than this (no RFC basis).
constexpr Duration reordering_window(Duration interval) {
    constexpr Duration longest = std::chrono::milliseconds{50};
    return std::min(longest, interval / 4);
}

// From when on an advertisement of a router that was heard at `heard` is missing, although it may
// be a little late (no RFC basis).
constexpr TimePoint overdue_at(TimePoint heard, Duration interval) {
    constexpr Duration late = std::chrono::milliseconds{5};
    return heard + interval + std::max(interval / 32, std::min(interval / 2, late));
}

// Delay after its skew time with which a standby in the low band takes offered addresses, so that
// every standby outside the band takes them first, also on a slow network. No RFC basis.
constexpr Duration second_place_delay(Version version, Duration active_interval) {
    const Duration unit = version == Version::v3 ? active_interval : std::chrono::seconds{1};
    constexpr Duration least = std::chrono::milliseconds{50};
    return std::min(active_interval, std::max(unit / 8, least));
}

}  // namespace understudy::vrrp
