// Programs of the operator are told of states, asked before addresses are taken, and run before
// they are given away: real Nodes on a virtual LAN.
#include "agent/core/hooks.hpp"

#include <gmock/gmock.h>

#include "tests/sim/virtual_lan.hpp"
#include "tests/unit/core/hooked.hpp"

namespace understudy {
namespace {

using namespace std::chrono_literals;
using control::State;
using core::HookKind;
using sim::VirtualHost;
using sim::VirtualLan;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string vip = "192.0.2.10/24";

std::vector<std::string> names(const VirtualHost& host) {
    std::vector<std::string> names;
    for (const auto& run : host.hook_runs()) {
        names.emplace_back(core::name_of(run.order.kind));
    }
    return names;
}

// --- states --------------------------------------------------------------------------------------

class Hooks : public testing::Test {
protected:
    bool reaches(VirtualHost& host, const std::string& state, Duration limit = 20s) {
        return lan.run_until([&] { return host.state() == state; }, limit);
    }
    bool runs(VirtualHost& host, std::size_t count, Duration limit = 20s) {
        return lan.run_until([&] { return host.hook_runs().size() >= count; }, limit);
    }
    // lb1 has it, lb2 waits.
    void start(const core::Configuration& first, const core::Configuration& second) {
        lb1.start(first);
        ASSERT_TRUE(reaches(lb1, "active"));
        lb2.start(second);
        lan.run_for(10s);
        ASSERT_EQ(lb2.state(), "backup");
    }
    void always_held() {
        lan.after_step = [this] { ASSERT_THAT(lan.holders(vip), Not(IsEmpty())); };
    }
    std::string failure(core::ClientId client, VirtualHost& host) {
        const auto answer = host.answer(client);
        const auto* error = answer ? std::get_if<control::ErrorResponse>(&*answer) : nullptr;
        return error == nullptr ? "" : error->text;
    }
    bool is_done(core::ClientId client, VirtualHost& host) {
        const auto answer = host.answer(client);
        return answer && std::holds_alternative<control::DoneResponse>(*answer);
    }

    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    VirtualHost& lb2 = lan.add("lb2");
    VirtualHost& lb3 = lan.add("lb3");
};

TEST_F(Hooks, are_told_of_each_state_after_the_addresses_have_moved) {
    start(told(150), told(100));
    EXPECT_THAT(names(lb1), ElementsAre("on_backup", "on_active"));
    EXPECT_EQ(lb1.hook_runs().back().held, 1U);
    EXPECT_GE(lb1.hook_runs().back().at, lan.announced.front().at);
    lb1.set_link(false);
    ASSERT_TRUE(runs(lb2, 2));
    EXPECT_THAT(names(lb1), ElementsAre("on_backup", "on_active", "on_fault"));
    EXPECT_EQ(lb1.hook_runs().back().held, 0U);
    EXPECT_EQ(lb2.hook_runs().back().held, 1U);
}

TEST_F(Hooks, get_their_environment_and_the_arguments_of_keepalived_if_asked_for) {
    core::Configuration configuration = told(150);
    configuration.agent.name = "lb1";
    configuration.vips.front().hooks.keepalived_arguments = true;
    start(configuration, told(100));
    const core::RunHook& order = lb1.hook_runs().back().order;
    EXPECT_THAT(order.command, ElementsAre("/hooks/run", "it", "INSTANCE", "web", "MASTER", "150"));
    EXPECT_THAT(
        order.environment,
        ElementsAre("UNDERSTUDY_HOOK=on_active", "UNDERSTUDY_NODE=lb1", "UNDERSTUDY_VIP=web",
                    "UNDERSTUDY_STATE=active", "UNDERSTUDY_PREVIOUS_STATE=backup",
                    "UNDERSTUDY_REASON=no advertisement from anybody for 3.4 s",
                    "UNDERSTUDY_PRIORITY=150", "UNDERSTUDY_INTERFACE=eth0", "UNDERSTUDY_VRID=51",
                    "UNDERSTUDY_ADDRESSES=192.0.2.10/24"));
    EXPECT_THAT(lb2.hook_runs().back().order.command, ElementsAre("/hooks/run", "it"));
    lb1.stop();
    ASSERT_TRUE(lan.run_until([&] { return lb1.exited(); }, 20s));
    EXPECT_THAT(lb1.hook_runs().back().order.command,
                ElementsAre("/hooks/run", "it", "INSTANCE", "web", "STOP", "1"));
}

TEST_F(Hooks, that_hang_are_waited_for_and_what_was_meanwhile_is_passed_over) {
    lb1.set_hook(HookKind::backup, {.takes = 1h});
    core::Configuration quick = told(150);
    quick.vips.front().advert_interval = 100ms;
    lb1.start(quick);
    ASSERT_TRUE(reaches(lb1, "active"));
    EXPECT_THAT(names(lb1), ElementsAre("on_backup"));
    for (int i = 0; i < 20; ++i) {
        lb1.set_link(false);
        lb1.set_link(true);
    }
    ASSERT_TRUE(reaches(lb1, "active"));
    ASSERT_TRUE(runs(lb1, 2));
    EXPECT_GE(lb1.hook_runs().back().at - lb1.hook_runs().front().at, 5s);
    EXPECT_THAT(names(lb1), ElementsAre("on_backup", "on_active"));
    EXPECT_THAT(lb1.journal(), Contains(HasSubstr("web: on_backup: failed after 5.5 s")));
    lan.run_for(20s);
    EXPECT_EQ(lb1.hook_runs().size(), 2U);
}

TEST_F(Hooks, whose_end_nobody_tells_do_not_end_the_queue) {
    lb1.set_hook(HookKind::backup, {.vanishes = true});
    lb1.start(told(150));
    ASSERT_TRUE(runs(lb1, 2));
    EXPECT_EQ(lb1.hook_runs().back().at - lb1.hook_runs().front().at, 5s + core::hook_grace);
    const auto hooks = lb1.vip().hooks;
    ASSERT_EQ(hooks.size(), 2U);
    EXPECT_EQ(hooks.back().name, "on_backup");
    EXPECT_EQ(hooks.back().result, control::HookResult::failed);
    EXPECT_THAT(lb1.why(), Contains(HasSubstr("hook on_backup failed")));
}

TEST_F(Hooks, are_told_of_the_present_state_by_an_agent_that_adopts) {
    start(with(told(150), {HookKind::promote}), told(100));
    lb1.crash();
    lan.run_for(500ms);
    const std::size_t before = lb1.hook_runs().size();
    always_held();
    lb1.start(with(told(150), {HookKind::promote}));
    ASSERT_TRUE(runs(lb1, before + 1));
    EXPECT_EQ(names(lb1).back(), "on_active");
    EXPECT_EQ(lb1.hook_runs().size(), before + 1) << "on_promote is for what is not held yet";
}

// --- on_promote ----------------------------------------------------------------------------------

TEST_F(Hooks, on_promote_runs_before_the_claim_and_others_stay_away) {
    start(asked(150), asked(100));
    lb3.start(sim::web(50));
    lan.run_for(5s);
    lb2.set_hook(HookKind::promote, {.takes = 4s});
    lb1.crash();
    ASSERT_TRUE(lan.run_until([&] { return !lb1.holds(vip); }, 10s));
    ASSERT_TRUE(reaches(lb2, "promoting"));
    EXPECT_EQ(lb2.vip().effective_priority, 100);
    EXPECT_THAT(lb2.why().front(), HasSubstr("no advertisement from 192.0.2.1"));
    const TimePoint begun = lb2.hook_runs().back().at;
    lan.after_step = [&] { ASSERT_FALSE(lb3.holds(vip)); };
    ASSERT_TRUE(lan.run_until([&] { return lb2.holds(vip); }, 10s));
    EXPECT_EQ(lan.now() - begun, 4s);
    EXPECT_EQ(lb2.state(), "active");
    EXPECT_THAT(lb2.events().back().cause, HasSubstr("on_promote has agreed"));
}

TEST_F(Hooks, on_promote_that_refuses_lets_the_next_node_lead_and_is_asked_again) {
    start(sim::web(150), asked(100));
    lb3.start(sim::web(50));
    lb2.set_hook(HookKind::promote, {.works = false});
    lan.run_for(5s);
    lb1.crash();
    ASSERT_TRUE(reaches(lb2, "fault"));
    EXPECT_THAT(lb2.why().front(), HasSubstr("on_promote said no: exit status 1"));
    ASSERT_TRUE(reaches(lb3, "active"));
    EXPECT_FALSE(lb2.holds(vip));
    lan.run_for(60s);
    // After 10, 20 and 40 s: each time its priority says that it should lead.
    EXPECT_EQ(lb2.hook_runs().size(), 3U);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb3"));
    lb2.set_hook(HookKind::promote, {});
    lb2.ask(control::FailbackRequest{"web"});
    ASSERT_TRUE(reaches(lb2, "active"));
}

TEST_F(Hooks, on_promote_of_the_taker_does_not_interrupt_the_giver) {
    start(asked(150), asked(100));
    lb2.set_hook(HookKind::promote, {.takes = 4s});
    always_held();
    const TimePoint begun = lan.now();
    const auto client = lb1.send(control::FailoverRequest{"web", 10s});
    ASSERT_TRUE(reaches(lb2, "promoting"));
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
    ASSERT_TRUE(lan.run_until([&] { return is_done(client, lb1); }, 10s));
    EXPECT_GE(lan.now() - begun, 4s);
    EXPECT_EQ(lb2.state(), "active");
    EXPECT_EQ(lb2.hook_runs().size(), 1U);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
    lb1.ask(control::FailbackRequest{"web"});
    ASSERT_TRUE(reaches(lb1, "active"));
    EXPECT_EQ(lb1.hook_runs().size(), 2U);
}

TEST_F(Hooks, on_promote_that_refuses_a_failover_leaves_the_addresses_where_they_are) {
    start(asked(150), asked(100));
    lb2.set_hook(HookKind::promote, {.works = false});
    always_held();
    const auto client = lb1.send(control::FailoverRequest{"web", 5s});
    lan.run_for(6s);
    EXPECT_THAT(failure(client, lb1), HasSubstr("no peer took over"));
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(lb2.state(), "fault");
    ASSERT_TRUE(reaches(lb2, "backup"));
}

TEST_F(Hooks, on_promote_of_a_node_whose_giver_dies_meanwhile_goes_on_alone) {
    start(asked(150), asked(100));
    lb2.set_hook(HookKind::promote, {.takes = 4s});
    lb1.send(control::FailoverRequest{"web", 10s});
    ASSERT_TRUE(reaches(lb2, "promoting"));
    const TimePoint begun = lan.now();
    lb1.crash();
    lan.run_for(2500ms);  // not alive any more: lb2 advertises, so that nobody else begins
    EXPECT_EQ(lan.adverts.back().from, "lb2");
    EXPECT_EQ(lb2.state(), "promoting");
    ASSERT_TRUE(reaches(lb2, "active"));
    EXPECT_EQ(lan.now() - begun, 4s);
    EXPECT_EQ(lb2.hook_runs().size(), 1U);
}

TEST_F(Hooks, on_promote_does_not_keep_another_standby_from_what_is_offered) {
    start(asked(150), asked(100));
    lb3.start(sim::web(50));
    lan.run_for(5s);
    lb2.set_hook(HookKind::promote, {.takes = 4s});
    always_held();
    lb1.send(control::FailoverRequest{"web", 10s});
    ASSERT_TRUE(reaches(lb3, "active"));
    ASSERT_TRUE(reaches(lb2, "active")) << "which goes before it";
    lan.run_for(5s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
    EXPECT_EQ(lb2.hook_runs().size(), 1U);
}

TEST_F(Hooks, on_promote_is_asked_before_a_takeover) {
    start(asked(150), asked(100));
    lb2.set_hook(HookKind::promote, {.takes = 3s, .works = false});
    always_held();
    const auto refused = lb2.send(control::TakeoverRequest{"web", false});
    lan.run_for(4s);
    EXPECT_THAT(failure(refused, lb2), HasSubstr("on_promote said no: exit status 1"));
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
    lb2.ask(control::FailbackRequest{"web"});
    lb2.set_hook(HookKind::promote, {.takes = 3s});
    const auto taken = lb2.send(control::TakeoverRequest{"web", false});
    lan.run_for(2s);
    EXPECT_EQ(lb2.state(), "promoting");
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
    lan.run_for(2s);
    EXPECT_TRUE(is_done(taken, lb2));
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
}

TEST_F(Hooks, on_promote_comes_before_the_start_of_a_cold_service) {
    core::Configuration cold = asked(100);
    checks::CheckSettings check;
    check.name = "frontend";
    check.type = "http";
    check.question = checks::Http{};
    check.rise = check.fall = 1;
    cold.checks.push_back(check);
    core::ServiceSettings service;
    service.name = "haproxy";
    service.unit = "haproxy.service";
    service.checks = {"frontend"};
    cold.services.push_back(service);
    cold.vips.front().service = "haproxy";
    start(sim::web(150), cold);
    lb2.kill_service("haproxy");
    lan.run_for(5s);
    lb2.set_hook(HookKind::promote, {.takes = 3s});
    lb1.crash();
    ASSERT_TRUE(reaches(lb2, "promoting"));
    lan.run_for(2900ms);
    EXPECT_THAT(lb2.orders(), IsEmpty());
    ASSERT_TRUE(reaches(lb2, "active"));
    EXPECT_THAT(lb2.orders(), ElementsAre("start haproxy"));
    EXPECT_EQ(lb2.hook_runs().size(), 1U);
}

// --- on_release ----------------------------------------------------------------------------------

TEST_F(Hooks, on_release_runs_before_a_planned_move) {
    start(drained(150), drained(100));
    lb1.set_hook(HookKind::release, {.takes = 3s});
    always_held();
    const auto client = lb1.send(control::FailoverRequest{"web", 2s});
    lan.run_for(2900ms);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
    EXPECT_EQ(lb1.vip().effective_priority, 150) << "nobody is asked to take over yet";
    EXPECT_THAT(lb1.why(), Contains(HasSubstr("on_release runs")));
    ASSERT_TRUE(lan.run_until([&] { return is_done(client, lb1); }, 2s));
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
    lan.run_for(1s);
    EXPECT_THAT(names(lb1), ElementsAre("on_backup", "on_active", "on_release", "on_backup"));
    EXPECT_EQ(lb1.hook_runs()[2].held, 1U);
}

TEST_F(Hooks, on_release_that_hangs_delays_a_move_by_its_limit_and_no_more) {
    start(drained(150), drained(100));
    lb1.set_hook(HookKind::release, {.takes = 1h});
    always_held();
    lb1.stop();
    ASSERT_TRUE(reaches(lb2, "active"));
    const TimePoint begun = lb1.hook_runs()[2].at;
    EXPECT_LE(lan.now() - begun, 5s + 500ms + 700ms);
    ASSERT_TRUE(lan.run_until([&] { return lb1.exited(); }, 5s));
    EXPECT_THAT(names(lb1), ElementsAre("on_backup", "on_active", "on_release", "on_backup"));
}

TEST_F(Hooks, on_release_runs_afterwards_where_waiting_would_mean_two_holders) {
    lb2.start(drained(100));
    ASSERT_TRUE(reaches(lb2, "active"));
    lb2.set_hook(HookKind::release, {.takes = 3s});
    lb1.start(sim::web(150));
    ASSERT_TRUE(reaches(lb1, "active"));
    lan.run_for(10ms);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
    lan.run_for(4s);
    EXPECT_THAT(names(lb2), ElementsAre("on_backup", "on_active", "on_release", "on_backup"));
    EXPECT_EQ(lb2.hook_runs()[2].held, 0U);
}

TEST_F(Hooks, on_release_after_which_nobody_takes_over_is_followed_by_on_active) {
    lb1.start(drained(150));
    ASSERT_TRUE(reaches(lb1, "active"));
    lb1.send(control::FailoverRequest{"web", 2s});
    lan.run_for(5s);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_THAT(names(lb1), ElementsAre("on_backup", "on_active", "on_release", "on_active"));
}

TEST_F(Hooks, on_release_runs_before_the_service_of_one_node_only_is_stopped) {
    core::Configuration configuration = drained(150);
    checks::CheckSettings check;
    check.name = "database";
    check.type = "tcp";
    check.question = checks::Tcp{};
    configuration.checks.push_back(check);
    core::ServiceSettings service;
    service.name = "db";
    service.unit = "db.service";
    service.stop_on_release = true;
    service.checks = {"database"};
    configuration.services.push_back(service);
    configuration.vips.front().service = "db";
    lb1.start(configuration);
    ASSERT_TRUE(reaches(lb1, "active"));
    lb2.start(sim::web(100));
    lan.run_for(5s);
    lb1.set_hook(HookKind::release, {.takes = 2s});
    lb1.send(control::FailoverRequest{"web", 5s});
    lan.run_for(1900ms);
    EXPECT_THAT(lb1.orders(), IsEmpty());
    ASSERT_TRUE(reaches(lb2, "active"));
    EXPECT_THAT(lb1.orders(), ElementsAre("stop db"));
}

TEST_F(Hooks, in_maintenance_are_not_drained_of_what_was_taken_because_nobody_else_was_there) {
    start(drained(150), drained(100));
    lb1.send(control::MaintenanceRequest{true, std::nullopt, 10s});
    ASSERT_TRUE(reaches(lb2, "active"));
    lan.run_for(1s);
    const std::size_t before = lb1.hook_runs().size();
    lb2.crash();
    ASSERT_TRUE(reaches(lb1, "active"));
    lan.run_for(10s);
    EXPECT_EQ(lb1.hook_runs().size(), before + 1);
    EXPECT_EQ(names(lb1).back(), "on_active");
    lb2.start(drained(100));
    ASSERT_TRUE(reaches(lb2, "active"));
    lan.run_for(1s);
    EXPECT_EQ(lb1.hook_runs().size(), before + 3);
    EXPECT_EQ(names(lb1).back(), "on_backup");
}

TEST_F(Hooks, what_a_former_agent_left_is_not_drained) {
    start(drained(150), drained(100));
    lb1.crash();
    lb1.set_link(false);
    lb1.start(drained(150));
    const std::size_t before = lb1.hook_runs().size();
    lb1.send(control::MaintenanceRequest{true, std::nullopt, 10s});
    lan.run_for(20s);
    EXPECT_EQ(lb1.state(), "fault");
    EXPECT_EQ(lb1.hook_runs().size(), before);
}

// --- the end of the agent ------------------------------------------------------------------------

TEST_F(Hooks, are_waited_for_when_the_agent_stops_but_not_by_the_peer) {
    start(told(150), told(100));
    lb1.set_hook(HookKind::backup, {.takes = 4s});
    const TimePoint asked_at = lan.now();
    lb1.stop();
    ASSERT_TRUE(reaches(lb2, "active", 2s));
    lan.run_for(2s);
    EXPECT_FALSE(lb1.exited());
    ASSERT_TRUE(lan.run_until([&] { return lb1.exited(); }, 5s));
    EXPECT_GE(lan.now() - asked_at, 4s);
    EXPECT_EQ(names(lb1).back(), "on_backup");
}

TEST_F(Hooks, are_not_waited_for_by_who_is_asked_to_stop_twice) {
    start(drained(150), drained(100));
    lb1.set_hook(HookKind::release, {.takes = 4s});
    lb1.stop();
    lan.run_for(1s);
    EXPECT_TRUE(lb1.holds(vip));
    lb1.stop();
    EXPECT_TRUE(lb1.exited());
    EXPECT_FALSE(lb1.holds(vip));
}

}  // namespace
}  // namespace understudy
