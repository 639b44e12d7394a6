// How regular the heartbeats of one VIP are: those that are heard, and our own.
#pragma once

#include <array>
#include <cstdint>

#include "agent/core/histogram.hpp"
#include "base/state_fields.hpp"
#include "base/time.hpp"

namespace understudy::core {

// Gaps in thousandths of the interval that the sender advertises, so that the same bounds serve
// 10 ms and 40 s: about 1000 is regular, a standby takes over between 3000 and 4000.
inline constexpr std::array<std::int64_t, 12> gap_bounds = {500,  900,  1100, 1250, 1500, 2000,
                                                            2500, 3000, 3500, 4000, 6000, 10'000};
// Lateness in microseconds: what delays a process does not depend on the interval.
inline constexpr std::array<std::int64_t, 14> lateness_bounds = {
    100,    250,    500,     1000,    2500,    5000,      10'000,
    25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000};

class HeartbeatRecord {
public:
    // Between two advertisements of one router, the first of which promised this interval.
    void heard(Duration gap, Duration interval) {
        if (interval > Duration::zero()) {
            gaps_.record(gap.count() * 1000 / interval.count());
        }
    }
    // An advertisement of our own left so long after it was due.
    void sent(Duration late) { lateness_.record(late.count()); }

    control::Histogram gaps() const { return gaps_.shown(1e3); }
    control::Histogram lateness() const { return lateness_.shown(1e6); }

private:
    friend struct understudy::StateFields;

    Histogram<gap_bounds.size(), gap_bounds> gaps_;
    Histogram<lateness_bounds.size(), lateness_bounds> lateness_;
};

}  // namespace understudy::core
