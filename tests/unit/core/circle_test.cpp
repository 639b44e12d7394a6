// What a node in fault says of a check that asks its VIP's own address.
#include <gmock/gmock.h>

#include "tests/sim/virtual_lan.hpp"

namespace understudy {
namespace {

using namespace std::chrono_literals;
using sim::VirtualHost;
using sim::VirtualLan;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string circle = "an address of this VIP, which nobody holds while the check is down";

checks::CheckSettings check(const std::string& name, const std::string& host) {
    checks::CheckSettings settings;
    settings.name = name;
    settings.type = "tcp";
    settings.question = checks::Tcp{{host, 80}, {}, {}, {}};
    settings.initial = checks::CheckState::down;
    return settings;
}

core::Configuration asking(const std::string& host) {
    core::Configuration configuration = sim::web(100);
    configuration.checks = {check("gate", host)};
    configuration.vips.front().tracks = {{"gate", {}}};
    return configuration;
}

class Circle : public testing::Test {
protected:
    void start(const std::string& host, const std::string& detail) {
        lb1.crash();
        lb1.set_check("gate", false, detail);
        lb1.start(asking(host));
        lan.run_for(10s);
        ASSERT_EQ(lb1.state(), "fault");
    }
    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
};

TEST_F(Circle, with_an_address) {
    start("192.0.2.10", "no answer within 300 ms");
    EXPECT_THAT(lb1.why(), Contains("check gate asks 192.0.2.10, " + circle));
    EXPECT_THAT(lb1.vip().hints, Contains("check gate asks 192.0.2.10, " + circle));
}

TEST_F(Circle, with_a_name_whose_address_the_check_has_told) {
    start("vip.example.org", "connecting to 192.0.2.10 port 80: No route to host");
    EXPECT_THAT(lb1.why(), Contains("check gate asks 192.0.2.10, " + circle));
    start("vip.example.org", "192.0.2.10:80 is silent.");
    EXPECT_THAT(lb1.why(), Contains("check gate asks 192.0.2.10, " + circle));
}

TEST_F(Circle, is_none_for_another_address) {
    for (const char* detail : {"connecting to 192.0.2.100 port 80: refused",
                               "connecting to 1192.0.2.10 port 80", "192.0.2.10.example.org"}) {
        start("elsewhere.example.org", detail);
        EXPECT_THAT(lb1.why(), Not(Contains(HasSubstr(circle)))) << detail;
    }
    start("192.0.2.9", "no answer from 192.0.2.10");
    EXPECT_THAT(lb1.why(), Not(Contains(HasSubstr(circle)))) << "it asks what is written";
}

TEST_F(Circle, is_none_while_another_node_holds_the_address) {
    VirtualHost& lb2 = lan.add("lb2");
    lb2.start(sim::web(100));
    start("192.0.2.10", "connection refused");
    ASSERT_EQ(lb2.state(), "active");
    EXPECT_THAT(lb1.why(), Not(Contains(HasSubstr(circle))));
}

TEST_F(Circle, through_another_vip) {
    core::Configuration both = asking("db.example.org");
    both.vips.push_back(both.vips.front());
    both.vips.back().name = "db";
    both.vips.back().vrid = 52;
    both.vips.back().addresses.front().prefix = *IpPrefix::parse("192.0.2.20/24");
    both.vips.back().tracks = {{"front", {}}};
    both.checks.push_back(check("front", "192.0.2.10"));
    lb1.set_check("gate", false, "connecting to 192.0.2.20 port 80: No route to host");
    lb1.set_check("front", false, "No route to host");
    lb1.start(both);
    lan.run_for(10s);
    EXPECT_THAT(lb1.why("web"),
                Contains("check gate asks 192.0.2.20, an address of VIP db, whose check front asks "
                         "192.0.2.10, an address of VIP web, which nobody holds while the check is "
                         "down"));
    both.vips.back().tracks.clear();
    lb1.reload(both);
    lan.run_for(10s);
    EXPECT_THAT(lb1.vip("web").hints, IsEmpty());
}

}  // namespace
}  // namespace understudy
