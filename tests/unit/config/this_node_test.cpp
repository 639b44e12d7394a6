// What a configuration names and the machine does not have.
#include "agent/config/this_node.hpp"

#include <unistd.h>

#include <map>

#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

Machine machine(bool has_everything) {
    Machine asked;
    asked.has_interface = [=](const std::string&) { return has_everything; };
    asked.has_address = [=](const IpAddress&) { return has_everything; };
    asked.has_user = [=](const std::string&) { return has_everything; };
    asked.has_unit = [=](const std::string&) { return has_everything; };
    asked.trouble_with = [=](const std::string&, Use, const std::string& user) {
        return has_everything ? "" : "is not for " + user;
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
                ElementsAre("f:1: this file is not for root",
                            "f:4: interface: there is no interface eth0 on this machine",
                            "f:7: interface: there is no interface eth1 on this machine",
                            "f:8: unicast_source: 10.0.0.1 is no address of this machine",
                            "f:15: unit: there is no unit file of queue.service on this machine",
                            "f:20: source: 10.0.0.9 is no address of this machine",
                            "f:23: command: /usr/local/bin/look is not for looker",
                            "f:24: user: there is no user looker on this machine",
                            "f:28: ca: /etc/ssl/ours.pem is not for root",
                            "f:2: script_user: there is no user scripts on this machine"));
}

// Each file is judged with the rights of the user whose process uses it.
class WhoUsesWhat : public testing::Test {
protected:
    // "USER execute PATH" for each question.
    std::vector<std::string> questions(std::string_view text) {
        std::vector<std::string> asked;
        machine_.trouble_with = [&](const std::string& path, Use use, const std::string& user) {
            const std::map<Use, std::string> words = {{Use::execute, " executes "},
                                                      {Use::read, " reads "},
                                                      {Use::read_if_there, " may read "},
                                                      {Use::look, " looks for "}};
            if (!path.ends_with("/f")) {  // the configuration itself
                asked.push_back(user + words.at(use) + path);
            }
            return std::string{};
        };
        EXPECT_THAT(compare(text, machine_), IsEmpty());
        return asked;
    }

    Machine machine_ = machine(true);
};

constexpr std::string_view programs = R"([agent]
script_user = postgres
[vip web]
interface = eth0
vrid = 51
address = 192.0.2.10/24
on_active = /hook --loud
service = db
track = own
track = other
[service db]
start = /start
stop = /stop
check = own
[check own]
type = script
command = /own
[check other]
type = script
command = /other
user = looker
)";

constexpr std::string_view files = R"([vip web]
interface = eth0
vrid = 51
address = 192.0.2.10/24
track = file
track = weight
track = pid
track = https
[check file]
type = file
path = /file
[check weight]
type = file
path = /weight
value_as_weight = yes
[check pid]
type = process
pid_file = /pid
[check https]
type = http
url = https://127.0.0.1/
ca = /ca
certificate = /certificate
key = /key
credentials = basic
credentials_file = /credentials
)";

TEST_F(WhoUsesWhat, programs_are_run_by_the_script_user_or_the_checks_own) {
    EXPECT_THAT(
        questions(programs),
        ElementsAre("postgres executes /hook", "postgres executes /start",
                    "postgres executes /stop", "postgres executes /own", "looker executes /other"));
}

TEST_F(WhoUsesWhat, files_are_looked_at_by_the_agents_user_where_it_may_not_become_another) {
    machine_.agent_user = "understudy";
    machine_.agent_changes_user = false;
    EXPECT_THAT(questions(files),
                ElementsAre("understudy looks for /file", "understudy may read /weight",
                            "understudy may read /pid", "understudy reads /ca",
                            "understudy reads /certificate", "understudy reads /key",
                            "understudy reads /credentials"));
}

TEST_F(WhoUsesWhat, files_are_looked_at_by_the_script_user_and_secrets_read_by_the_agents) {
    machine_.agent_user = "understudy";
    machine_.agent_changes_user = true;
    EXPECT_THAT(
        questions(files),
        ElementsAre("nobody looks for /file", "nobody may read /weight", "nobody may read /pid",
                    "understudy reads /ca", "understudy reads /certificate",
                    "understudy reads /key", "understudy reads /credentials"));
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
    EXPECT_EQ(here.trouble_with("/bin/sh", Use::execute, "root"), "");
    EXPECT_EQ(here.trouble_with("/bin/sh", Use::execute, "nosuchuser"), "");
    EXPECT_EQ(here.trouble_with("/etc/passwd", Use::execute, "root"), "is not executable");
    EXPECT_EQ(here.trouble_with("/nosuch", Use::execute, "root"), "does not exist");
    EXPECT_EQ(here.trouble_with("/etc/passwd", Use::read, "nobody"), "");
    EXPECT_THAT(here.trouble_with("/etc/shadow", Use::read, "nobody"),
                StartsWith("cannot be read by user nobody: no permission to read /etc/shadow"));
    EXPECT_EQ(here.trouble_with("/etc", Use::read, "root"), "is not a file");
}

}  // namespace
}  // namespace understudy::config
