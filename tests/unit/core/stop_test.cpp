// How long a stop waits for a peer: as long as a willing peer needs to answer an offer, and longer
// only while a cold peer is seen to prepare.
#include "tests/unit/core/services.hpp"

namespace understudy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Stop : public Services {
protected:
    // lb1 and lb2 have both been heard by the other one; lb1 is active.
    void start_pair_that_knows_each_other(core::Configuration first, core::Configuration second) {
        lb1.start(std::move(first));
        lb2.start(std::move(second));
        ASSERT_TRUE(active(lb1, 10s));
        lan.run_for(2s);
        lb2.ask(control::TakeoverRequest{"web", false});
        lan.run_for(2s);
        lb2.ask(control::FailbackRequest{"web"});
        lan.run_for(5s);
        lb1.ask(control::TakeoverRequest{"web", false});
        lb1.ask(control::FailbackRequest{"web"});
        lan.run_for(2s);
        ASSERT_EQ(lb1.state(), "active");
        ASSERT_FALSE(lb1.vip().peers.empty());
    }
    bool ends(VirtualHost& host, Duration limit) {
        return lan.run_until([&] { return host.exited(); }, limit);
    }
};

TEST_F(Stop, beside_a_peer_that_cannot_take_over_does_not_use_up_stop_timeout) {
    start_pair_that_knows_each_other(web(150), web(100));
    lb2.refuse_addresses(true);
    lb2.set_link(false);
    ASSERT_EQ(lb2.state(), "fault");
    lb1.stop();
    ASSERT_TRUE(ends(lb1, 1100ms));
    EXPECT_THAT(lan.holders(vip), IsEmpty());
    EXPECT_EQ(lan.adverts.back().advert.priority, 0);
}

TEST_F(Stop, beside_a_service_that_no_peer_can_start_does_not_use_up_stop_timeout) {
    start_pair_that_knows_each_other(served(150, true), served(100, true));
    lb2.set_link(false);
    lb1.stop();
    ASSERT_TRUE(ends(lb1, 1250ms));
    EXPECT_THAT(lan.holders(vip), IsEmpty());
}

// --- a willing peer ------------------------------------------------------------------------------

struct Willing {
    const char* name;
    int priority;
    vrrp::Version version = vrrp::Version::v3;
    bool preempt = true;
    bool ipv6 = false;
    bool unicast = false;
    Duration interval = 1s;
};

class StopBeside : public Stop, public testing::WithParamInterface<Willing> {
protected:
    static core::Configuration configuration(const VirtualHost& host, vrrp::Priority priority) {
        const Willing& is = GetParam();
        core::Configuration all = web(priority, is.interval);
        core::VipSettings& settings = all.vips.front();
        settings.version = is.version;
        settings.preempt = is.preempt;
        if (is.ipv6) {
            settings.addresses.push_back({{vrrp::derived_link_local(51), 64}, "eth0", true, true});
            settings.addresses.push_back({*IpPrefix::parse("2001:db8::10/64"), "eth0"});
        }
        if (is.unicast) {
            const int other = host.number() == 1 ? 2 : 1;
            settings.unicast_sources.push_back(VirtualHost::address(Family::ipv4, host.number()));
            settings.unicast_peers.push_back(VirtualHost::address(Family::ipv4, other));
        }
        return all;
    }
};
INSTANTIATE_TEST_SUITE_P(
    Peers, StopBeside,
    testing::Values(Willing{"usual", 100}, Willing{"lowest_outside_the_low_band", 17},
                    Willing{"no_preemption", 100, vrrp::Version::v3, false},
                    Willing{"version_2", 17, vrrp::Version::v2},
                    Willing{"both_families", 17, vrrp::Version::v3, true, true},
                    Willing{"unicast", 17, vrrp::Version::v3, true, false, true},
                    Willing{"short_interval", 17, vrrp::Version::v3, true, false, false, 20ms},
                    Willing{"long_interval", 17, vrrp::Version::v3, true, false, false, 5s}),
    [](const auto& param) { return param.param.name; });

TEST_P(StopBeside, a_willing_peer_drops_nothing) {
    lb1.start(configuration(lb1, 150));
    lb2.start(configuration(lb2, static_cast<vrrp::Priority>(GetParam().priority)));
    ASSERT_TRUE(active(lb1, 10 * GetParam().interval));
    lan.run_for(3 * GetParam().interval);
    lan.after_step = [this] { ASSERT_FALSE(lan.holders(vip).empty()); };
    lb1.stop();
    ASSERT_TRUE(ends(lb1, 10s));
    lan.run_for(1s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
}

// --- a cold peer ---------------------------------------------------------------------------------

class StopBesideCold : public Stop {
protected:
    void SetUp() override {
        lb1.start(served(150, true));
        lb2.start(served(100, true));
        ASSERT_TRUE(active(lb1, 10s));
        lb2.kill_service("haproxy");
        lb2.set_start(4s);
        lan.run_for(5s);
        ASSERT_EQ(lb2.vip().readiness, control::Readiness::cold);
    }
};

TEST_F(StopBesideCold, waits_while_it_starts_its_service) {
    lan.after_step = [this] { ASSERT_FALSE(lan.holders(vip).empty()); };
    lb1.stop();
    ASSERT_TRUE(ends(lb1, 10s));
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
}

TEST_F(StopBesideCold, waits_no_longer_when_it_dies_meanwhile) {
    lb1.stop();
    ASSERT_TRUE(reaches(lb2, "promoting", 2s));
    lan.run_for(1s);
    lb2.crash();
    ASSERT_TRUE(ends(lb1, 1500ms + 1250ms)) << "until it is taken for dead, and an answer";
}

TEST_F(StopBesideCold, gives_the_next_one_its_time_when_the_start_fails) {
    core::Configuration third = served(50, true);
    lb3.start(third);
    lb3.kill_service("haproxy");
    lb3.set_start(1s);
    lb2.set_start(1s, false);
    core::Configuration second = served(100, true);
    second.services.front().start_timeout = 2s;
    lb2.reload(second);
    lan.run_for(5s);
    lan.after_step = [this] { ASSERT_FALSE(lan.holders(vip).empty()); };
    lb1.stop();
    ASSERT_TRUE(reaches(lb2, "promoting", 2s));
    ASSERT_TRUE(ends(lb1, 10s));
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb3"));
}

TEST_F(StopBesideCold, does_not_wait_longer_than_stop_timeout) {
    lb2.set_start(60s);
    core::Configuration second = served(100, true);
    second.services.front().start_timeout = 60s;
    lb2.reload(second);
    core::Configuration first = served(150, true);
    first.services.front().start_timeout = 60s;
    first.agent.stop_timeout = 3s;
    lb1.reload(first);
    lb1.stop();
    EXPECT_FALSE(ends(lb1, 2900ms));
    EXPECT_TRUE(ends(lb1, 200ms));
}

}  // namespace
}  // namespace understudy
