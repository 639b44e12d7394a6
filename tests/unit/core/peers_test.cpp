// How far a router that is heard is believed.
#include "agent/core/peers.hpp"

#include <gtest/gtest.h>

namespace understudy::core {
namespace {

using namespace std::chrono_literals;

class PeerTest : public testing::Test {
protected:
    Peer::Belief hear(int priority, Duration interval = 1s) {
        vrrp::Received received;
        received.priority = static_cast<vrrp::Priority>(priority);
        received.interval = interval;
        return peer.heard(now, received, priority <= vrrp::low_band_top, own);
    }
    Peer::Belief hear_after(Duration time, int priority, Duration interval = 1s) {
        now += time;
        return hear(priority, interval);
    }

    TimePoint now{1000s};
    Duration own = 1s;
    Peer peer;
};

TEST_F(PeerTest, a_longer_interval_counts_from_its_second_advertisement_on) {
    EXPECT_EQ(hear(200, 10s).interval, 1s);
    EXPECT_EQ(hear_after(10s, 200, 10s).interval, 10s);
    EXPECT_EQ(hear_after(10s, 200, 10s).interval, 10s);
}

TEST_F(PeerTest, a_longer_one_among_others_never_counts) {
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(hear_after(500ms, 150).interval, 1s);
        EXPECT_EQ(hear_after(500ms, 255, 40950ms).interval, 1s);
    }
}

TEST_F(PeerTest, two_at_once_are_one) {
    EXPECT_EQ(hear(255, 40950ms).interval, 1s);
    EXPECT_EQ(hear_after(1ms, 255, 40950ms).interval, 1s);
}

TEST_F(PeerTest, a_shorter_one_counts_when_nothing_has_contradicted_it_for_an_interval) {
    EXPECT_EQ(hear(150).interval, 1s);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(hear_after(100ms, 150, 100ms).interval, 1s);
    }
    hear_after(100ms, 150, 100ms);
    EXPECT_EQ(hear_after(100ms, 150, 100ms).interval, 100ms);
}

TEST_F(PeerTest, our_own_needs_no_proof) {
    hear(150, 5s);
    EXPECT_EQ(hear_after(5s, 150, 5s).interval, 5s);
    EXPECT_EQ(hear_after(5s, 150, 1s).interval, 1s);
}

TEST_F(PeerTest, forged_ones_are_contradicted_before_that) {
    for (int i = 0; i < 100; ++i) {
        const bool real = i % 10 == 0;
        EXPECT_EQ(hear_after(100ms, 150, real ? 1s : 10ms).interval, 1s);
    }
}

TEST_F(PeerTest, what_was_believed_counts_until_another_one_does) {
    hear(150, 5s);
    EXPECT_EQ(hear_after(5s, 150, 5s).interval, 5s);
    EXPECT_EQ(hear_after(5s, 150, 20s).interval, 5s);
    EXPECT_EQ(hear_after(5s, 150, 20s).interval, 20s);
}

// The router was away, and somebody has advertised in its name meanwhile.
TEST_F(PeerTest, what_was_believed_wrongly_is_over_after_two_advertisements) {
    own = 500ms;
    for (const Duration wrong : {Duration{10ms}, Duration{40950ms}}) {
        for (int i = 0; i < 20; ++i) {
            hear_after(300ms, 150, wrong);
        }
        ASSERT_EQ(hear_after(300ms, 150, wrong).interval, wrong);
        hear_after(1s, 150, 1s);
        EXPECT_EQ(hear_after(1s, 150, 1s).interval, 1s);
    }
}

TEST_F(PeerTest, a_router_that_does_not_answer_a_challenge_is_believed_when_it_is_on_time) {
    for (const Duration pause : {Duration{5s}, Duration{4s}}) {
        peer = {};
        hear(150, 5s);
        peer.challenged_at = now + 1s;
        EXPECT_EQ(hear_after(pause, 150, 5s).interval, pause == 5s ? 5s : 1s);
    }
}

TEST_F(PeerTest, an_answer_to_a_challenge_proves_that_the_router_is_alive) {
    own = 100ms;
    hear(150, 10ms);
    ASSERT_EQ(hear_after(200ms, 150, 10ms).interval, 10ms);
    hear_after(1s, 150, 1s);
    peer.challenged_at = now;
    EXPECT_EQ(hear_after(70ms, 150, 1s).interval, 1s);
}

TEST_F(PeerTest, an_offer_or_a_resignation_says_nothing_of_the_interval) {
    hear(150);
    for (const int priority : {1, 16, 0, 1, 0}) {
        EXPECT_EQ(hear_after(1s, priority, 10ms).interval, 1s);
    }
}

TEST_F(PeerTest, who_never_went_on_after_an_offer_is_believed_at_once) {
    hear(150);
    EXPECT_EQ(hear_after(1s, 1).counts_from, TimePoint{});
    EXPECT_EQ(hear_after(1s, 1).counts_from, TimePoint{});
    EXPECT_EQ(hear_after(10ms, 0).counts_from, TimePoint{});
    EXPECT_FALSE(hear_after(10s, 150).contradicts) << "it has begun again";
    EXPECT_EQ(hear_after(1s, 1).counts_from, TimePoint{});
}

class Contradicted : public PeerTest, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(OffersAndResignation, Contradicted, testing::Values(0, 1, 7, 16));

TEST_P(Contradicted, the_next_one_counts_when_its_advertisement_is_missing) {
    hear(150);
    hear_after(500ms, GetParam());
    EXPECT_TRUE(hear_after(500ms, 150).contradicts);
    const TimePoint ordinary = now;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(hear_after(200ms, GetParam()).counts_from, ordinary + 1s + 31250us);
    }
    hear_after(400ms, 150);
    now += doubt_lasts;
    EXPECT_EQ(hear(GetParam()).counts_from, TimePoint{});
}

TEST_P(Contradicted, what_was_overtaken_is_no_contradiction_and_what_follows_is) {
    hear(150);
    hear_after(500ms, GetParam());
    EXPECT_FALSE(hear_after(49ms, 150).contradicts);
    EXPECT_EQ(hear(GetParam()).counts_from, TimePoint{});
    EXPECT_FALSE(hear_after(1ms, 150).contradicts);
    EXPECT_TRUE(hear_after(1s, 150).contradicts);
}

// Not to this node: a cold peer has started its service.
TEST_F(PeerTest, who_leaves_the_low_band_and_offered_nothing_contradicts_nothing) {
    vrrp::Received received;
    received.interval = 1s;
    received.priority = 7;
    peer.heard(now, received, false, own);
    EXPECT_FALSE(hear_after(500ms, 100).contradicts);
}

TEST_F(PeerTest, after_a_contradiction_nothing_counts_as_overtaken) {
    hear(150);
    hear_after(500ms, 0);
    hear_after(500ms, 150);
    for (int i = 0; i < 3; ++i) {
        EXPECT_NE(hear_after(980ms, 0).counts_from, TimePoint{});
        EXPECT_TRUE(hear_after(20ms, 150).contradicts);
    }
}

TEST(PeersTest, a_flood_of_sources_does_not_make_a_doubted_one_forgotten) {
    Peers peers;
    TimePoint now{1000s};
    vrrp::Received received;
    received.interval = 1s;
    const auto hear = [&](const IpAddress& source, vrrp::Priority priority) {
        received.priority = priority;
        (void)peers.at(now, source).heard(now, received, priority <= vrrp::low_band_top, 1s);
    };
    const IpAddress lb1 = IpAddress::v4(192, 0, 2, 1);
    hear(lb1, 1);
    now += 1s;
    hear(lb1, 150);
    ASSERT_TRUE(peers.find(lb1)->is_doubted(now));
    for (int i = 0; i < 1000; ++i) {
        now += 1ms;
        hear(IpAddress::v4(10, 0, static_cast<std::uint8_t>(i / 250),
                           static_cast<std::uint8_t>(i % 250)),
             200);
    }
    EXPECT_EQ(peers.all().size(), most_peers);
    ASSERT_NE(peers.find(lb1), nullptr);
    EXPECT_TRUE(peers.find(lb1)->is_doubted(now));
}

}  // namespace
}  // namespace understudy::core
