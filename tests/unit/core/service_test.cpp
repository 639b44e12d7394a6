// Checks and services decide who may have the address: real Nodes on a virtual LAN.
#include "tests/unit/core/services.hpp"

namespace understudy {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

core::Configuration tracking(vrrp::Priority priority, std::optional<int> weight = std::nullopt) {
    core::Configuration configuration = web(priority);
    configuration.checks.push_back(check("gateway"));
    configuration.vips.front().tracks.push_back({"gateway", weight});
    return configuration;
}

TEST_F(Services, a_service_that_dies_on_the_active_node_is_handed_over) {
    lb1.start(served(150, false));
    lb2.start(served(100, false));
    ASSERT_TRUE(active(lb1, 10s));
    lan.run_for(10s);
    never_held_twice();
    lb1.kill_service("haproxy");
    const TimePoint killed = lan.now();
    ASSERT_TRUE(lan.run_until([&] { return lb2.holds(vip); }, 10s));
    // At most one interval and a fast one until it is known, then the skew time of 100.
    EXPECT_LE(lan.now() - killed, 500ms + 50ms + 609375us + 20ms);
    ASSERT_TRUE(reaches(lb1, "fault", 1s));
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
    EXPECT_THAT(all_reasons(lb1), HasSubstr("check frontend down"));
    EXPECT_THAT(all_reasons(lb1), HasSubstr("connection refused"));
    EXPECT_EQ(lb1.vip().readiness, control::Readiness::unready);
    EXPECT_EQ(lb2.vip().readiness, control::Readiness::hot);
}

TEST_F(Services, a_hot_standby_goes_before_a_cold_one_of_higher_priority) {
    lb1.start(served(250, true));
    lb2.start(served(200, true));
    lb3.start(served(100, true));
    ASSERT_TRUE(active(lb1, 10s));
    lb2.kill_service("haproxy");
    lan.run_for(5s);
    EXPECT_EQ(lb2.vip().readiness, control::Readiness::cold);
    EXPECT_EQ(lb2.vip().effective_priority, 1 + 200 / 16);
    EXPECT_THAT(all_reasons(lb2), HasSubstr("cold standby of 200: check frontend down"));
    lb1.cut(true);
    ASSERT_TRUE(active(lb3, 10s));
    lan.run_for(10s);
    EXPECT_EQ(lb3.state(), "active");
    EXPECT_THAT(lb2.orders(), IsEmpty());
}

TEST_F(Services, the_last_cold_standby_starts_its_service_and_then_claims) {
    lb1.start(served(150, true));
    lb2.start(served(100, true));
    ASSERT_TRUE(active(lb1, 10s));
    lb2.kill_service("haproxy");
    lan.run_for(5s);
    lan.after_step = [&] {
        ASSERT_TRUE(!lb2.holds(vip) || lb2.runs("haproxy")) << "claimed before it was ready";
    };
    lb1.crash();
    ASSERT_TRUE(reaches(lb2, "promoting", 10s));
    EXPECT_FALSE(lb2.holds(vip));
    EXPECT_THAT(lb2.orders(), ElementsAre("start haproxy"));
    EXPECT_THAT(all_reasons(lb2), HasSubstr("service haproxy is being started"));
    ASSERT_TRUE(active(lb2, 2s));
    EXPECT_TRUE(lb2.holds(vip));
    EXPECT_EQ(lb2.vip().effective_priority, 100);
    EXPECT_THAT(lb2.events().back().cause, HasSubstr("service haproxy is ready"));
}

TEST_F(Services, a_cold_start_that_fails_resigns_and_the_third_node_takes_over) {
    lb1.start(served(200, true));
    lb2.start(served(150, true));
    lb3.start(served(100, true));
    ASSERT_TRUE(active(lb1, 10s));
    lb2.kill_service("haproxy");
    lb3.kill_service("haproxy");
    lb2.set_start(1s, false);
    lan.run_for(5s);
    never_held_twice();
    lb1.crash();
    ASSERT_TRUE(reaches(lb2, "promoting", 10s));
    ASSERT_TRUE(reaches(lb2, "fault", 6s));
    EXPECT_THAT(lb2.orders(), ElementsAre("start haproxy", "stop haproxy"));
    EXPECT_THAT(all_reasons(lb2), HasSubstr("could not be started: not ready within 5 s"));
    EXPECT_EQ(lan.adverts.back().from, "lb2");
    EXPECT_EQ(lan.adverts.back().advert.priority, 0);
    ASSERT_TRUE(active(lb3, 3s));
    lan.run_for(20s);
    EXPECT_EQ(lb2.state(), "fault");
    lb2.set_check("frontend", true);  // somebody mended and started it
    ASSERT_TRUE(lan.run_until([&] { return lb2.state() != "fault"; }, 5s));
}

TEST_F(Services, nobody_else_there_so_the_service_is_started_again_in_place) {
    lb1.start(served(150, true));
    ASSERT_TRUE(active(lb1, 10s));
    lan.run_for(5s);
    lan.after_step = [&] { ASSERT_TRUE(lb1.holds(vip)); };
    lb1.kill_service("haproxy");
    ASSERT_TRUE(lan.run_until([&] { return !lb1.orders().empty(); }, 3s));
    ASSERT_TRUE(lan.run_until([&] { return lb1.vip().effective_priority == 150; }, 3s));
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_THAT(lb1.orders(), ElementsAre("start haproxy"));
}

TEST_F(Services, last_resort_hold_keeps_a_bad_service_on_a_reachable_address) {
    lb1.start(served(150, false));
    lb2.start(served(100, false));
    ASSERT_TRUE(active(lb1, 10s));
    lb2.kill_service("haproxy");
    lan.run_for(5s);
    lb1.kill_service("haproxy");
    lan.run_for(20s);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(lb2.state(), "fault");
    EXPECT_EQ(lb1.vip().effective_priority, 1);
    EXPECT_THAT(all_reasons(lb1), HasSubstr("last_resort = hold"));
    lb2.set_check("frontend", true);
    ASSERT_TRUE(active(lb2, 5s));
}

TEST_F(Services, last_resort_release_lets_go) {
    for (VirtualHost* host : {&lb1, &lb2}) {
        core::Configuration configuration = served(host == &lb1 ? 150 : 100, false);
        configuration.vips.front().last_resort = core::LastResort::release;
        host->start(configuration);
    }
    ASSERT_TRUE(active(lb1, 10s));
    lb2.kill_service("haproxy");
    lb1.kill_service("haproxy");
    ASSERT_TRUE(reaches(lb1, "fault", 10s));
    EXPECT_THAT(lan.holders(vip), IsEmpty());
}

TEST_F(Services, a_tracked_check_that_is_down_keeps_a_standby_from_claiming) {
    lb1.start(tracking(150));
    lb2.start(tracking(100));
    ASSERT_TRUE(active(lb1, 10s));
    lb2.set_check("gateway", false, "no answer");
    ASSERT_TRUE(reaches(lb2, "fault", 5s));
    lb1.crash();
    lan.run_for(60s);
    EXPECT_EQ(lb2.state(), "fault");
    EXPECT_FALSE(lb2.holds(vip));
    lb2.set_check("gateway", true);
    const TimePoint back = lan.now();
    ASSERT_TRUE(active(lb2, 10s));
    EXPECT_LE(lan.now() - back, 500ms + 50ms + 20ms);  // its rise time; the silence is long over
}

TEST_F(Services, a_forced_takeover_that_was_lost_is_over) {
    lb1.start(tracking(150));
    lb2.start(tracking(100));
    ASSERT_TRUE(active(lb1, 10s));
    lb1.set_check("gateway", false, "no answer");
    ASSERT_TRUE(reaches(lb1, "fault", 5s));
    lb1.cut(true);
    lb1.send(control::TakeoverRequest{"web", true});
    lb2.send(control::TakeoverRequest{"web", true});
    ASSERT_EQ(lb1.state(), "active");
    lb1.cut(false);
    ASSERT_TRUE(reaches(lb1, "fault", 5s)) << "the higher address wins";
    lb2.crash();
    lan.run_for(60s);
    EXPECT_EQ(lb1.state(), "fault");
    EXPECT_FALSE(lb1.holds(vip));
}

TEST_F(Services, a_tracked_check_down_on_the_active_node_moves_the_address_without_a_gap) {
    lb1.start(tracking(150));
    lb2.start(tracking(100));
    ASSERT_TRUE(active(lb1, 10s));
    lan.run_for(5s);
    lan.after_step = [&] { ASSERT_FALSE(lan.holders(vip).empty()); };
    lb1.set_check("gateway", false, "no answer");
    ASSERT_TRUE(active(lb2, 5s));
    ASSERT_TRUE(reaches(lb1, "fault", 1s));
}

TEST_F(Services, a_lone_node_with_a_tracked_check_down_resigns) {
    lb1.start(tracking(150));
    ASSERT_TRUE(active(lb1, 10s));
    lb1.set_check("gateway", false, "no answer");
    ASSERT_TRUE(reaches(lb1, "fault", 5s));
    EXPECT_THAT(lan.holders(vip), IsEmpty());
    EXPECT_THAT(all_reasons(lb1), HasSubstr("check gateway down"));
}

TEST_F(Services, weights_change_the_priority_and_never_below_the_band) {
    lb1.start(tracking(150, -60));
    lb2.start(tracking(100, -200));
    ASSERT_TRUE(active(lb1, 10s));
    lan.run_for(5s);
    lb1.set_check("gateway", false);
    ASSERT_TRUE(active(lb2, 10s));
    EXPECT_EQ(lb1.vip().effective_priority, 90);
    lb2.set_check("gateway", false);
    lan.run_for(2s);
    EXPECT_EQ(lb2.vip().effective_priority, 17);
    ASSERT_TRUE(active(lb1, 10s));
}

// Found by the fuzzer of the core: who holds the addresses does not count what it does not know,
// also when it has waited for on_promote before.
TEST_F(Services, a_weight_that_counts_for_a_standby_only_is_over_with_the_promotion) {
    core::Configuration configuration = tracking(150, -60);
    configuration.vips.front().hooks.commands.at(
        static_cast<std::size_t>(core::HookKind::promote)) = {"/hooks/run"};
    lb1.silence_prober(true);
    lb1.start(configuration);
    lb2.start(web(50));
    const auto heard = [&] { return lb2.vip().active.value_or(control::ActiveNode{}).priority; };
    ASSERT_TRUE(lan.run_until([&] { return heard() == 90; }, 10s)) << "while it is promoting";
    ASSERT_TRUE(lan.run_until([&] { return lb1.holds(vip); }, 10s));
    lan.run_for(1s);
    EXPECT_EQ(heard(), 150);
}

TEST_F(Services, nor_does_it_count_after_a_takeover) {
    lb1.silence_prober(true);
    lb1.start(tracking(255, -60));
    lb2.start(web(50));
    lan.run_for(100ms);
    lb1.slow_down_kernel(50ms);
    lb1.send(control::TakeoverRequest{"web"});
    ASSERT_TRUE(lb1.holds(vip));
    EXPECT_EQ(lan.adverts.back().advert.priority, 255);
}

TEST_F(Services, a_node_whose_checks_have_not_run_claims_nothing) {
    lb1.silence_prober(true);
    lb1.start(served(150, true));
    lan.run_for(60s);
    EXPECT_EQ(lb1.state(), "init");
    EXPECT_THAT(lb1.why().front(), HasSubstr("check frontend has not run yet"));
    EXPECT_THAT(lb1.orders(), Contains("restart prober"));
    EXPECT_THAT(lb1.orders(), Not(Contains("start haproxy")));
    lb1.silence_prober(false);
    ASSERT_TRUE(active(lb1, 10s));
}

TEST_F(Services, an_active_node_keeps_the_address_while_its_prober_is_silent) {
    lb1.start(served(150, true));
    lb2.start(served(100, true));
    ASSERT_TRUE(active(lb1, 10s));
    lb1.silence_prober(true);
    lan.run_for(60s);
    EXPECT_EQ(lb1.state(), "active");
    const auto status = std::get<control::StatusResponse>(lb1.ask(control::StatusRequest{}));
    EXPECT_EQ(status.checks.front().state, control::CheckState::unknown);
}

// Nobody asks, for a question would look anew.
TEST_F(Services, the_first_run_that_fails_is_a_fault_also_where_initial_said_so_before) {
    core::Configuration configuration = tracking(150);
    configuration.checks.front().initial = checks::CheckState::down;
    lb1.set_check("gateway", false);
    lb1.start(configuration);
    lan.run_for(2s);
    ASSERT_FALSE(lb1.events().empty());
    EXPECT_EQ(lb1.events().back().to, control::State::fault);
}

TEST_F(Services, an_agent_that_is_started_again_adopts_its_addresses_before_any_check_has_run) {
    lb1.start(served(150, true));
    lb2.start(served(100, true));
    ASSERT_TRUE(active(lb1, 10s));
    lan.run_for(5s);
    lan.after_step = [&] { ASSERT_TRUE(lb1.holds(vip)); };
    lb1.crash();
    lan.run_for(500ms);
    lb1.start(served(150, true));
    EXPECT_EQ(lb1.state(), "active");
    lan.run_for(10s);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(lb1.vip().transitions, 0U);
    EXPECT_EQ(lb2.state(), "backup");
    EXPECT_THAT(lb1.orders(), IsEmpty());
}

TEST_F(Services, a_takeover_of_a_cold_node_starts_the_service_first) {
    lb1.start(served(150, true));
    lb2.start(served(100, true));
    ASSERT_TRUE(active(lb1, 10s));
    lb2.kill_service("haproxy");
    lan.run_for(5s);
    lan.after_step = [&] { ASSERT_FALSE(lan.holders(vip).empty()); };
    const auto client = lb2.send(control::TakeoverRequest{"web", false});
    EXPECT_FALSE(lb2.answer(client));
    ASSERT_TRUE(lan.run_until([&] { return lb2.answer(client).has_value(); }, 5s));
    EXPECT_TRUE(std::holds_alternative<control::DoneResponse>(*lb2.answer(client)));
    EXPECT_EQ(lb2.state(), "active");
}

TEST_F(Services, a_takeover_of_a_cold_node_is_told_as_such_whatever_was_before) {
    lb1.start(served(150, true));
    lb2.start(served(100, true));
    ASSERT_TRUE(active(lb1, 10s));
    lb1.kill_service("haproxy");  // its last change is that it is not eligible
    ASSERT_TRUE(active(lb2, 10s));
    lan.run_for(60s);
    ASSERT_EQ(lb1.state(), "backup");
    const auto client = lb1.send(control::TakeoverRequest{"web", false});
    ASSERT_EQ(lb1.state(), "promoting");
    EXPECT_EQ(lb1.events().back().cause, "takeover requested");
    lb1.ask(control::FailbackRequest{"web"});
    EXPECT_EQ(lb1.state(), "backup");
    EXPECT_EQ(lb1.events().back().cause, "takeover requested: no longer");
    EXPECT_TRUE(lb1.answer(client));
}

TEST_F(Services, on_promote_that_agrees_to_a_cold_start_is_told_once) {
    core::Configuration asked = served(100, true);
    core::HookSettings& hooks = asked.vips.front().hooks;
    hooks.commands.at(static_cast<std::size_t>(core::HookKind::promote)) = {"/hooks/run"};
    hooks.timeout = 5s;
    lb1.start(web(150));
    lb2.start(asked);
    ASSERT_TRUE(active(lb1, 10s));
    lb2.kill_service("haproxy");
    lan.run_for(5s);
    lb1.send(control::FailoverRequest{"web", 10s});
    ASSERT_TRUE(active(lb2, 10s));
    EXPECT_EQ(lb2.events().back().cause,
              "192.0.2.1 offers the addresses (priority 1); on_promote has agreed; service "
              "haproxy is ready");
}

TEST_F(Services, stop_on_release_stops_before_the_address_is_given_away) {
    start_one_node_pair();
    lb1.set_stop(6s);  // longer than a standby waits
    lan.after_step = [&] {
        ASSERT_FALSE(lb1.runs("haproxy") && lb2.runs("haproxy")) << "it runs on two nodes";
    };
    const auto client = lb1.send(control::FailoverRequest{"web", 20s});
    ASSERT_TRUE(lan.run_until([&] { return lb1.answer(client).has_value(); }, 30s));
    EXPECT_TRUE(std::holds_alternative<control::DoneResponse>(*lb1.answer(client)));
    ASSERT_TRUE(active(lb2, 10s));
    EXPECT_THAT(lb1.orders(), ElementsAre("start haproxy", "stop haproxy"));
}

// It would be started beside the other node's, stopped for that, started again ...
TEST_F(Services, a_takeover_of_such_a_service_ends_with_the_interface) {
    start_one_node_pair();
    lb2.send(control::TakeoverRequest{"web", false});
    ASSERT_TRUE(active(lb2, 10s));
    lb2.set_link(false);
    ASSERT_TRUE(active(lb1, 20s));
    lan.run_for(5s);
    const auto orders = lb2.orders().size();
    lb2.set_link(true);
    lan.run_for(30s);
    EXPECT_EQ(lb2.orders().size(), orders) << testing::PrintToString(lb2.orders());
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(lb2.state(), "backup");
}

TEST_F(Services, a_stop_of_the_agent_stops_such_a_service_too) {
    core::Configuration configuration = served(150, true);
    configuration.services.front().stop_on_release = true;
    lb1.start(configuration);
    ASSERT_TRUE(active(lb1, 10s));
    lan.run_for(5s);
    lb1.stop();
    ASSERT_TRUE(lan.run_until([&] { return lb1.exited(); }, 30s));
    EXPECT_THAT(lb1.orders(), ElementsAre("stop haproxy"));
    EXPECT_THAT(lan.holders(vip), IsEmpty());
}

TEST_F(Services, a_service_for_one_node_only_does_not_outlive_its_agents_death) {
    const auto one_only = [](vrrp::Priority priority) {
        core::Configuration configuration = served(priority, true);
        configuration.services.front().stop_on_release = true;
        configuration.vips.front().preempt = false;
        return configuration;
    };
    lb2.set_check("frontend", false);
    lb1.start(one_only(150));
    lb2.start(one_only(100));
    ASSERT_TRUE(active(lb1, 10s));
    lb1.crash();
    ASSERT_TRUE(active(lb2, 10s));
    lb1.start(one_only(150));
    lan.run_for(5s);
    EXPECT_THAT(lb1.orders(), ElementsAre("stop haproxy"));
    EXPECT_FALSE(lb1.runs("haproxy"));
    EXPECT_TRUE(lb2.runs("haproxy"));
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
}

TEST_F(Services, nothing_is_announced_while_the_service_is_being_started) {
    lb1.set_check("frontend", false);
    lb1.set_start(3s);
    lb1.start(served(150, true));
    ASSERT_TRUE(reaches(lb1, "promoting", 10s));
    lan.run_for(2s);
    EXPECT_THAT(lan.announced, IsEmpty());
    ASSERT_TRUE(active(lb1, 10s));
    EXPECT_THAT(lan.announced, Not(IsEmpty()));
}

TEST_F(Services, who_lost_the_address_with_a_dead_service_takes_it_no_more) {
    lb1.start(served(150, false));
    lb2.start(served(100, false));
    ASSERT_TRUE(active(lb1, 10s));
    lan.run_for(10s);
    lb1.kill_service("haproxy");
    ASSERT_TRUE(active(lb2, 10s));
    lan.run_for(10ms);  // nothing but the election has told lb1 that it is not active any more
    lb2.crash();
    lan.run_for(10s);
    EXPECT_EQ(lb1.state(), "fault");
    EXPECT_FALSE(lb1.holds(vip));
}

// The offer to its peers is long over, so no deadline of it makes the node look again.
TEST_F(Services, who_held_it_as_the_last_resort_and_lost_it_takes_it_no_more) {
    lb1.start(served(150, false));
    ASSERT_TRUE(active(lb1, 10s));
    lan.run_for(10s);
    lb1.kill_service("haproxy");
    lan.run_for(10s);
    ASSERT_TRUE(lb1.holds(vip)) << "a bad service on a reachable address beats none";
    lb2.start(served(100, false));
    ASSERT_TRUE(active(lb2, 10s));
    lan.run_for(10ms);
    lb2.crash();
    lan.run_for(10s);
    EXPECT_EQ(lb1.state(), "fault");
    EXPECT_FALSE(lb1.holds(vip));
}

TEST_F(Services, a_startup_delay_that_ends_before_any_check_has_run_does_not_spin) {
    lb1.silence_prober(true);
    core::Configuration configuration = tracking(150);
    configuration.vips.front().startup_delay = 2s;
    lb1.start(configuration);
    lan.run_for(10s);  // the virtual host refuses a deadline that stays in the past
    EXPECT_EQ(lb1.state(), "init");
}

TEST_F(Services, too_many_transitions_hold_it_in_backup_until_it_calms_down) {
    core::Configuration configuration = tracking(150);
    configuration.vips.front().max_transitions = core::MaxTransitions{5, 60s};
    lb1.start(configuration);
    lb2.start(tracking(100));
    ASSERT_TRUE(active(lb1, 10s));
    for (int i = 0; i < 3; ++i) {
        lb1.set_check("gateway", false);
        ASSERT_TRUE(active(lb2, 10s)) << i;
        lb1.set_check("gateway", true);
        lan.run_for(8s);
    }
    EXPECT_EQ(lb1.state(), "backup");
    EXPECT_THAT(all_reasons(lb1), HasSubstr("held in backup: more than 5 transitions within 60 s"));
    EXPECT_THAT(lb1.journal(), Contains(HasSubstr("web: more than 5 transitions within 60 s")));
    ASSERT_TRUE(active(lb1, 70s));
}

TEST_F(Services, failback_ends_the_holding) {
    core::Configuration configuration = tracking(150);
    configuration.vips.front().max_transitions = core::MaxTransitions{2, 60s};
    lb1.start(configuration);
    lb2.start(tracking(100));
    ASSERT_TRUE(active(lb1, 10s));
    for (int i = 0; i < 2; ++i) {
        lb1.set_check("gateway", false);
        ASSERT_TRUE(active(lb2, 10s));
        lb1.set_check("gateway", true);
        lan.run_for(8s);
    }
    ASSERT_EQ(lb1.state(), "backup");
    lb1.ask(control::FailbackRequest{"web"});
    ASSERT_TRUE(active(lb1, 10s));
}

}  // namespace
}  // namespace understudy
