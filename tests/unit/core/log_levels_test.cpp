// The lines of a Node at each log_level. Debug: decisions with their facts, check runs that changed
// something, changes over netlink in both directions. Trace: every datagram and every run. No line
// of a level appears when a higher one is configured.
#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

#include "tests/sim/virtual_lan.hpp"

namespace understudy {
namespace {

using namespace std::chrono_literals;
using core::LogLevel;
using sim::VirtualHost;
using sim::VirtualLan;
using sim::web;
using testing::AllOf;
using testing::Contains;
using testing::ContainsRegex;
using testing::Each;
using testing::IsEmpty;
using testing::Not;

// The lines of lb1 in one history: it becomes active, its check fails and recovers, it fails over,
// and it receives a datagram that is too short for VRRP.
struct Said {
    std::map<LogLevel, std::vector<std::string>> lines;
    std::vector<std::string> decided;  // the numbers of all other actions, in their order
};

core::Configuration logging(LogLevel level) {
    core::Configuration configuration = web(150);
    checks::CheckSettings check;
    check.name = "gateway";
    check.type = "file";
    check.question = checks::File{};
    check.interval = 500ms;
    check.rise = 2;
    check.fall = 3;
    configuration.checks = {check};
    configuration.vips.front().tracks = {{"gateway", std::nullopt}};
    configuration.agent.log_level = level;
    return configuration;
}

Said said_at(LogLevel level) {
    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    VirtualHost& lb2 = lan.add("lb2");
    Said said;
    lb1.recorder = [&](TimePoint, const core::Event&, const core::Outbox& out) {
        for (const core::Action& action : out.actions) {
            if (const auto* line = std::get_if<core::Log>(&action)) {
                said.lines[line->level].push_back(line->text);
            } else {
                said.decided.push_back(std::to_string(action.index()));
            }
        }
    };
    lb1.start(logging(level));
    EXPECT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 20s));
    lb2.start(web(100));
    lan.run_for(5s);
    lb1.set_check("gateway", false, "no answer");
    EXPECT_TRUE(lan.run_until([&] { return lb1.state() == "fault"; }, 20s));
    lb1.set_check("gateway", true);
    EXPECT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 20s));
    lb1.send(control::CheckRunRequest{"gateway"});
    lb1.send(control::FailoverRequest{"web", 10s});
    lan.run_for(5s);
    const std::vector<std::byte> noise(3, std::byte{0x31});
    lb1.feed(core::DatagramReceived{
        2, {*IpAddress::parse("192.0.2.99"), *IpAddress::parse("224.0.0.18"), 255, noise}});
    return said;
}

TEST(LogLevels, debug_tells_decisions_with_their_facts) {
    const auto lines = said_at(LogLevel::debug).lines[LogLevel::debug];
    EXPECT_THAT(lines, Contains(ContainsRegex("web: decision: may lead, priority 150 .*"
                                              "base priority 150.*readiness hot")));
    EXPECT_THAT(lines, Contains(ContainsRegex("web: decision: .*because check gateway down.*"
                                              "checks: check gateway down.*no answer")));
    EXPECT_THAT(lines, Contains(ContainsRegex("web: decision: may lead, priority 1, because "
                                              "failover.*failover, holding the addresses")));
    EXPECT_THAT(lines, Contains(ContainsRegex("web: election: Backup -> Active: no advertisement "
                                              "from .*own priority 150, skew time .*, "
                                              "Active_Down_Interval ")));
}

TEST(LogLevels, debug_tells_runs_that_changed_something) {
    const auto lines = said_at(LogLevel::debug).lines[LogLevel::debug];
    EXPECT_THAT(lines, Contains("check gateway: a run failed, 1 of 3 in a row before it is down: "
                                "no answer"));
    EXPECT_THAT(lines, Contains("check gateway: a run failed, it is down now: no answer"));
    EXPECT_THAT(lines,
                Contains("check gateway: a run passed, 1 of 2 in a row before it is up: fine"));
    EXPECT_THAT(lines, Contains("check gateway: a run passed, it is up now: fine"));
    const auto runs = std::ranges::count_if(
        lines, [](const std::string& line) { return line.starts_with("check gateway: a run"); });
    EXPECT_EQ(runs, 6) << "the first one, three that failed, two that passed";
}

TEST(LogLevels, debug_tells_netlink_changes_in_both_directions) {
    const auto lines = said_at(LogLevel::debug).lines[LogLevel::debug];
    EXPECT_THAT(lines, Contains(ContainsRegex("netlink: link eth0 .* is up, MAC ")));
    EXPECT_THAT(lines, Contains(ContainsRegex("netlink: adds 192.0.2.10/24 on eth0 for ")));
    EXPECT_THAT(lines, Contains("netlink: 192.0.2.10/24 on eth0 is there (of understudy)"));
    EXPECT_THAT(lines, Contains("netlink: removes 192.0.2.10/24 on eth0"));
    EXPECT_THAT(lines, Contains("netlink: 192.0.2.10/24 is gone from eth0"));
    EXPECT_THAT(lines, Not(Contains(ContainsRegex("renews|new lifetime")))) << "nothing changes";
}

TEST(LogLevels, trace_tells_each_datagram) {
    const Said said = said_at(LogLevel::trace);
    const auto& lines = said.lines.at(LogLevel::trace);
    EXPECT_THAT(lines,
                Contains(ContainsRegex("sends on eth0 from 192.0.2.1 to 224.0.0.18: version 3, "
                                       "type 1, VRID 51, priority 150, 1 addresses, interval 1000 "
                                       "ms, 12 bytes")));
    EXPECT_THAT(lines,
                Contains(ContainsRegex("received on eth0 from 192.0.2.2 to 224.0.0.18, TTL 255: "
                                       "version 3, type 1, VRID 51, priority 100, ")));
    EXPECT_THAT(lines,
                Contains("received on eth0 from 192.0.2.99 to 224.0.0.18, TTL 255: 3 bytes"));
    EXPECT_THAT(lines, Contains(ContainsRegex("discarded the datagram from 192.0.2.99: ")));
    EXPECT_THAT(lines, Contains(ContainsRegex("announces 192.0.2.10 on eth0 with MAC ")));
    EXPECT_THAT(lines, Contains(ContainsRegex("netlink: renews 192.0.2.10/24 on eth0 for ")));
    const auto adverts = std::to_string(core::Action{core::SendAdvert{}}.index());
    EXPECT_EQ(std::ranges::count(said.decided, adverts),
              std::ranges::count_if(
                  lines, [](const std::string& line) { return line.starts_with("sends on"); }));
}

TEST(LogLevels, trace_tells_each_run) {
    const Said said = said_at(LogLevel::trace);
    const auto& lines = said.lines.at(LogLevel::trace);
    EXPECT_THAT(lines, Contains("check gateway: run 1 starts"));
    EXPECT_THAT(lines, Contains(ContainsRegex("check gateway: run 1 passed")));
    EXPECT_THAT(lines, Contains(ContainsRegex("check gateway: run [0-9]+ failed.*: no answer")));
    EXPECT_THAT(lines, Contains("check gateway: run by hand starts"));
    const auto runs = std::to_string(core::Action{core::RunCheck{}}.index());
    EXPECT_EQ(std::ranges::count(said.decided, runs),
              std::ranges::count_if(
                  lines, [](const std::string& line) { return line.ends_with(" starts"); }));
}

TEST(LogLevels, lower_levels_have_no_line_of_the_higher_ones) {
    const std::vector<LogLevel> levels = {LogLevel::trace, LogLevel::debug, LogLevel::info,
                                          LogLevel::warn, LogLevel::error};
    const Said most = said_at(LogLevel::trace);
    for (const LogLevel level : levels) {
        Said said = said_at(level);
        EXPECT_EQ(said.decided, most.decided) << "a level decides nothing";
        for (const LogLevel other : {LogLevel::trace, LogLevel::debug}) {
            if (other < level) {
                EXPECT_THAT(said.lines[other], IsEmpty()) << "not even made";
            } else {
                EXPECT_EQ(said.lines[other], most.lines.at(other));
            }
        }
    }
}

}  // namespace
}  // namespace understudy
