// What a configuration names and the machine does not have.
#include "agent/config/this_node.hpp"

#include <unistd.h>

#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Machine machine(bool has_everything) {
    Machine asked;
    asked.has_interface = [=](const std::string&) { return has_everything; };
    asked.has_address = [=](const IpAddress&) { return has_everything; };
    asked.has_user = [=](const std::string&) { return has_everything; };
    asked.has_unit = [=](const std::string&) { return has_everything; };
    asked.trouble_with_program = [=](const std::string&) {
        return std::string{has_everything ? "" : "is not executable"};
    };
    asked.trouble_with_file = [=](const std::string&) {
        return std::string{has_everything ? "" : "does not exist"};
    };
    return asked;
}

Lines compare(std::string_view text, const Machine& with) {
    const Result result = read(text);
    EXPECT_THAT(problems_of(result.diagnostics), IsEmpty());
    if (!result.configuration) {
        return {};
    }
    return problems_of(compare_with_machine(
        {"f", *result.configuration, result.vips, result.services, result.checks, result.agent},
        with));
}

constexpr std::string_view everything = R"([agent]
script_user = scripts
[vip web]
interface = eth0
vrid = 51
address = 192.0.2.10/24
extra_address = 10.1.0.1/24 dev eth1
unicast_source = 10.0.0.1
unicast_peer = 10.0.0.2
service = queue
track = gate
track = script
track = web
[service queue]
unit = queue.service
check = unit
[check gate]
type = icmp
target = 10.0.0.254
source = 10.0.0.9
[check script]
type = script
command = /usr/local/bin/look --deep
user = looker
[check web]
type = http
url = https://127.0.0.1/
ca = /etc/ssl/ours.pem
[check unit]
type = unit
unit = queue.service
)";

TEST(ThisNode, EverythingThatIsMissingIsNamedOnceWithItsLine) {
    EXPECT_THAT(compare(everything, machine(false)),
                ElementsAre("f:4: interface: there is no interface eth0 on this machine",
                            "f:7: interface: there is no interface eth1 on this machine",
                            "f:8: unicast_source: 10.0.0.1 is no address of this machine",
                            "f:15: unit: there is no unit file of queue.service on this machine",
                            "f:20: source: 10.0.0.9 is no address of this machine",
                            "f:23: command: /usr/local/bin/look is not executable",
                            "f:24: user: there is no user looker on this machine",
                            "f:28: ca: /etc/ssl/ours.pem does not exist",
                            "f:2: script_user: there is no user scripts on this machine"));
}

TEST(ThisNode, WhatIsThereHasNoRemark) {
    EXPECT_THAT(compare(everything, machine(true)), IsEmpty());
}

TEST(ThisNode, IsNoPeerOfItsOwn) {
    EXPECT_THAT(compare(vip_with("peer = 192.0.2.2\n"), machine(false)),
                testing::Not(testing::Contains(testing::HasSubstr("peer"))));
    EXPECT_THAT(compare(vip_with("peer = 192.0.2.2\n"), machine(true)),
                ElementsAre("f:5: peer: 192.0.2.2 is an address of this machine"));
}

TEST(ThisNode, WithoutChecksNobodyBecomesTheScriptUser) {
    Machine without_users = machine(true);
    without_users.has_user = [](const std::string&) { return false; };
    EXPECT_THAT(compare(vip_with(""), without_users), IsEmpty());
}

// What is on every Linux, and what is on none.
TEST(ThisMachine, IsAsked) {
    const Machine here = this_machine();
    EXPECT_TRUE(here.has_interface("lo"));
    EXPECT_FALSE(here.has_interface("nosuchif0"));
    EXPECT_FALSE(here.has_address(IpAddress::v4(192, 0, 2, 123)));
    EXPECT_TRUE(here.has_user("root"));
    EXPECT_FALSE(here.has_user("nosuchuser"));
    EXPECT_FALSE(here.has_unit("nosuch.service"));
    EXPECT_EQ(here.trouble_with_program("/bin/sh"), "");
    EXPECT_EQ(here.trouble_with_program("/etc/passwd"), "is not executable");
    EXPECT_EQ(here.trouble_with_program("/nosuch"), "does not exist");
    EXPECT_EQ(here.trouble_with_file("/etc/passwd"), "");
    EXPECT_EQ(here.trouble_with_file("/etc"), "is not a file");
}

}  // namespace
}  // namespace understudy::config
