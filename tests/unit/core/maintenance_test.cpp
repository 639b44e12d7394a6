// Maintenance of a node: everything goes to its peers, and stays there.
#include <gmock/gmock.h>

#include "tests/sim/virtual_lan.hpp"

namespace understudy {
namespace {

using namespace std::chrono_literals;
using control::DoneResponse;
using control::ErrorResponse;
using control::MaintenanceRequest;
using control::TakeoverRequest;
using sim::VirtualHost;
using sim::VirtualLan;
using sim::web;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string vip = "192.0.2.10/24";
const MaintenanceRequest on{true, std::nullopt, 10s};
const MaintenanceRequest off{};

class Maintenance : public testing::Test {
protected:
    // lb1 with 150 is active, lb2 with 100 waits.
    void start(const core::Configuration& one = web(150),
               const core::Configuration& two = web(100)) {
        lb1.start(one);
        lb2.start(two);
        ASSERT_TRUE(reaches(lb1, "active", 20s));
        lan.run_for(5s);
    }
    bool reaches(VirtualHost& host, const std::string& state, Duration limit) {
        return lan.run_until([&] { return host.state() == state; }, limit);
    }
    control::StatusResponse status(VirtualHost& host) {
        return std::get<control::StatusResponse>(host.ask(control::StatusRequest{}));
    }
    static void add_check(core::Configuration& configuration, const std::string& name) {
        checks::CheckSettings check;
        check.name = name;
        check.type = "file";
        check.question = checks::File{};
        check.interval = 500ms;
        configuration.checks.push_back(check);
    }
    // A service that runs on one node only.
    static core::Configuration exclusive(vrrp::Priority priority) {
        core::Configuration configuration = web(priority);
        add_check(configuration, "app");
        core::ServiceSettings service;
        service.name = "app";
        service.checks = {"app"};
        service.unit = "app.service";
        service.stop_on_release = true;
        configuration.services.push_back(service);
        configuration.vips.front().service = "app";
        return configuration;
    }

    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    VirtualHost& lb2 = lan.add("lb2");
};

TEST_F(Maintenance, gives_everything_away_without_a_gap_and_stays_behind) {
    start();
    lan.after_step = [this] { ASSERT_FALSE(lan.holders(vip).empty()); };
    const auto client = lb1.send(on);
    ASSERT_TRUE(lan.run_until([&] { return lb1.answer(client).has_value(); }, 5s));
    EXPECT_THAT(std::get<DoneResponse>(*lb1.answer(client)).text,
                HasSubstr("192.0.2.2 is active with priority 100"));
    lan.run_for(60s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
    EXPECT_TRUE(status(lb1).maintenance);
    EXPECT_EQ(lb1.vip().effective_priority, 1);

    lb1.ask(off);
    EXPECT_FALSE(status(lb1).maintenance);
    ASSERT_TRUE(reaches(lb1, "active", 5s));
}

TEST_F(Maintenance, without_a_peer_it_is_on_and_the_answer_says_what_is_still_here) {
    lb1.start(web(150));
    ASSERT_TRUE(reaches(lb1, "active", 20s));
    const auto client = lb1.send(on);
    ASSERT_TRUE(lan.run_until([&] { return lb1.answer(client).has_value(); }, 11s));
    const auto error = std::get<ErrorResponse>(*lb1.answer(client));
    EXPECT_THAT(error.text, HasSubstr("maintenance is on; web: no peer took over within 10 s"));
    EXPECT_TRUE(status(lb1).maintenance);
    lan.run_for(60s);
    EXPECT_TRUE(lb1.holds(vip));

    lb2.start(web(100));  // its lower priority takes it at once
    EXPECT_TRUE(reaches(lb2, "active", 3s));
    EXPECT_TRUE(reaches(lb1, "backup", 1s));
}

// Unlike after a failover, which the death of the peer ends.
TEST_F(Maintenance, the_death_of_the_peer_does_not_end_it) {
    start();
    lb1.send(on);
    ASSERT_TRUE(reaches(lb2, "active", 5s));
    lb2.crash();
    ASSERT_TRUE(reaches(lb1, "active", 10s));
    EXPECT_EQ(lb1.vip().effective_priority, 1);
    lan.run_for(20s);
    lb2.start(web(100));
    EXPECT_TRUE(reaches(lb2, "active", 3s));
}

TEST_F(Maintenance, ends_by_itself_when_its_time_is_over) {
    start();
    const TimePoint begun = lan.now();
    lb1.send(MaintenanceRequest{true, 1h, 10s});
    ASSERT_TRUE(reaches(lb2, "active", 5s));
    EXPECT_EQ(status(lb1).maintenance_until, begun + 1h);
    lan.run_for(begun + 1h - 1s - lan.now());
    EXPECT_EQ(lb1.state(), "backup");
    EXPECT_TRUE(reaches(lb1, "active", 5s));
    EXPECT_FALSE(status(lb1).maintenance);
}

TEST_F(Maintenance, survives_the_agent) {
    start();
    lb1.send(on);
    ASSERT_TRUE(reaches(lb2, "active", 5s));
    lb1.crash();
    lb1.start(web(150));
    lan.run_for(60s);
    EXPECT_EQ(lb1.state(), "backup");
    EXPECT_TRUE(status(lb1).maintenance);
    EXPECT_THAT(lb1.why(), testing::Contains(HasSubstr("maintenance")));
}

TEST_F(Maintenance, a_takeover_is_refused_unless_forced) {
    start();
    lb1.send(on);
    ASSERT_TRUE(reaches(lb2, "active", 5s));
    const auto refused = lb1.ask(TakeoverRequest{"web", false});
    EXPECT_THAT(std::get<ErrorResponse>(refused).text, HasSubstr("maintenance"));
    lb1.ask(TakeoverRequest{"web", true});
    EXPECT_TRUE(reaches(lb1, "active", 1s));
    EXPECT_THAT(lb1.why(), Contains("this node is in maintenance"));
    const auto ended = lb1.ask(control::FailbackRequest{"web"});
    EXPECT_EQ(std::get<DoneResponse>(ended).text,
              "web: the takeover is ended, maintenance goes on");
    EXPECT_TRUE(reaches(lb2, "active", 3s)) << "it is in maintenance still";
    EXPECT_THAT(lb1.why(), Not(Contains("this node is in maintenance"))) << "said already";
}

TEST_F(Maintenance, of_both_nodes_leaves_one_holder) {
    start();
    lb1.send(on);
    ASSERT_TRUE(reaches(lb2, "active", 5s));
    lb2.send(on);
    lan.run_for(60s);
    EXPECT_EQ(lan.holders(vip).size(), 1U);
    const auto moved = lan.adverts.size();
    lan.run_for(60s);
    EXPECT_LE(lan.adverts.size() - moved, 62U) << "one of them advertises";
}

// It stops before it lets go, and nobody else is there: once, not for ever.
TEST_F(Maintenance, a_service_for_one_node_only_is_not_stopped_and_started_for_ever) {
    lb1.start(exclusive(150));
    ASSERT_TRUE(reaches(lb1, "active", 20s));
    lb1.send(on);
    lan.run_for(5min);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(std::ranges::count(lb1.orders(), "stop app"), 1);
    EXPECT_TRUE(status(lb1).maintenance);
}

TEST_F(Maintenance, a_dead_check_still_releases) {
    core::Configuration tracking = web(150);
    add_check(tracking, "gateway");
    tracking.vips.front().tracks.push_back({"gateway", std::nullopt});
    lb1.start(tracking);
    ASSERT_TRUE(reaches(lb1, "active", 20s));
    lb1.send(on);
    lan.run_for(20s);
    lb1.set_check("gateway", false);
    EXPECT_TRUE(reaches(lb1, "fault", 10s));
    EXPECT_FALSE(lb1.holds(vip));
}

}  // namespace
}  // namespace understudy
