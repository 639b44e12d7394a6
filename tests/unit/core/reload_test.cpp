// A reload of a VIP that goes on.
#include "tests/unit/core/reloading.hpp"

namespace understudy {
namespace {

// --- without a difference ------------------------------------------------------------------------

TEST_F(Reload, without_a_difference_decides_nothing_in_any_state) {
    Configuration configuration = served(150);
    configuration.checks.push_back(check("gateway"));
    configuration.vips.front().tracks = {{"gateway", std::nullopt}};
    configuration.vips.front().startup_delay = 3s;
    const auto unchanged_in = [&](const std::string& state) {
        ASSERT_EQ(lb1.state(), state);
        decided = {"never reloaded"};
        lb1.reload(configuration);
        EXPECT_THAT(decided, IsEmpty()) << state;
        EXPECT_EQ(lb1.state(), state);
    };
    lb2.start(served(100));
    ASSERT_TRUE(reaches(lb2, "active"));
    lb1.start(configuration);
    lan.run_for(10ms);
    unchanged_in("init");
    lan.run_for(1500ms);
    unchanged_in("init");  // startup_delay
    ASSERT_TRUE(reaches(lb1, "backup"));
    unchanged_in("backup");
    ASSERT_TRUE(reaches(lb1, "active"));
    lan.run_for(100ms);
    unchanged_in("active");
    lb1.send(control::FailoverRequest{"web", 10s});
    unchanged_in("active");  // yielding
    ASSERT_TRUE(reaches(lb1, "backup"));
    unchanged_in("backup");
    lb1.ask(control::TakeoverRequest{"web", false});
    unchanged_in("active");  // taken
    EXPECT_EQ(lb1.vip().effective_priority, 254);
    lb1.set_check("gateway", false);
    ASSERT_TRUE(reaches(lb1, "fault"));
    unchanged_in("fault");
    lb1.set_link(false);
    unchanged_in("fault");
}

TEST_F(Reload, without_a_difference_decides_nothing_while_a_service_is_started) {
    lb1.start(served(150));
    ASSERT_TRUE(reaches(lb1, "active"));
    lb2.start(served(100));
    lan.run_for(5s);
    lb1.send(control::FailoverRequest{"web", 10s});
    ASSERT_TRUE(reaches(lb2, "active"));
    lb1.kill_service("haproxy");
    lan.run_for(5s);
    const auto client = lb1.send(control::TakeoverRequest{"web", false});
    ASSERT_EQ(lb1.state(), "promoting");
    lb1.reload(served(150));
    EXPECT_THAT(decided, IsEmpty());
    EXPECT_EQ(lb1.state(), "promoting");
    ASSERT_TRUE(reaches(lb1, "active", 2s));
    ASSERT_TRUE(lb1.answer(client));
    EXPECT_TRUE(std::holds_alternative<DoneResponse>(*lb1.answer(client)));
    EXPECT_THAT(lb1.orders(), ElementsAre("start haproxy"));
}

TEST_F(Reload, startup_delay_goes_on_and_can_be_changed) {
    Configuration configuration = web(150);
    configuration.vips.front().startup_delay = 60s;
    lb1.start(configuration);
    lan.run_for(40s);
    configuration.vips.front().preempt = false;
    lb1.reload(configuration);
    lan.run_for(19s);
    EXPECT_EQ(lb1.state(), "init");
    ASSERT_TRUE(reaches(lb1, "active", 2s)) << "nobody was heard meanwhile";

    lb2.start(configuration);
    lan.run_for(10s);
    configuration.vips.front().startup_delay = 20s;
    lb2.reload(configuration);
    lan.run_for(9s);
    EXPECT_EQ(lb2.state(), "init");
    ASSERT_TRUE(reaches(lb2, "backup", 2s));
}

// --- in place ------------------------------------------------------------------------------------

TEST_F(Reload, an_address_that_is_added_is_added_and_announced_and_it_alone) {
    start(web(150), web(100));
    Configuration more = web(150);
    more.vips.front().addresses.push_back(address(second));
    lan.announced.clear();
    const auto sent = lb1.vip().counters.adverts_sent;
    lb1.reload(more);
    EXPECT_THAT(decided, ElementsAre("add " + second, "announce 192.0.2.11"));
    EXPECT_TRUE(lb1.holds(second));
    EXPECT_EQ(lb1.vip().addresses.size(), 2U);
    undisturbed(10s);
    EXPECT_EQ(lb1.vip().counters.adverts_sent, sent + 10);
    // At once, after 200 ms, 1.2 s and 6.2 s.
    EXPECT_EQ(std::ranges::count(lan.announced, *IpAddress::parse("192.0.2.11"),
                                 &sim::Announced::address),
              4);
    lan.run_for(60s);  // then with the others
    const auto of_first = std::ranges::count(lan.announced, *IpAddress::parse("192.0.2.10"),
                                             &sim::Announced::address);
    const auto of_second = std::ranges::count(lan.announced, *IpAddress::parse("192.0.2.11"),
                                              &sim::Announced::address);
    EXPECT_EQ(of_second, of_first + 4);
    EXPECT_TRUE(lb1.holds(second)) << "it is renewed";
}

TEST_F(Reload, an_address_that_is_not_named_any_more_is_removed_and_it_alone) {
    Configuration two = web(150);
    two.vips.front().addresses.push_back(address(second));
    start(two, web(100));
    ASSERT_TRUE(lb1.holds(second));
    lb1.reload(web(150));
    EXPECT_THAT(decided, ElementsAre("remove " + second));
    EXPECT_FALSE(lb1.holds(second));
    undisturbed(10s);
    EXPECT_FALSE(lb1.holds(second));
    EXPECT_TRUE(lb1.holds(vip));
    lb1.reload(two);
    EXPECT_THAT(decided, ElementsAre("add " + second, "announce 192.0.2.11"));
    EXPECT_EQ(lb1.vip().counters.address_repairs, 0U);
}

TEST_F(Reload, what_a_former_agent_left_is_removed_once_it_is_not_named) {
    Configuration two = web(150);
    two.vips.front().addresses.push_back(address(second));
    start(two, web(100));
    lb1.crash();
    lb1.set_link(false);
    lb1.start(two);
    lan.run_for(10ms);
    ASSERT_EQ(lb1.state(), "fault");
    ASSERT_TRUE(lb1.holds(second)) << "it may be adopted";
    lb1.reload(web(150));
    EXPECT_THAT(decided, ElementsAre("remove " + second));
    EXPECT_FALSE(lb1.holds(second));
}

TEST_F(Reload, a_kernel_that_tells_late_changes_nothing_about_that) {
    start(web(150), web(100));
    lb1.slow_down_kernel(30ms);
    Configuration two = web(150);
    two.vips.front().addresses.push_back(address(second));
    for (int i = 0; i < 20; ++i) {
        lb1.reload(i % 2 == 0 ? two : web(150));
        lan.run_for(7ms);
        EXPECT_EQ(lb1.holds(second), i % 2 == 0);
        EXPECT_EQ(lb1.state(), "active");
    }
    lan.run_for(2s);
    EXPECT_FALSE(lb1.holds(second));
    EXPECT_EQ(lb1.vip().counters.address_repairs, 0U);
}

TEST_F(Reload, a_standby_adds_nothing) {
    start(web(150), web(100));
    Configuration more = web(100);
    more.vips.front().addresses.push_back(address(second));
    lb2.reload(more);
    lan.run_for(10s);
    EXPECT_FALSE(lb2.holds(second));
    lb1.crash();
    ASSERT_TRUE(reaches(lb2, "active"));
    EXPECT_TRUE(lb2.holds(second));
}

TEST_F(Reload, another_priority_counts_in_the_election_and_nothing_is_dropped) {
    start(web(150), web(100));
    lan.after_step = [this] { ASSERT_THAT(lan.holders(vip), testing::Not(IsEmpty())); };
    lb1.reload(web(90));
    EXPECT_THAT(decided, ElementsAre("advert"));
    EXPECT_EQ(lb1.vip().base_priority, 90);
    EXPECT_EQ(lb1.state(), "active") << "until somebody preempts";
    ASSERT_TRUE(reaches(lb2, "active", 5s));
    ASSERT_TRUE(reaches(lb1, "backup", 1s));
    lb1.reload(web(200));
    ASSERT_TRUE(reaches(lb1, "active", 5s));
}

TEST_F(Reload, the_lease_and_other_keys_are_changed_in_place) {
    start(web(150), web(100));
    Configuration other = web(150);
    core::VipSettings& settings = other.vips.front();
    settings.lease = 60s;
    settings.preempt = false;
    settings.preempt_delay = 5s;
    settings.accept = false;
    settings.last_resort = core::LastResort::release;
    settings.max_transitions = core::MaxTransitions{5, 60s};
    settings.checksum = core::ChecksumPolicy::pseudo_header;
    lb1.reload(other);
    EXPECT_THAT(decided, ElementsAre("renew " + vip));
    undisturbed(5s);
    EXPECT_EQ(lb1.vip().checksum, "pseudo-header");
    lb1.crash();
    lan.run_for(50s);
    EXPECT_TRUE(lb1.holds(vip)) << "for the new lease";
}

TEST_F(Reload, another_interval_ends_nobodys_turn) {
    start(web(150, 10s), web(100, 10s));
    lan.run_for(95s);
    lb1.reload(web(150, 100ms));
    EXPECT_EQ(lb1.state(), "active") << "it has not slept: the last advertisement was in time";
    lan.run_for(1s);
    EXPECT_EQ(lb2.state(), "backup");
    lb2.reload(web(100, 100ms));
    lan.run_for(3s);
    EXPECT_EQ(lb2.state(), "backup");
    EXPECT_LE(lb2.vip().active_down_interval, 400ms);
    lb1.reload(web(150, 1s));
    lan.run_for(10s);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(lb2.state(), "backup");
    lb1.crash();
    const TimePoint killed = lan.now();
    ASSERT_TRUE(reaches(lb2, "active", 5s));
    EXPECT_GE(lan.now() - killed, 2s) << "it waits as the active node's interval has it";
}

TEST_F(Reload, the_interval_of_version_2_is_not_learned_and_the_silence_before_does_not_count) {
    const auto old_style = [](vrrp::Priority priority, Duration interval) {
        Configuration configuration = web(priority, interval);
        configuration.vips.front().version = vrrp::Version::v2;
        return configuration;
    };
    start(old_style(150, 10s), old_style(100, 10s));
    lan.run_for(88s);  // some seconds after an advertisement
    lb2.reload(old_style(100, 1s));
    lb1.reload(old_style(150, 1s));
    lan.run_for(20s);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(lb2.state(), "backup");
    EXPECT_THAT(lb2.events(), testing::SizeIs(1)) << "init to backup";
}

TEST_F(Reload, from_multicast_to_unicast_without_a_transition) {
    start(web(150), web(100));
    const auto unicast = [](VirtualHost& peer, vrrp::Priority priority) {
        Configuration configuration = web(priority);
        configuration.vips.front().unicast_peers = {peer.address(Family::ipv4)};
        return configuration;
    };
    lb1.reload(unicast(lb2, 150));
    lb2.reload(unicast(lb1, 100));
    undisturbed(20s);
    EXPECT_EQ(lan.adverts.back().destination, lb2.address(Family::ipv4));
    EXPECT_EQ(lb2.state(), "backup");
}

TEST_F(Reload, what_was_asked_for_by_hand_stays) {
    start(web(150), web(100));
    lb1.send(control::FailoverRequest{"web", 10s});
    ASSERT_TRUE(reaches(lb1, "backup"));
    Configuration other = web(200);
    lb1.reload(other);
    lan.run_for(30s);
    EXPECT_EQ(lb1.state(), "backup") << "it stays behind until failback";
    EXPECT_EQ(lb1.vip().effective_priority, 1);
    lb1.ask(control::FailbackRequest{"web"});
    ASSERT_TRUE(reaches(lb1, "active"));
}

TEST_F(Reload, maintenance_goes_on_and_holds_for_a_new_vip) {
    Configuration others = web(100);
    others.vips.push_back(mail(100));
    start(web(150), others);
    lb1.send(control::MaintenanceRequest{.on = true, .expiry = {}});
    ASSERT_TRUE(reaches(lb1, "backup"));
    lb1.reload(web(150));
    EXPECT_THAT(decided, IsEmpty());
    Configuration both = web(150);
    both.vips.push_back(mail(150));
    lb1.reload(both);
    lan.run_for(30s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
    EXPECT_THAT(lan.holders("192.0.2.20/24"), ElementsAre("lb2"));
    EXPECT_EQ(lb1.vip("mail").effective_priority, 1);
    lb1.send(control::MaintenanceRequest{.on = false, .expiry = {}});
    ASSERT_TRUE(lan.run_until([&] { return lb1.state("mail") == "active"; }, 10s));
}

TEST_F(Reload, the_limit_on_transitions_still_holds) {
    Configuration limited = web(150);
    limited.vips.front().max_transitions = core::MaxTransitions{2, 600s};
    start(limited, web(100));
    for (int i = 0; i < 2; ++i) {
        lb1.set_link(false);
        lan.run_for(10s);
        lb1.set_link(true);
        lan.run_for(10s);
    }
    ASSERT_EQ(lb1.state(), "backup");
    limited.vips.front().addresses.push_back(address(second));
    lb1.reload(limited);
    lan.run_for(60s);
    EXPECT_EQ(lb1.state(), "backup");
    limited.vips.front().max_transitions.reset();
    lb1.reload(limited);
    ASSERT_TRUE(reaches(lb1, "active"));
}

TEST_F(Reload, events_are_numbered_on) {
    start(web(150), web(100));
    const auto before = lb1.events().back().number;
    lb1.reload(web(50));
    ASSERT_TRUE(reaches(lb1, "backup", 5s));
    EXPECT_EQ(lb1.events().back().number, before + 1);
    EXPECT_EQ(lb1.vip().transitions, before + 1);
}

TEST_F(Reload, while_the_agent_stops_nothing_changes) {
    start(web(150), web(100));
    lb1.stop();
    Configuration other = web(150);
    other.vips.push_back(mail(150));
    lb1.reload(other);
    ASSERT_TRUE(lan.run_until([&] { return lb1.exited(); }, 10s));
    EXPECT_THAT(lb1.journal(), testing::Contains(HasSubstr("is not taken over")));
    EXPECT_EQ(lb1.node().configuration().vips.size(), 1U);
}

}  // namespace
}  // namespace understudy
