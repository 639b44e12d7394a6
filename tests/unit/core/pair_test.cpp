// Two real Nodes on a virtual LAN: elections, planned moves, deaths.
#include <gmock/gmock.h>

#include "tests/sim/virtual_lan.hpp"

namespace understudy {
namespace {

using namespace std::chrono_literals;
using control::DoneResponse;
using control::ErrorResponse;
using control::FailbackRequest;
using control::FailoverRequest;
using control::TakeoverRequest;
using sim::VirtualHost;
using sim::VirtualLan;
using sim::web;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string vip = "192.0.2.10/24";

class Pair : public testing::Test {
protected:
    // lb1 with 150 is active, lb2 with 100 waits.
    void start(Duration interval = 1s) {
        lb1.start(web(150, interval));
        lb2.start(web(100, interval));
        ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 10 * interval));
        ASSERT_EQ(lb2.state(), "backup");
        lan.run_for(10 * interval);
    }
    bool moved_to(VirtualHost& to, VirtualHost& from, Duration limit) {
        return lan.run_until([&] { return to.state() == "active" && from.state() != "active"; },
                             limit);
    }
    // Every step: somebody holds the address, and two only while it is handed over.
    void nothing_is_dropped() {
        lan.after_step = [this] {
            const auto holders = lan.holders(vip);
            ASSERT_GE(holders.size(), 1U);
            both_held_ = holders.size() == 2 ? both_held_.value_or(lan.now()) : both_held_;
        };
    }

    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    VirtualHost& lb2 = lan.add("lb2");
    std::optional<TimePoint> both_held_;
};

TEST_F(Pair, the_higher_priority_becomes_active_and_holds_the_address) {
    start();
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
    EXPECT_EQ(lb2.vip().active->address, "192.0.2.1");
    EXPECT_EQ(lb2.vip().active->priority, 150);
    EXPECT_THAT(lb2.vip().reason, HasSubstr("192.0.2.1 is active with priority 150"));
}

TEST_F(Pair, a_crash_is_taken_over_within_the_active_down_interval) {
    start();
    const TimePoint last = lan.adverts.back().at;
    lb1.cut(true);
    ASSERT_TRUE(lan.run_until([&] { return lb2.holds(vip); }, 10s));
    EXPECT_LE(lan.now() - last, 3609375us + 1s);
    EXPECT_THAT(lb2.vip().reason, HasSubstr("no advertisement from 192.0.2.1 for 3.6 s"));
}

TEST_F(Pair, after_a_split_the_winner_announces_again_and_the_loser_lets_go) {
    start();
    lb1.cut(true);
    ASSERT_TRUE(lan.run_until([&] { return lb2.holds(vip); }, 10s));
    lb1.cut(false);
    const TimePoint healed = lan.now();
    ASSERT_TRUE(lan.run_until([&] { return lb2.state() == "backup"; }, 5s));
    lan.run_for(100ms);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
    const auto& last = lan.announced.back();
    EXPECT_EQ(last.by, "lb1");
    EXPECT_GE(last.at, healed);
}

TEST_F(Pair, failover_moves_the_address_without_a_gap) {
    start();
    nothing_is_dropped();
    const auto client = lb1.send(FailoverRequest{"web", 10s});
    EXPECT_FALSE(lb1.answer(client));
    ASSERT_TRUE(moved_to(lb2, lb1, 2s));
    EXPECT_TRUE(std::holds_alternative<DoneResponse>(*lb1.answer(client)));
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
    lan.run_for(60s);
    EXPECT_EQ(lb2.state(), "active") << "lb1 stays behind until failback";
    EXPECT_EQ(lb1.vip().effective_priority, 1);

    lb1.ask(FailbackRequest{"web"});
    ASSERT_TRUE(moved_to(lb1, lb2, 5s));
}

TEST_F(Pair, who_failed_over_leads_again_when_the_peer_dies) {
    start();
    lb1.send(FailoverRequest{"web", 10s});
    ASSERT_TRUE(moved_to(lb2, lb1, 2s));
    lb2.crash();
    lan.adverts.clear();
    ASSERT_TRUE(lan.run_until([&] { return lb1.holds(vip); }, 10s));
    for (const auto& advert : lan.adverts) {
        EXPECT_EQ(advert.advert.priority, 150) << "the low band ends before it advertises";
    }
    EXPECT_EQ(lb1.vip().effective_priority, 150);
}

TEST_F(Pair, failover_without_a_peer_ends_with_the_reason_and_normal_priority) {
    lb1.start(web(150));
    ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 10s));
    const auto client = lb1.send(FailoverRequest{"web", 5s});
    lan.run_for(5s + 1ms);
    const auto answer = lb1.answer(client);
    ASSERT_TRUE(answer && std::holds_alternative<ErrorResponse>(*answer));
    EXPECT_THAT(std::get<ErrorResponse>(*answer).text, HasSubstr("no peer took over within 5 s"));
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(lb1.vip().effective_priority, 150);
}

TEST_F(Pair, failover_on_a_standby_is_refused_with_the_active_node) {
    start();
    const auto answer = lb2.ask(FailoverRequest{"web", 5s});
    EXPECT_THAT(std::get<ErrorResponse>(answer).text, HasSubstr("192.0.2.1"));
}

TEST_F(Pair, takeover_claims_at_once_and_holds_until_failback) {
    start();
    nothing_is_dropped();
    EXPECT_TRUE(std::holds_alternative<DoneResponse>(lb2.ask(TakeoverRequest{"web", false})));
    EXPECT_TRUE(lb2.holds(vip));
    ASSERT_TRUE(moved_to(lb2, lb1, 100ms));
    EXPECT_EQ(lb2.vip().effective_priority, 254);
    lan.run_for(30s);
    EXPECT_EQ(lb2.state(), "active");
    lb2.ask(FailbackRequest{"web"});
    ASSERT_TRUE(moved_to(lb1, lb2, 5s));
}

TEST_F(Pair, a_stop_waits_for_the_standby_even_if_it_was_never_heard) {
    start();
    nothing_is_dropped();
    ASSERT_TRUE(lb1.vip().peers.empty());
    lb1.stop();
    ASSERT_TRUE(lan.run_until([&] { return lb1.exited(); }, 10s));
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
}

TEST_F(Pair, a_stop_without_a_peer_does_not_wait_for_stop_timeout) {
    lb1.start(web(150));
    ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 10s));
    lb1.stop();
    ASSERT_TRUE(lan.run_until([&] { return lb1.exited(); }, 1100ms));
    EXPECT_THAT(lan.holders(vip), IsEmpty());
    EXPECT_EQ(lan.adverts.back().advert.priority, 0);
}

TEST_F(Pair, a_second_stop_request_skips_the_waiting) {
    start();
    lb1.stop();
    EXPECT_FALSE(lb1.exited());
    lb1.stop();
    EXPECT_TRUE(lb1.exited());
    EXPECT_THAT(lan.holders(vip), IsEmpty());
}

TEST_F(Pair, a_killed_agent_leaves_the_address_no_longer_than_its_lease) {
    start();
    nothing_is_dropped();
    lb1.crash();
    const TimePoint killed = lan.now();
    ASSERT_TRUE(lan.run_until([&] { return lb2.holds(vip); }, 10s));
    ASSERT_TRUE(lan.run_until([&] { return !lb1.holds(vip); }, 10s));
    EXPECT_LE(lan.now() - killed, 4s);
}

TEST_F(Pair, a_restart_within_the_lease_goes_on_being_active) {
    start();
    nothing_is_dropped();
    lb1.crash();
    lan.run_for(900ms);
    lb1.start(web(150));
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(lb1.vip().transitions, 0U);
    lan.run_for(30s);
    EXPECT_EQ(lb2.state(), "backup");
    EXPECT_EQ(lb2.vip().transitions, 1U) << "init to backup, and nothing since";
    EXPECT_FALSE(both_held_);
}

TEST_F(Pair, a_restart_after_a_peer_took_over_removes_the_address_first) {
    auto configuration = web(150);
    configuration.vips.front().lease = 0s;
    lb1.start(configuration);
    lb2.start(web(100));
    ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 10s));
    lb1.crash();
    ASSERT_TRUE(lan.run_until([&] { return lb2.holds(vip); }, 10s));
    lan.run_for(5s);
    lb1.start(web(150));
    EXPECT_FALSE(lb1.holds(vip));
    EXPECT_EQ(lb1.state(), "backup");
}

TEST_F(Pair, addresses_that_are_no_longer_configured_are_removed) {
    start();
    lb1.crash();
    auto other = web(150);
    other.vips.front().addresses.front().prefix = *IpPrefix::parse("192.0.2.99/24");
    lb1.start(other);
    EXPECT_FALSE(lb1.holds(vip));
}

TEST_F(Pair, a_frozen_agent_says_nothing_as_active_when_it_wakes) {
    start();
    lb1.freeze();
    lan.run_for(10s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
    lan.adverts.clear();
    lb1.thaw();
    lan.run_for(1500ms);
    for (const auto& advert : lan.adverts) {
        EXPECT_EQ(advert.from, "lb2");
    }
}

TEST_F(Pair, a_frozen_standby_does_not_take_over_when_it_wakes) {
    start();
    lb2.freeze();
    lan.run_for(10s);
    lb2.thaw();
    lan.run_for(10s);
    EXPECT_EQ(lb2.vip().transitions, 1U);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
}

// Its lease is over, and the kernel's word of it comes first. A lost IPv6 address is put back at
// once, an IPv4 one a moment later.
TEST_F(Pair, a_frozen_agent_puts_nothing_back_when_it_wakes) {
    const IpPrefix link_local{vrrp::derived_link_local(51), 64};
    const std::string vip6 = link_local.to_string();
    auto both = web(150);
    both.vips.front().addresses.push_back({link_local, "eth0", true, true});
    lb1.start(both);
    lan.run_for(10s);
    ASSERT_TRUE(lb1.holds(vip) && lb1.holds(vip6));
    lb1.freeze();
    lb1.cut(true);  // so that nothing else tells it that its time is over
    lan.run_for(6s);
    lan.announced.clear();
    lb1.thaw();
    lan.run_for(1s);
    EXPECT_FALSE(lb1.holds(vip) || lb1.holds(vip6));
    EXPECT_THAT(lan.announced, IsEmpty());
    EXPECT_EQ(lb1.state(), "backup");
}

// Three nodes: the third hears how the one that gave way says good-bye with priority 1.
TEST_F(Pair, the_last_word_of_who_gave_the_address_away_is_no_offer) {
    VirtualHost& lb3 = lan.add("lb3");
    const auto v2 = [](vrrp::Priority priority) {
        core::Configuration configuration = web(priority);
        configuration.vips.front().version = vrrp::Version::v2;
        return configuration;
    };
    lb1.start(v2(200));
    lb2.start(v2(170));
    lb3.start(v2(140));
    lan.run_for(10s);
    ASSERT_EQ(lb1.state(), "active");
    lb1.send(FailoverRequest{"web"});
    lan.run_for(5s);
    EXPECT_EQ(lb2.state(), "active");
    EXPECT_THAT(lb3.events(), SizeIs(1)) << "from init to backup";
    EXPECT_EQ(lb3.vip().active->address, "192.0.2.2");
}

TEST_F(Pair, failback_tries_again_at_once_what_the_kernel_has_refused) {
    lb1.refuse_addresses(true);
    lb1.start(web(150));
    lan.run_for(30s);  // the waits between the attempts have become long
    lb1.refuse_addresses(false);
    ASSERT_EQ(lb1.state(), "fault");
    lb1.ask(FailbackRequest{"web"});
    ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 5s));
    lan.run_for(30s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
}

TEST_F(Pair, an_address_deleted_by_hand_is_back_at_once_and_announced) {
    start();
    lan.announced.clear();
    lb1.delete_by_hand(vip);
    lan.run_for(1ms);  // whether the own address has gone, too, is told after it
    EXPECT_TRUE(lb1.holds(vip));
    ASSERT_FALSE(lan.announced.empty());
    EXPECT_EQ(lb1.vip().counters.address_repairs, 1U);
    EXPECT_EQ(lb1.state(), "active");
}

TEST_F(Pair, who_deletes_it_in_a_loop_does_not_make_the_agent_spin) {
    start();
    for (int i = 0; i < 100; ++i) {
        lb1.delete_by_hand(vip);
    }
    EXPECT_LE(lb1.vip().counters.address_repairs, 2U);
    lan.run_for(10ms);
    EXPECT_TRUE(lb1.holds(vip));
}

TEST_F(Pair, a_refused_address_never_leaves_the_node_active_without_it) {
    lb1.refuse_addresses(true);
    lb1.start(web(150));
    lb2.start(web(100));
    lan.run_for(20s);
    EXPECT_EQ(lb1.state(), "fault");
    EXPECT_THAT(lb1.vip().reason, HasSubstr("the kernel refuses 192.0.2.10/24 on eth0"));
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
    lb1.refuse_addresses(false);
    ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 60s)) << "it tries again";
}

TEST_F(Pair, several_addresses_refused_at_once_are_one_refusal) {
    core::Configuration configuration = web(150);
    for (const char* more : {"192.0.2.11/24", "192.0.2.12/24", "192.0.2.13/24"}) {
        configuration.vips.front().addresses.push_back({*IpPrefix::parse(more), "eth0"});
    }
    lb1.refuse_addresses(true);
    lb1.start(configuration);
    ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "fault"; }, 5s));
    lb1.refuse_addresses(false);
    // A second, and then Active_Down_Interval.
    EXPECT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 5s));
}

TEST_F(Pair, a_refusal_in_a_planned_move_costs_the_holder_nothing) {
    lb2.start(web(100));
    ASSERT_TRUE(lan.run_until([&] { return lb2.holds(vip); }, 10s));
    nothing_is_dropped();
    lb1.refuse_addresses(true);
    lb1.start(web(150));
    lan.run_for(60s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
}

TEST_F(Pair, a_forced_takeover_that_the_kernel_refuses_costs_the_holder_nothing) {
    start();
    nothing_is_dropped();
    lb2.refuse_addresses(true);
    lb2.send(TakeoverRequest{"web", true});
    lan.run_for(5s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(lb2.state(), "fault");
}

TEST_F(Pair, an_address_that_somebody_else_put_there_is_a_fault_until_it_is_gone) {
    lb1.add_by_hand(vip);
    lb1.start(web(150));
    lan.run_for(10s);
    EXPECT_EQ(lb1.state(), "fault");
    EXPECT_THAT(lb1.vip().reason, HasSubstr("192.0.2.10"));
    lb1.delete_by_hand(vip);
    ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 10s));
}

TEST_F(Pair, a_node_that_cannot_hear_never_claims) {
    lb1.break_listeners(true);
    lb1.start(web(150));
    lan.run_for(60s);
    EXPECT_EQ(lb1.state(), "fault");
    EXPECT_THAT(lan.holders(vip), IsEmpty());
    lb1.break_listeners(false);
    ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 10s));
}

TEST_F(Pair, a_link_that_goes_down_is_one_takeover_and_one_return) {
    start();
    lb1.set_link(false);
    EXPECT_EQ(lb1.state(), "fault");
    EXPECT_FALSE(lb1.holds(vip));
    EXPECT_EQ(lb1.why().front(), "interface eth0 is down, or has no carrier");
    lan.run_for(8s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
    nothing_is_dropped();
    lb1.set_link(true);
    ASSERT_TRUE(moved_to(lb1, lb2, 5s));
    EXPECT_EQ(lb2.vip().transitions, 3U);
}

TEST_F(Pair, a_recreated_interface_is_found_again) {
    start();
    lb1.recreate_link();
    ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 10s));
    EXPECT_TRUE(lb1.holds(vip));
}

TEST_F(Pair, nopreempt_stays_but_follows_an_offer) {
    auto returning = web(150);
    returning.vips.front().preempt = false;
    lb2.start(web(100));
    ASSERT_TRUE(lan.run_until([&] { return lb2.holds(vip); }, 10s));
    lb1.start(returning);
    lan.run_for(30s);
    EXPECT_EQ(lb2.state(), "active");
    nothing_is_dropped();
    lb2.send(FailoverRequest{"web", 10s});
    ASSERT_TRUE(moved_to(lb1, lb2, 500ms)) << "(256 - 150) / 256 s after the offer";
}

TEST_F(Pair, preempt_delay_is_counted_from_the_first_lower_advertisement) {
    auto returning = web(150);
    returning.vips.front().preempt_delay = 20s;
    lb2.start(web(100));
    ASSERT_TRUE(lan.run_until([&] { return lb2.holds(vip); }, 10s));
    lb1.start(returning);
    lan.run_for(20s);
    EXPECT_EQ(lb2.state(), "active");
    ASSERT_TRUE(moved_to(lb1, lb2, 5s));
}

TEST_F(Pair, startup_delay_listens_only) {
    auto delayed = web(150);
    delayed.vips.front().startup_delay = 30s;
    lb1.start(delayed);
    lan.run_for(29s);
    EXPECT_EQ(lb1.state(), "init");
    EXPECT_THAT(lan.holders(vip), IsEmpty());
    ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 5s));
}

TEST_F(Pair, equal_priorities_end_with_the_higher_address) {
    lb1.start(web(100));
    lb2.start(web(100));
    lan.run_for(20s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
}

TEST_F(Pair, two_families_move_as_one_and_a_tie_has_one_winner) {
    auto dual = web(100);
    dual.vips.front().addresses.push_back(
        {IpPrefix{vrrp::derived_link_local(51), 64}, "eth0", true, true});
    dual.vips.front().addresses.push_back(
        {*IpPrefix::parse("2001:db8::10/64"), "eth0", true, false});
    lb1.start(dual);
    lb2.start(dual);
    lan.run_for(20s);
    EXPECT_EQ(lb2.state(), "active");
    EXPECT_EQ(lb1.state(), "backup");
    EXPECT_EQ(lb2.held_count(), 3U);
    EXPECT_EQ(lb1.held_count(), 0U);
    lb2.send(FailoverRequest{"web", 10s});
    ASSERT_TRUE(moved_to(lb1, lb2, 2s));
    lan.run_for(50ms);
    EXPECT_EQ(lb1.held_count(), 3U);
    EXPECT_EQ(lb2.held_count(), 0U);
}

TEST_F(Pair, nothing_is_announced_after_the_release) {
    start();
    lb1.send(FailoverRequest{"web", 10s});
    ASSERT_TRUE(moved_to(lb2, lb1, 2s));
    lan.announced.clear();
    lan.run_for(300s);
    ASSERT_FALSE(lan.announced.empty());
    for (const auto& announced : lan.announced) {
        EXPECT_EQ(announced.by, "lb2");
    }
}

TEST_F(Pair, short_intervals_leave_in_one_batch) {
    core::Configuration many = web(150, 10ms);
    for (int vrid = 52; vrid < 100; ++vrid) {
        auto more = many.vips.front();
        more.name = "web" + std::to_string(vrid);
        more.vrid = static_cast<vrrp::Vrid>(vrid);
        more.addresses.front().prefix = *IpPrefix::parse("192.0.2." + std::to_string(vrid) + "/24");
        many.vips.push_back(more);
    }
    lb1.start(many);
    lan.run_for(1s);
    std::set<TimePoint> instants;
    lan.adverts.clear();
    lan.run_for(1s);
    for (const auto& advert : lan.adverts) {
        instants.insert(advert.at);
    }
    EXPECT_LE(instants.size(), 101U);
    EXPECT_GE(lan.adverts.size(), 49U * 99U);
}

}  // namespace
}  // namespace understudy
