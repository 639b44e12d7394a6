// check list, check run and the checks in status: what people see of them, and the exit status.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <thread>

#include "agent/cli/commands.hpp"
#include "agent/cli/present.hpp"
#include "agent/cli/present_checks.hpp"
#include "tests/unit/cli/fake_agent.hpp"

namespace understudy::cli {
namespace {

using control::CheckState;
using control::CheckStatus;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;

constexpr TimePoint noon{seconds{1795176000}};  // 2026-11-20T12:00:00Z

const CheckStatus frontend{
    "frontend", "http", CheckState::up, noon - seconds{192}, "HTTP 200 in 1.2 ms", 20, 1};
const CheckStatus replica{"replica",       "script", CheckState::down, noon - seconds{7},
                          "exit status 1", 1234567,  1200000};
const CheckStatus fresh{"new", "tcp", CheckState::unknown, noon, "", 0, 0};

control::CheckRunResponse passed_run() {
    return {"frontend",
            "http",
            true,
            "HTTP 200 in 1.2 ms",
            "ok\n",
            {microseconds{100}, microseconds{300}, microseconds{2100}, milliseconds{3},
             microseconds{12345678}},
            frontend};
}

struct Outcome {
    int status = -1;
    std::string out;
    std::string err;
};

// The client with little patience against an agent that answers after a while.
Outcome answered(const std::string& answer, const Words& words, milliseconds after = {}) {
    const FakeAgent agent([&](FakeAgent::Client& client) {
        client.read_line();
        std::this_thread::sleep_for(after);
        client.write(answer);
    });
    Arguments arguments = *parse_arguments(words);
    arguments.runtime_dir = agent.runtime_dir();
    arguments.patience = after.count() == 0 ? milliseconds{5000} : after / 10;
    std::ostringstream out;
    std::ostringstream err;
    const int status = run(arguments, Console{out, err});
    return {status, out.str(), err.str()};
}

const std::string list_line =
    R"({"checks":[{"name":"frontend","type":"http","state":"up","since":"2026-11-20T12:00:00.000Z")"
    R"(,"detail":"HTTP 200 in 1.2 ms","runs":20,"failures":0,"of_a_later_version":1}]})"
    "\n";

std::string run_line(const std::string& passed, const std::string& output = "ok") {
    return R"({"check":"frontend","type":"http","passed":)" + passed +
           R"(,"detail":"HTTP 200 in 1.2 ms","output":")" + output +
           R"(","timings_ms":{"connect":0.3,"total":1.2},"status":{"name":"frontend",)"
           R"("type":"http","state":"up","since":"2026-11-20T12:00:00.000Z","detail":"",)"
           R"("runs":20,"failures":0}})"
           "\n";
}

// --- commands ------------------------------------------------------------------------------------

TEST(CheckList, IsATableOrTheAgentsDocument) {
    const Outcome table = answered(list_line, {"check", "list"});
    EXPECT_EQ(table.status, exit_done);
    EXPECT_THAT(table.out, HasSubstr("frontend  http  up "));
    EXPECT_EQ(answered(list_line, {"check", "list", "--json"}).out, list_line);
    EXPECT_EQ(answered("{\"checks\":[]}\n", {"check", "list"}).out, "no checks are configured\n");
}

TEST(CheckRun, ExitsWithItsOutcome) {
    const Outcome passed = answered(run_line("true"), {"check", "run", "frontend"});
    EXPECT_EQ(passed.status, exit_done);
    EXPECT_EQ(passed.out,
              "frontend (http): passed: HTTP 200 in 1.2 ms\n"
              "  connect            0.300 ms\n"
              "  total              1.200 ms\n"
              "output:\n"
              "  ok\n"
              "the check is up since 2026-11-20T12:00:00.000Z; this run does not count\n");
    EXPECT_EQ(passed.err, "");
    const Outcome failed = answered(run_line("false"), {"check", "run", "frontend"});
    EXPECT_EQ(failed.status, exit_failed);
    EXPECT_THAT(failed.out, HasSubstr("frontend (http): failed: "));
    EXPECT_EQ(failed.err, "");
}

TEST(CheckRun, ExitsWithItsOutcomeAlsoAsJson) {
    for (const auto& [passed, status] :
         std::vector<std::pair<std::string, int>>{{"true", exit_done}, {"false", exit_failed}}) {
        const std::string line = run_line(passed);
        const Outcome outcome = answered(line, {"check", "run", "frontend", "--json"});
        EXPECT_EQ(outcome.status, status);
        EXPECT_EQ(outcome.out, line);
        EXPECT_EQ(outcome.err, "");
    }
}

TEST(CheckRun, OfAnUnknownCheckFails) {
    const std::string line = "{\"error\":\"there is no check \\\"x\\\" here\",\"usage\":false}\n";
    const Outcome outcome = answered(line, {"check", "run", "x"});
    EXPECT_EQ(outcome.status, exit_failed);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, HasSubstr("there is no check \"x\" here"));
}

// How long a check may take, the agent knows; that it is there at all has to show sooner.
TEST(CheckRun, WaitsForTheAgentLongerThanOthers) {
    constexpr milliseconds late{200};
    EXPECT_EQ(answered(run_line("true"), {"check", "run", "frontend"}, late).status, exit_done);
    EXPECT_EQ(answered(list_line, {"check", "list"}, late).status, exit_no_agent);
    EXPECT_EQ(answered("", {"check", "run", "frontend"}, late).status, exit_no_agent);
}

TEST(CheckRun, FailsWhereNobodyReads) {
    const FakeAgent agent([](FakeAgent::Client& client) {
        client.read_line();
        client.write(run_line("true"));
    });
    Arguments arguments = *parse_arguments({"check", "run", "frontend"});
    arguments.runtime_dir = agent.runtime_dir();
    std::ostringstream out;
    std::ostringstream err;
    out.setstate(std::ios::badbit);
    EXPECT_EQ(run(arguments, Console{out, err}), exit_failed);
}

// The bytes reach the client through JSON, where every one of them can be written.
TEST(CheckRun, ShowsNothingThatATerminalObeys) {
    const Outcome outcome =
        answered(run_line("true", R"(\u001b]0;owned\u0007\u009b2J\r\nline\tof \u202etext\u007f)"),
                 {"check", "run", "frontend"});
    EXPECT_THAT(outcome.out, HasSubstr("output:\n  ?]0;owned??2J\n  line of ?text?\nthe check"));
}

// --- what is shown -------------------------------------------------------------------------------

TEST(Checks, AreATable) {
    EXPECT_EQ(present_checks({frontend, replica, fresh}, noon, false),
              "CHECK     TYPE    STATE    FOR         RUNS     FAILURES  DETAIL\n"
              "frontend  http    up       3 min 12 s  20       1         HTTP 200 in 1.2 ms\n"
              "replica   script  down     7 s         1234567  1200000   exit status 1\n"
              "new       tcp     unknown  0 ms        0        0         \n");
}

TEST(Checks, AClockThatWasSetBackShowsNoNegativeTime) {
    EXPECT_THAT(present_checks({frontend}, noon - std::chrono::hours{9}, false),
                HasSubstr("up     0 ms"));
}

TEST(Checks, ColourNothingButTheState) {
    const std::string plain = present_checks({frontend, replica, fresh}, noon, false);
    EXPECT_THAT(plain, Not(HasSubstr("\x1b")));
    std::string coloured = present_checks({frontend, replica, fresh}, noon, true);
    EXPECT_THAT(coloured, HasSubstr("\x1b[32mup       \x1b[0m3 min"));
    EXPECT_THAT(coloured, HasSubstr("\x1b[31mdown     \x1b[0m7 s"));
    for (const std::string code : {"\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"}) {
        for (auto at = coloured.find(code); at != std::string::npos; at = coloured.find(code)) {
            coloured.erase(at, code.size());
        }
    }
    EXPECT_EQ(coloured, plain);
}

TEST(Checks, AreBelowTheVipsInStatus) {
    control::StatusResponse status;
    status.node = "lb1";
    status.uptime = seconds{3};
    status.checks = {frontend, replica};
    EXPECT_EQ(present_status(status, noon, false),
              "lb1: up 3 s\n"
              "\n"
              "CHECK     TYPE    STATE  DETAIL\n"
              "frontend  http    up     HTTP 200 in 1.2 ms\n"
              "replica   script  down   exit status 1\n");
    status.vips.emplace_back();
    const std::string both = present_status(status, noon, false);
    EXPECT_LT(both.find("\n\nVIP"), both.find("\n\nCHECK"));
}

TEST(Checks, ObeyNobody) {
    CheckStatus hostile = frontend;
    hostile.name = "a\nb";
    hostile.type = "\x1b[31m";
    hostile.detail = "HTTP 200\nreplica  script  up\x9b\xc2\x9b";
    const std::string table = present_checks({hostile}, noon, false);
    EXPECT_EQ(std::ranges::count(table, '\n'), 2) << table;
    EXPECT_THAT(table, HasSubstr("a?b    ?[31m  up"));
    EXPECT_THAT(table, HasSubstr("HTTP 200?replica  script  up??\n"));
    const std::string brief = present_check_states({hostile}, false);
    EXPECT_EQ(std::ranges::count(brief, '\n'), 2) << brief;
    EXPECT_THAT(brief, Not(HasSubstr("\x1b")));
}

TEST(ARun, ShowsEveryStep) {
    EXPECT_EQ(present_check_run(passed_run(), false),
              "frontend (http): passed: HTTP 200 in 1.2 ms\n"
              "  name look-up       0.100 ms\n"
              "  connect            0.300 ms\n"
              "  TLS                2.100 ms\n"
              "  first byte         3.000 ms\n"
              "  total          12345.678 ms\n"
              "output:\n"
              "  ok\n"
              "the check is up since 2026-11-20T11:56:48.000Z; this run does not count\n");
}

TEST(ARun, ShowsOnlyWhatThereIs) {
    control::CheckRunResponse run{"replica", "script", false, "", "", {}, replica};
    EXPECT_EQ(present_check_run(run, false),
              "replica (script): failed\n"
              "the check is down since 2026-11-20T11:59:53.000Z; this run does not count\n");
    EXPECT_THAT(present_check_run(run, true), HasSubstr("\x1b[31mfailed\x1b[0m"));
}

// What a server says cannot be taken for what the client says.
TEST(ARun, IndentsEveryLineOfTheOutput) {
    control::CheckRunResponse run = passed_run();
    run.timings = {};
    const auto output_of = [&](const std::string& output) {
        run.output = output;
        const std::string text = present_check_run(run, false);
        const auto begin = text.find('\n') + 1;
        return text.substr(begin, text.find("the check is") - begin);
    };
    EXPECT_EQ(output_of("one\r\ntwo\n\nthree"), "output:\n  one\n  two\n\n  three\n");
    EXPECT_EQ(output_of("\n"), "output:\n\n");
    EXPECT_EQ(output_of("a\rb\tc\r"), "output:\n  a?b c?\n");
    run.detail = "up\nthe check is";
    EXPECT_THAT(present_check_run(run, false), HasSubstr("passed: up?the check is\n"));
}

}  // namespace
}  // namespace understudy::cli
