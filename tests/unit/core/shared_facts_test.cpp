// Facts that change while something else is looked at: checks and services that VIPs share.
#include "tests/unit/core/services.hpp"

namespace understudy {
namespace {

const std::string second_vip = "192.0.2.20/24";

// As served(), and a second VIP "db" beside "web".
core::Configuration two_vips(vrrp::Priority priority) {
    core::Configuration configuration = served(priority, true);
    core::VipSettings db = configuration.vips.front();
    db.name = "db";
    db.vrid = 52;
    db.addresses.front().prefix = *IpPrefix::parse(second_vip);
    configuration.vips.push_back(db);
    return configuration;
}

TEST_F(Services, failback_of_one_vip_forgives_the_service_for_every_vip_that_shares_it) {
    lb1.start(two_vips(100));
    lb1.set_start(500ms, false);
    lb1.kill_service("haproxy");
    lb2.start(served(200, false));  // has "web" only
    ASSERT_TRUE(active(lb2, 10s));
    lan.run_for(20s);
    ASSERT_EQ(lb1.state("db"), "fault") << "its service could not be started";
    lb1.set_start(500ms, true);
    lb1.ask(control::FailbackRequest{"web"});
    EXPECT_TRUE(lan.run_until([&] { return lb1.holds(second_vip); }, 10s));
}

// "db" tracks a check, "web" has a service that has to be started.
core::Configuration tracked_beside_cold(vrrp::Priority priority) {
    core::Configuration configuration = two_vips(priority);
    configuration.checks.front().interval = 10s;  // it is remembered for longer
    configuration.services.front().start_timeout = 30s;
    configuration.checks.push_back(check("gateway"));
    configuration.vips.back().service.clear();
    configuration.vips.back().tracks.push_back({"gateway", std::nullopt});
    return configuration;
}

// lb1 is a cold standby whose prober has fallen silent.
void begin_with_a_silent_prober(VirtualLan& lan, VirtualHost& lb1, VirtualHost& lb2) {
    core::Configuration leader = two_vips(200);
    leader.checks.clear();
    leader.services.clear();
    for (core::VipSettings& each : leader.vips) {
        each.service.clear();
    }
    lb2.start(leader);
    lb1.start(tracked_beside_cold(100));
    lb1.set_start(500ms, false);
    lb1.kill_service("haproxy");
    lan.run_for(10s);
    lb1.silence_prober(true);
}

bool has_forgotten_the_gateway(const VirtualHost& host) {
    return std::ranges::any_of(host.journal(), [](const std::string& line) {
        return line.starts_with("check gateway: up -> unknown");
    });
}

TEST_F(Services, a_check_that_is_forgotten_while_a_service_is_started_counts_for_every_vip) {
    Duration forgotten{};  // when it happens if nothing else does
    {
        VirtualLan other;
        VirtualHost& first = other.add("lb1");
        const TimePoint begin = other.now();
        begin_with_a_silent_prober(other, first, other.add("lb2"));
        ASSERT_TRUE(other.run_until([&] { return has_forgotten_the_gateway(first); }, 60s));
        forgotten = other.now() - begin;
    }
    const TimePoint begin = lan.now();
    begin_with_a_silent_prober(lan, lb1, lb2);
    lan.run_for(begin + forgotten - 50ms - lan.now());
    lb1.freeze();
    lan.run_for(100ms);
    ASSERT_FALSE(has_forgotten_the_gateway(lb1));
    lb1.send(control::TakeoverRequest{"web", false});
    lb1.thaw();  // the request comes first, then TimePassed
    ASSERT_TRUE(has_forgotten_the_gateway(lb1));
    lb2.crash();
    lan.run_for(10s);
    EXPECT_FALSE(lb1.holds(second_vip)) << "nobody knows whether its gateway is up";
}

}  // namespace
}  // namespace understudy
