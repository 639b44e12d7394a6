// One machine in the segment sends advertisements in the name of others (RFC 9568 9).
#include <gmock/gmock.h>

#include "agent/core/peers.hpp"
#include "tests/sim/virtual_lan.hpp"

namespace understudy::core {
namespace {

using namespace std::chrono_literals;
using sim::VirtualHost;
using sim::VirtualLan;
using sim::web;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string vip = "192.0.2.10/24";
const IpAddress address = IpAddress::v4(192, 0, 2, 10);
const IpAddress stranger = IpAddress::v4(192, 0, 2, 200);

class Forged : public testing::Test {
protected:
    void start_pair(vrrp::Priority one = 150, vrrp::Priority two = 100, bool preempt = true) {
        for (auto [host, priority] : {std::pair{&lb1, one}, std::pair{&lb2, two}}) {
            Configuration configuration = web(priority);
            configuration.vips.front().preempt = preempt;
            host->start(configuration);
            lan.run_for(10s);
        }
        ASSERT_EQ(lb1.state(), "active");
        ASSERT_EQ(lb2.state(), "backup");
    }
    void forge(const IpAddress& source, int priority, Duration interval = 1s) {
        vrrp::Advertisement advert;
        advert.vrid = 51;
        advert.priority = static_cast<vrrp::Priority>(priority);
        advert.interval = interval;
        advert.addresses = address.bytes();
        lan.inject(source, vrrp::multicast_group_v4, advert);
    }
    // How often lb2 took the address when this number of packets was forged, 700 ms apart, so that
    // they fall on every part of the interval.
    int takeovers(int packets, const std::function<void()>& forge_one) {
        int count = 0;
        bool held = false;
        lan.after_step = [&] {
            const bool holds = lb2.holds(vip);
            count += holds && !held ? 1 : 0;
            held = holds;
        };
        for (int i = 0; i < packets; ++i) {
            forge_one();
            lan.run_for(700ms);
        }
        lan.run_for(10s);
        lan.after_step = nullptr;
        return count;
    }
    const IpAddress first = VirtualHost::address(Family::ipv4, 1);

    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    VirtualHost& lb2 = lan.add("lb2");
};

TEST_F(Forged, one_long_interval_costs_no_more_than_a_dead_router_does) {
    start_pair();
    lan.run_for(300ms);
    forge(stranger, 255, 40950ms);
    ASSERT_TRUE(lan.run_until([&] { return lan.holders(vip).empty(); }, 1s));
    const TimePoint gone = lan.now();
    ASSERT_TRUE(lan.run_until([&] { return !lan.holders(vip).empty(); }, 140s));
    EXPECT_LE(lan.now() - gone, 3414063us) << "three intervals and the skew time of 150";
}

TEST_F(Forged, nor_does_the_next_one_from_the_same_address) {
    start_pair();
    for (const Duration pause : {Duration{10s}, Duration{17s}, Duration{40s}}) {
        lan.run_for(pause);
        forge(stranger, 255, 40950ms);
        lan.run_for(5s);
        EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
    }
}

TEST_F(Forged, a_long_interval_in_the_name_of_the_active_router_outlives_it_by_nothing) {
    start_pair();
    forge(first, 150, 40950ms);
    lan.run_for(100us);
    lb1.cut(true);
    const TimePoint cut = lan.now();
    ASSERT_TRUE(lan.run_until([&] { return lb2.holds(vip); }, 140s));
    EXPECT_LE(lan.now() - cut, 3609375us);
}

TEST_F(Forged, a_short_interval_in_the_name_of_the_active_router_moves_nothing) {
    start_pair();
    EXPECT_EQ(takeovers(60, [&] { forge(first, 150, 10ms); }), 0);
    EXPECT_EQ(takeovers(60,
                        [&] {
                            for (int i = 0; i < 10; ++i) {
                                forge(first, 150, 10ms);
                                lan.run_for(10ms);
                            }
                        }),
              0);
}

// The real interval of a router that was never heard before is learned all the same.
TEST_F(Forged, other_intervals_are_learned) {
    for (const Duration interval : {Duration{100ms}, Duration{2s}, Duration{3s}}) {
        lb1.start(web(150, interval));
        lb2.start(web(100));
        lan.run_for(20s);
        ASSERT_EQ(lb1.state(), "active");
        EXPECT_EQ(lb2.vip().active_down_interval, 3 * interval + interval * 156 / 256);
        EXPECT_EQ(lb2.vip().transitions, 1U);
    }
}

TEST_F(Forged, a_reload_with_a_longer_interval_moves_nothing) {
    start_pair();
    lb1.reload(web(150, 8s));
    lan.run_for(60s);
    EXPECT_EQ(lb2.vip().transitions, 1U);
    EXPECT_EQ(lb2.vip().active_down_interval, 28875ms) << "3.609375 of 8 s";
}

class ForgedGift : public Forged, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(OffersAndResignation, ForgedGift, testing::Values(0, 1, 7, 16));

TEST_P(ForgedGift, succeeds_once_at_most) {
    start_pair();
    const int taken = takeovers(60, [&] { forge(first, GetParam(), 10ms); });
    EXPECT_LE(taken, 1);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
    EXPECT_THAT(lb2.journal(), Contains(HasSubstr("and goes on advertising")));
}

// The best standby has a skew time of a few milliseconds.
TEST_P(ForgedGift, succeeds_once_at_most_beside_the_best_standby) {
    start_pair(100, 254, false);
    const int taken = takeovers(60, [&] { forge(first, GetParam(), 10ms); });
    EXPECT_LE(taken, 1);
}

TEST_P(ForgedGift, in_the_name_of_another_router_gives_nothing_away) {
    start_pair(100, 254, false);
    EXPECT_EQ(takeovers(60, [&] { forge(stranger, GetParam(), 10ms); }), 0);
    const int taken = takeovers(60, [&] {
        forge(first, GetParam(), 10ms);
        forge(stranger, GetParam(), 10ms);
    });
    EXPECT_LE(taken, 1);
}

TEST_P(ForgedGift, is_named) {
    start_pair();
    lan.run_for(500ms);
    forge(first, GetParam(), 10ms);
    lan.run_for(1500ms);
    EXPECT_THAT(lb2.vip().warnings,
                Contains(AllOf(HasSubstr("192.0.2.1 "), HasSubstr("goes on advertising"),
                               HasSubstr("another machine sends in its name"))));
}

// --- peer = ADDRESS
// -------------------------------------------------------------------------------

TEST_F(Forged, with_peers_nobody_else_is_believed) {
    for (auto [host, priority] : {std::pair{&lb1, 150}, std::pair{&lb2, 100}}) {
        Configuration configuration = web(static_cast<vrrp::Priority>(priority));
        configuration.vips.front().peers = {VirtualHost::address(Family::ipv4, 1),
                                            VirtualHost::address(Family::ipv4, 2)};
        host->start(configuration);
    }
    lan.run_for(10s);
    ASSERT_EQ(lb1.state(), "active");
    ASSERT_EQ(lb2.state(), "backup");
    for (int i = 0; i < 10; ++i) {
        forge(stranger, 255, 40950ms);
        lan.run_for(300ms);
    }
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
    EXPECT_EQ(lb2.vip().transitions, 1U);
    EXPECT_THAT(lb2.vip().warnings,
                ElementsAre(HasSubstr("it is no peer of this VIP; it has priority 255 and "
                                      "192.0.2.10")));
    EXPECT_EQ(lb1.vip().counters.discarded.back().reason, "source");
    EXPECT_EQ(lb1.vip().counters.discarded.back().count, 10U);
}

TEST_F(Forged, a_reload_names_peers_without_a_change_of_state) {
    start_pair();
    Configuration configuration = web(100);
    configuration.vips.front().peers = {stranger};
    lb2.reload(configuration);
    EXPECT_EQ(lb2.state(), "backup");
    lan.run_for(10s);
    EXPECT_EQ(lb2.state(), "active") << "it hears nobody that it believes";
    lb2.reload(web(100));
    lan.run_for(2s);
    EXPECT_EQ(lb2.state(), "backup");
}

// --- real moves beside that ----------------------------------------------------------------------

// lb1 has changed its mind once, or somebody has sent in its name.
class Doubted : public Forged {
protected:
    void SetUp() override {
        start_pair();
        lan.run_for(300ms);
        forge(first, 1);
        lan.run_for(10s);
        ASSERT_EQ(lb1.state(), "active");
        lan.after_step = [this] { ASSERT_FALSE(lan.holders(vip).empty()); };
    }
};

TEST_F(Doubted, a_failover_still_drops_nothing_and_takes_an_interval) {
    for (int i = 0; i < 10; ++i) {
        lan.run_for(5s + i * 90ms);
        const auto client = lb1.send(control::FailoverRequest{"web", 10s});
        ASSERT_TRUE(lan.run_until([&] { return lb1.answer(client).has_value(); }, 1100ms)) << i;
        lan.run_for(1s);
        ASSERT_THAT(lan.holders(vip), ElementsAre("lb2"));
        lb1.ask(control::FailbackRequest{"web"});
        ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 10s));
    }
}

TEST_F(Doubted, a_stop_still_drops_nothing) {
    for (int i = 0; i < 10; ++i) {
        lan.run_for(5s + i * 90ms);
        lb1.stop();
        ASSERT_TRUE(lan.run_until([&] { return lb1.exited(); }, 1100ms)) << i;
        lan.run_for(1s);
        ASSERT_THAT(lan.holders(vip), ElementsAre("lb2"));
        lb1.start(web(150));
        ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 10s));
    }
}

TEST_F(Doubted, a_death_is_noticed_as_ever) {
    lb1.cut(true);
    const TimePoint cut = lan.now();
    ASSERT_TRUE(lan.run_until([&] { return lb2.holds(vip); }, 10s));
    EXPECT_LE(lan.now() - cut, 3609376us + 1s);
}

TEST_F(Forged, an_operator_who_fails_over_again_is_believed) {
    start_pair();
    lb2.refuse_addresses(true);
    const auto in_vain = lb1.send(control::FailoverRequest{"web", 3s});
    lan.run_for(5s);
    ASSERT_TRUE(std::holds_alternative<control::ErrorResponse>(*lb1.answer(in_vain)));
    lb2.refuse_addresses(false);
    lan.run_for(60s);
    const auto again = lb1.send(control::FailoverRequest{"web", 3s});
    lan.run_for(3s);
    ASSERT_TRUE(lb1.answer(again));
    EXPECT_TRUE(std::holds_alternative<control::DoneResponse>(*lb1.answer(again)));
}

}  // namespace
}  // namespace understudy::core
