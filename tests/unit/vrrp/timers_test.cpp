// Reference values worked out by hand from the formulas of RFC 9568 6.1 and RFC 3768 6.1.
#include "vrrp/timers.hpp"

#include <gtest/gtest.h>

#include "vrrp/protocol.hpp"

namespace understudy::vrrp {
namespace {

using namespace std::chrono_literals;

struct Reference {
    Priority priority;
    Duration interval;
    std::int64_t skew_ns;
};

// Skew_Time = (256 - Priority) x Active_Adver_Interval / 256.
constexpr Reference references[] = {
    {100, 1s, 609'375'000},         // 156/256 s
    {150, 1s, 414'062'500},         // 106/256 s
    {200, 1s, 218'750'000},         // 56/256 s
    {254, 1s, 7'812'500},           // 2/256 s
    {255, 1s, 3'906'250},           // 1/256 s
    {100, 100ms, 60'937'500},       // 156/256 of 100 ms
    {254, 100ms, 781'250},          // lost by whole centiseconds
    {100, 10ms, 6'093'750},         //
    {254, 10ms, 78'125},            //
    {1, 40'950ms, 40'790'039'062},  // 255/256 of 40.95 s
    {1, 1s, 996'093'750},           //
};

TEST(Rfc9568, s6_1_skew_time_reference_values) {
    for (const Reference& r : references) {
        const Duration skew = skew_time(Version::v3, r.priority, r.interval);
        EXPECT_EQ(skew.count(), r.skew_ns / 1000)
            << "priority " << int{r.priority} << ", interval " << r.interval.count() << " us";
    }
}

TEST(Rfc9568, s6_1_active_down_interval_reference_values) {
    EXPECT_EQ(active_down_interval(Version::v3, 100, 1s), 3'609'375us);
    EXPECT_EQ(active_down_interval(Version::v3, 150, 1s), 3'414'062us);
    EXPECT_EQ(active_down_interval(Version::v3, 200, 1s), 3'218'750us);
    EXPECT_EQ(active_down_interval(Version::v3, 254, 1s), 3'007'812us);
    EXPECT_EQ(active_down_interval(Version::v3, 100, 100ms), 360'937us);
    EXPECT_EQ(active_down_interval(Version::v3, 100, 10ms), 36'093us);
    EXPECT_EQ(active_down_interval(Version::v3, 1, 40'950ms), 163'640'039us);
}

TEST(Rfc9568, s6_1_skew_time_tells_all_priorities_apart_down_to_10_ms) {
    for (int priority = 1; priority < 255; ++priority) {
        EXPECT_GT(skew_time(Version::v3, static_cast<Priority>(priority), 10ms),
                  skew_time(Version::v3, static_cast<Priority>(priority + 1), 10ms))
            << priority;
    }
}

TEST(Rfc9568, s6_1_skew_time_is_never_zero_nor_a_whole_interval) {
    for (const Duration interval : {Duration{10ms}, Duration{1s}, Duration{40'950ms}}) {
        EXPECT_GT(skew_time(Version::v3, 255, interval), 0us);
        EXPECT_LT(skew_time(Version::v3, 1, interval), interval);
    }
}

// RFC 3768 6.1: (256 - Priority) / 256 seconds, whatever the interval.
TEST(Rfc3768, s6_1_skew_time_does_not_depend_on_the_interval) {
    EXPECT_EQ(skew_time(Version::v2, 100, 1s), 609'375us);
    EXPECT_EQ(skew_time(Version::v2, 100, 10s), 609'375us);
    EXPECT_EQ(skew_time(Version::v2, 254, 255s), 7'812us);
    EXPECT_NE(skew_time(Version::v3, 100, 10s), skew_time(Version::v2, 100, 10s));
}

TEST(Rfc3768, s6_1_master_down_interval_is_three_intervals_and_the_skew) {
    EXPECT_EQ(active_down_interval(Version::v2, 100, 1s), 3'609'375us);
    EXPECT_EQ(active_down_interval(Version::v2, 100, 10s), 30'609'375us);
    EXPECT_EQ(active_down_interval(Version::v2, 1, 255s), 765'996'093us);
}

}  // namespace
}  // namespace understudy::vrrp
