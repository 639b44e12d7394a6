// How regular the heartbeats are: what is counted where, and on the virtual LAN.
#include "agent/core/heartbeat_record.hpp"

#include <gmock/gmock.h>

#include <numeric>

#include "tests/sim/virtual_lan.hpp"

namespace understudy {
namespace {

using namespace std::chrono_literals;
using core::HeartbeatRecord;

std::uint64_t total(const control::Histogram& histogram) {
    return std::accumulate(histogram.counts.begin(), histogram.counts.end(), std::uint64_t{0});
}

// Values that are at most `upper`, and above the bound below it.
std::uint64_t up_to(const control::Histogram& histogram, double upper) {
    const auto place = std::ranges::find(histogram.bounds, upper) - histogram.bounds.begin();
    return histogram.counts.at(static_cast<std::size_t>(place));
}

TEST(HeartbeatRecordTest, gaps_count_in_intervals_of_the_sender) {
    HeartbeatRecord record;
    record.heard(10ms, 10ms);
    record.heard(40950ms, 40950ms);
    record.heard(30ms, 10ms);     // the bound itself is in its bucket
    record.heard(30001us, 10ms);  // a thousandth of an interval is the resolution
    record.heard(30010us, 10ms);
    record.heard(1h, 1s);
    record.heard(1s, 0s);  // says nothing
    const control::Histogram gaps = record.gaps();
    EXPECT_EQ(up_to(gaps, 1.1), 2U);
    EXPECT_EQ(up_to(gaps, 3.0), 2U);
    EXPECT_EQ(up_to(gaps, 3.5), 1U);
    EXPECT_EQ(gaps.counts.back(), 1U);
    EXPECT_EQ(gaps.counts.size(), gaps.bounds.size() + 1);
    EXPECT_NEAR(gaps.sum, 1 + 1 + 3 + 3 + 3.001 + 3600, 1e-6);
}

TEST(HeartbeatRecordTest, lateness_counts_in_seconds) {
    HeartbeatRecord record;
    record.sent(0us);
    record.sent(100us);
    record.sent(101us);
    record.sent(10s);
    const control::Histogram lateness = record.lateness();
    EXPECT_EQ(up_to(lateness, 1e-4), 2U);
    EXPECT_EQ(up_to(lateness, 2.5e-4), 1U);
    EXPECT_EQ(lateness.counts.back(), 1U);
    EXPECT_NEAR(lateness.sum, 10.000201, 1e-9);
}

class HeartbeatsOnTheLan : public testing::Test {
protected:
    void start(Duration interval) {
        lb1.start(sim::web(150, interval));
        lb2.start(sim::web(100, interval));
        ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 10 * interval));
        lan.run_for(5 * interval);
        heard_before = total(lb2.vip().heartbeat_gap);
    }
    control::Histogram gaps() { return lb2.vip().heartbeat_gap; }

    sim::VirtualLan lan;
    sim::VirtualHost& lb1 = lan.add("lb1");
    sim::VirtualHost& lb2 = lan.add("lb2");
    std::uint64_t heard_before = 0;
};

TEST_F(HeartbeatsOnTheLan, a_regular_peer_has_gaps_of_one_interval) {
    start(1s);
    lan.run_for(20s);
    EXPECT_EQ(total(gaps()), heard_before + 20);
    EXPECT_EQ(up_to(gaps(), 1.1), total(gaps()));
    EXPECT_EQ(total(lb1.vip().heartbeat_gap), 0U) << "who is active hears nobody";
}

TEST_F(HeartbeatsOnTheLan, two_lost_adverts_are_a_gap_of_three_intervals) {
    start(100ms);
    const auto regular = up_to(gaps(), 1.1);
    std::size_t lost = 0;
    lan.wire = [&](const sim::VirtualHost& from, const sim::VirtualHost&) {
        sim::Passage passage;
        if (&from == &lb1 && lost < 2) {
            passage.copies = 0;
            ++lost;
        }
        return passage;
    };
    lan.run_for(1s);
    ASSERT_EQ(lb2.state(), "backup");
    EXPECT_EQ(up_to(gaps(), 3.0), 1U);
    EXPECT_EQ(up_to(gaps(), 1.1), regular + 7);
}

// Between the old active node's last word and its first one years later is no gap of heartbeats.
TEST_F(HeartbeatsOnTheLan, a_takeover_is_no_gap) {
    start(100ms);
    lb1.cut(true);
    ASSERT_TRUE(lan.run_until([&] { return lb2.state() == "active"; }, 1s));
    lan.run_for(10s);
    lb1.cut(false);
    ASSERT_TRUE(lan.run_until([&] { return lb2.state() == "backup"; }, 1s));
    lan.run_for(1s);
    // Some are shorter: who meets a rival speaks at once.
    EXPECT_EQ(up_to(gaps(), 0.5) + up_to(gaps(), 0.9) + up_to(gaps(), 1.1), total(gaps()));
    EXPECT_GT(total(gaps()), heard_before);
}

TEST_F(HeartbeatsOnTheLan, every_own_heartbeat_has_its_lateness) {
    start(100ms);
    const auto before = total(lb1.vip().heartbeat_lateness);
    lan.run_for(1s);
    const control::Histogram lateness = lb1.vip().heartbeat_lateness;
    EXPECT_EQ(total(lateness), before + 10);
    EXPECT_EQ(up_to(lateness, 1e-4), total(lateness)) << "virtual time is never late";
    EXPECT_EQ(total(lb2.vip().heartbeat_lateness), 0U);
}

}  // namespace
}  // namespace understudy
