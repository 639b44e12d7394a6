// Planned moves to a standby whose service has to be started first: nothing is dropped.
#include "agent/core/health.hpp"
#include "agent/core/service.hpp"
#include "tests/unit/core/services.hpp"

namespace understudy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ColdMoves : public Services, public testing::WithParamInterface<bool> {
protected:
    // lb1 serves; lb2 is cold, and its service takes 2 s to start. The parameter: preempt.
    void start_pair(bool starts_well = true) {
        for (VirtualHost* host : {&lb1, &lb2}) {
            core::Configuration configuration = served(host == &lb1 ? 150 : 100, true);
            configuration.vips.front().preempt = GetParam();
            host->start(configuration);
        }
        ASSERT_TRUE(active(lb1, 10s));
        lb2.kill_service("haproxy");
        lb2.set_start(2s, starts_well);
        lan.run_for(5s);
        ASSERT_EQ(lb2.vip().readiness, control::Readiness::cold);
        // Who has the address serves, and the old one lets go after the announcement only.
        never_held_twice();
        lan.after_step = [this, before = lan.after_step] {
            before();
            ASSERT_FALSE(lan.holders(vip).empty());
            ASSERT_TRUE(!lb2.holds(vip) || lb2.runs("haproxy"));
            ASSERT_TRUE(lb1.holds(vip) || !lan.announced.empty());
        };
        lan.announced.clear();
    }
    // It is cold again when it is back.
    void crash_lb2_for(Duration time) {
        lb2.crash();
        lan.run_for(time);
        core::Configuration configuration = served(100, true);
        configuration.vips.front().preempt = GetParam();
        lb2.start(configuration);
        lb2.kill_service("haproxy");
    }
};
INSTANTIATE_TEST_SUITE_P(Preempt, ColdMoves, testing::Bool());

TEST_P(ColdMoves, this_node_serves_until_the_other_one_does) {
    start_pair();
    const auto client = lb1.send(control::FailoverRequest{"web", 10s});
    ASSERT_TRUE(lan.run_until([&] { return lb1.answer(client).has_value(); }, 10s));
    const control::Response answer = *lb1.answer(client);
    ASSERT_TRUE(std::holds_alternative<control::DoneResponse>(answer));
    EXPECT_EQ(std::get<control::DoneResponse>(answer).text,
              "web: 192.0.2.2 is active with priority 100");
    EXPECT_EQ(lb2.state(), "active");
    lan.run_for(30s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
    EXPECT_EQ(lb1.state(), "backup");
    EXPECT_THAT(lb1.vip().warnings, IsEmpty());
    EXPECT_THAT(lb2.vip().warnings, IsEmpty());
}

TEST_P(ColdMoves, nobody_warns_of_two_active_nodes_meanwhile) {
    lb3.start(served(50, true));
    lb3.set_start(60s, true);
    start_pair();
    lb3.kill_service("haproxy");
    lan.run_for(5s);
    lb1.send(control::FailoverRequest{"web", 10s});
    ASSERT_TRUE(reaches(lb2, "promoting", 5s));
    lan.run_for(1900ms);
    ASSERT_EQ(lb2.state(), "promoting");
    for (VirtualHost* host : {&lb1, &lb2, &lb3}) {
        EXPECT_THAT(host->vip().warnings, IsEmpty());
    }
    EXPECT_THAT(lb3.orders(), IsEmpty()) << "somebody else is starting already";
}

// Found by the fuzzer of the core: it stayed at the priority of a standby that starts its service.
TEST_F(Services, a_takeover_has_its_priority_when_who_offered_the_addresses_is_gone) {
    lb1.start(served(150, true));
    lb2.start(served(100, true));
    ASSERT_TRUE(active(lb1, 10s));
    lb2.kill_service("haproxy");
    lb2.set_start(60s, true);
    lan.run_for(5s);
    lb1.send(control::FailoverRequest{"web", 10s});
    ASSERT_TRUE(reaches(lb2, "promoting", 5s));
    lb2.send(control::TakeoverRequest{"web"});
    lan.run_for(100ms);
    EXPECT_EQ(lan.adverts.back().advert.priority, 7);
    lb1.crash();
    lan.run_for(3s);
    EXPECT_EQ(lan.adverts.back().advert.priority, 254);
}

TEST_P(ColdMoves, a_stop_waits_for_a_peer_that_was_never_heard) {
    start_pair();
    lb1.stop();
    ASSERT_TRUE(lan.run_until([&] { return lb1.exited(); }, 10s));
    EXPECT_EQ(lb2.state(), "active");
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
}

TEST_P(ColdMoves, maintenance_waits_as_well) {
    start_pair();
    const auto client = lb1.send(control::MaintenanceRequest{true, {}});
    ASSERT_TRUE(lan.run_until([&] { return lb1.answer(client).has_value(); }, 10s));
    EXPECT_TRUE(std::holds_alternative<control::DoneResponse>(*lb1.answer(client)));
    EXPECT_EQ(lb2.state(), "active");
}

TEST_P(ColdMoves, a_start_that_fails_leaves_everything_where_it_is) {
    start_pair(false);
    const auto transitions = lb1.vip().transitions;
    const auto client = lb1.send(control::FailoverRequest{"web", 20s});
    ASSERT_TRUE(lan.run_until([&] { return lb1.answer(client).has_value(); }, 30s));
    EXPECT_TRUE(std::holds_alternative<control::ErrorResponse>(*lb1.answer(client)));
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(lb1.vip().effective_priority, 150);
    EXPECT_EQ(lb1.vip().transitions, transitions);
    EXPECT_EQ(lb2.state(), "fault");
}

TEST_P(ColdMoves, what_takes_longer_than_the_operator_waits_is_called_off) {
    start_pair();
    const auto client = lb1.send(control::FailoverRequest{"web", 3s});
    lan.run_for(2900ms);
    ASSERT_EQ(lb2.state(), "promoting");
    ASSERT_TRUE(lan.run_until([&] { return lb1.answer(client).has_value(); }, 1s));
    EXPECT_TRUE(std::holds_alternative<control::ErrorResponse>(*lb1.answer(client)));
    lan.run_for(1s);
    EXPECT_EQ(lb1.vip().effective_priority, 150);
    EXPECT_EQ(lb2.state(), "backup");
}

// A hot standby is there as well: it goes first, and nothing is started.
TEST_P(ColdMoves, a_hot_one_comes_before_a_cold_one) {
    lb3.start(served(50, true));
    start_pair();
    lb1.send(control::FailoverRequest{"web", 10s});
    ASSERT_TRUE(active(lb3, 2s));
    lan.run_for(10s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb3"));
    EXPECT_THAT(lb2.orders(), IsEmpty());
}

TEST_P(ColdMoves, a_takeover_by_who_starts_waits_for_the_service) {
    start_pair();
    lb1.send(control::FailoverRequest{"web", 10s});
    ASSERT_TRUE(reaches(lb2, "promoting", 5s));
    lan.run_for(500ms);
    lb2.send(control::TakeoverRequest{"web", false});
    lan.run_for(1s);
    EXPECT_TRUE(lb1.holds(vip));
    ASSERT_TRUE(active(lb2, 5s));
    EXPECT_EQ(lb2.vip().effective_priority, 254);
    lan.run_for(1s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
}

TEST_P(ColdMoves, who_starts_and_is_stopped_goes_at_once) {
    start_pair();
    lb1.send(control::FailoverRequest{"web", 10s});
    ASSERT_TRUE(reaches(lb2, "promoting", 5s));
    lan.run_for(500ms);
    lb2.stop();
    ASSERT_TRUE(lan.run_until([&] { return lb2.exited(); }, 1s));
    lan.run_for(30s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
}

TEST_P(ColdMoves, who_starts_has_nothing_to_give_away) {
    start_pair();
    lb1.send(control::FailoverRequest{"web", 20s});
    ASSERT_TRUE(reaches(lb2, "promoting", 5s));
    lan.run_for(500ms);
    lb2.send(control::FailoverRequest{"web", 10s});
    lan.run_for(30s);
    EXPECT_THAT(lan.holders(vip), testing::SizeIs(1));
}

TEST_P(ColdMoves, maintenance_of_who_starts_leaves_the_address_where_it_is) {
    start_pair();
    lb1.send(control::FailoverRequest{"web", 20s});
    ASSERT_TRUE(reaches(lb2, "promoting", 5s));
    lan.run_for(500ms);
    lb2.send(control::MaintenanceRequest{true, {}});
    lan.run_for(30s);
}

TEST_P(ColdMoves, who_dies_while_it_starts_has_all_its_time_when_it_is_back) {
    start_pair();
    lb1.send(control::MaintenanceRequest{true, {}});
    ASSERT_TRUE(reaches(lb2, "promoting", 5s));
    lan.run_for(500ms);
    lan.after_step = [this] { ASSERT_FALSE(lan.holders(vip).empty()); };
    crash_lb2_for(60s);
    ASSERT_TRUE(active(lb2, 15s));
}

TEST_P(ColdMoves, a_takeover_that_waits_already_is_no_hurry_either) {
    start_pair();
    lb2.set_start(4s, true);
    lb1.send(control::FailoverRequest{"web", 10s});
    lan.run_for(900ms);
    lb2.send(control::TakeoverRequest{"web", false});  // starts; then it is offered the address
    ASSERT_TRUE(active(lb2, 6s));
    lan.run_for(1s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
}

TEST_P(ColdMoves, maintenance_of_who_is_about_to_take_it) {
    start_pair();
    lb1.send(control::MaintenanceRequest{true, {}});
    lan.run_for(900ms);
    ASSERT_EQ(lb2.state(), "backup");
    lb2.send(control::MaintenanceRequest{true, {}});
    lan.run_for(10s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
    EXPECT_THAT(lb2.orders(), IsEmpty());
}

TEST_P(ColdMoves, who_is_restarted_at_once_has_all_its_time_as_well) {
    start_pair();
    lb2.set_start(4s, true);
    lb1.send(control::MaintenanceRequest{true, {}});
    ASSERT_TRUE(reaches(lb2, "promoting", 5s));
    lan.run_for(1500ms);
    lan.after_step = [this] { ASSERT_FALSE(lan.holders(vip).empty()); };
    crash_lb2_for(100ms);
    ASSERT_TRUE(active(lb2, 15s));
}

TEST_P(ColdMoves, who_takes_over_from_one_that_starts_knows_as_well_that_somebody_serves) {
    start_pair();
    lb2.set_start(60s, true);
    core::Configuration third = served(120, true);
    third.vips.front().startup_delay = 3s;
    lb3.set_start(60s, true);
    lb1.send(control::MaintenanceRequest{true, {}});
    ASSERT_TRUE(reaches(lb2, "promoting", 5s));
    lb3.start(third);
    lb3.kill_service("haproxy");
    ASSERT_TRUE(reaches(lb3, "promoting", 10s));
    lb3.send(control::FailoverRequest{"web", 10s});
    lan.run_for(1s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
}

TEST_P(ColdMoves, a_forced_takeover_does_not_wait_for_what_is_being_started) {
    lb2.set_start(60s, true);
    start_pair();
    lan.after_step = nullptr;
    lb2.set_start(60s, true);
    lb1.send(control::FailoverRequest{"web", 10s});
    ASSERT_TRUE(reaches(lb2, "promoting", 5s));
    lan.run_for(500ms);
    lb2.send(control::TakeoverRequest{"web", true});
    lan.run_for(1s);
    EXPECT_FALSE(lan.holders(vip).empty());
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
}

TEST_F(Services, after_a_split_a_former_takeover_changes_nothing) {
    lb1.start(served(100, true));
    lb2.start(served(150, true));
    ASSERT_TRUE(active(lb2, 10s));
    lan.run_for(5s);
    lb2.send(control::TakeoverRequest{"web", false});
    lb2.cut(true);
    ASSERT_TRUE(active(lb1, 10s));
    lb2.set_start(4s, true);
    lb2.kill_service("haproxy");
    lb1.send(control::FailoverRequest{"web", 20s});
    lan.run_for(3s);
    ASSERT_TRUE(lb1.holds(vip) && lb2.holds(vip));
    lb2.cut(false);
    lan.run_for(1100ms);  // an interval
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
    EXPECT_EQ(lb2.state(), "promoting");
    ASSERT_TRUE(active(lb2, 5s));
}

TEST_F(Services, after_a_split_on_release_runs_where_the_address_is_let_go) {
    core::Configuration two = served(150, true);
    two.vips.front().hooks.commands[static_cast<std::size_t>(core::HookKind::release)] = {"/bin/r"};
    lb1.start(served(100, true));
    lb2.start(two);
    ASSERT_TRUE(active(lb2, 10s));
    lan.run_for(5s);
    lb2.cut(true);
    ASSERT_TRUE(active(lb1, 10s));
    lb2.set_start(4s, true);
    lb2.kill_service("haproxy");
    lb1.send(control::FailoverRequest{"web", 20s});
    lan.run_for(3s);
    lb2.cut(false);
    lan.run_for(1100ms);  // an interval
    EXPECT_EQ(lb2.state(), "promoting");
    lb1.send(control::FailbackRequest{"web"});
    lan.run_for(500ms);
    EXPECT_EQ(lb2.state(), "backup");
    EXPECT_THAT(lb2.hook_runs(), testing::SizeIs(1));
}

TEST_P(ColdMoves, a_better_cold_one_in_the_midst_has_its_own_time) {
    lb2.set_start(100s, true);
    start_pair();
    lb2.set_start(100s, true);
    lb1.send(control::MaintenanceRequest{true, {}});
    ASSERT_TRUE(reaches(lb2, "promoting", 5s));
    core::Configuration third = served(120, true);
    third.vips.front().startup_delay = 3s;
    lb3.set_start(4s, true);
    lb3.start(third);
    lb3.kill_service("haproxy");
    lan.run_for(20s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb3"));
}

TEST_P(ColdMoves, who_never_held_it_has_nothing_to_drain) {
    start_pair();
    core::Configuration other = served(100, true);
    other.vips.front().preempt = GetParam();
    other.vips.front().hooks.commands[static_cast<std::size_t>(core::HookKind::release)] = {
        "/bin/r"};
    lb2.reload(other);
    lb1.send(control::FailoverRequest{"web", 3s});
    ASSERT_TRUE(reaches(lb2, "promoting", 5s));
    lan.run_for(3s);
    EXPECT_EQ(lb2.state(), "backup");
    EXPECT_THAT(lb2.hook_runs(), IsEmpty());
}

// Both hold it, and one of them starts its service again: who gives it away serves until then.
TEST_F(Services, after_a_split_who_starts_its_service_lets_the_other_one_serve) {
    lb1.start(served(100, true));
    lb2.start(served(150, true));
    ASSERT_TRUE(active(lb2, 10s));
    lan.run_for(5s);
    lb2.cut(true);
    ASSERT_TRUE(active(lb1, 10s));
    lb2.set_start(4s, true);
    lb2.kill_service("haproxy");
    lb1.send(control::FailoverRequest{"web", 20s});
    lan.run_for(3s);
    ASSERT_EQ(lb2.vip().effective_priority, 10);
    ASSERT_TRUE(lb1.holds(vip) && lb2.holds(vip));
    lb2.cut(false);
    lan.run_for(1100ms);  // an interval
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb1"));
    EXPECT_EQ(lb2.state(), "promoting");
    never_held_twice();
    ASSERT_TRUE(active(lb2, 5s));
    lan.run_for(1s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
    EXPECT_THAT(lb2.orders(), ElementsAre("start haproxy"));
}

// Found by the fuzzer of the core: who has the addresses was not looked at again.
TEST(Service, that_was_stopped_and_tells_by_its_checks_again_is_another_one) {
    const core::Configuration configuration = served(150, true);
    core::Health health(configuration.checks, TimePoint{1000s});
    core::Service service(configuration.services.front(), {0}, 0);
    core::Outbox out;
    const TimePoint now{1001s};
    ASSERT_TRUE(service.settle(now, core::Demand::stop, health, out));
    ASSERT_TRUE(service.finished(now, {0, 1, true, ""}, health, out));
    EXPECT_TRUE(service.is_stopped());
    EXPECT_NE(service.readiness(health, true), control::Readiness::hot);
    EXPECT_TRUE(service.settle(now, core::Demand::none, health, out));
    EXPECT_EQ(service.readiness(health, true), control::Readiness::hot);
    EXPECT_FALSE(service.settle(now, core::Demand::none, health, out));
}

}  // namespace
}  // namespace understudy
