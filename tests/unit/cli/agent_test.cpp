// The client against an agent: what it prints and how it exits, within a bounded time.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "agent/cli/commands.hpp"
#include "agent/control/messages.hpp"
#include "tests/unit/cli/running.hpp"
#include "tests/unit/no_descriptors.hpp"

namespace understudy::cli {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::StartsWith;

const std::string event_line =
    R"({"number":1,"at":"2026-11-20T12:00:00.000Z","vip":"web","from":"init","to":"backup",)"
    R"("cause":"listens"})";

// --- an agent ------------------------------------------------------------------------------------

TEST(Agent, RefusesWithAReason) {
    const FakeAgent agent([](FakeAgent::Client& client) {
        client.read_line();
        client.write(
            "{\"error\":\"there is no VIP \\\"wbe\\\" here; there is: web\","
            "\"usage\":false}\n");
    });
    expect_failure(agent.runtime_dir(), exit_failed, "there is no VIP \"wbe\" here; there is: web");
}

TEST(Agent, DoesNotUnderstandTheRequest) {
    const FakeAgent agent([](FakeAgent::Client& client) {
        client.read_line();
        client.write("{\"error\":\"unknown request\",\"usage\":true}\n");
    });
    expect_failure(agent.runtime_dir(), exit_usage, "unknown request");
}

TEST(Agent, HearsTheRequestsAsTheyAreDescribed) {
    const std::vector<std::pair<Words, std::string>> requests = {
        {{"status"}, R"({"request":"status"})"},
        {{"status", "web"}, R"({"request":"status","vip":"web"})"},
        {{"why", "web"}, R"({"request":"why","vip":"web"})"},
        {{"failover", "web"}, R"({"request":"failover","vip":"web","timeout_ms":10000})"},
        {{"failover", "--all", "--timeout", "2s"},
         R"({"request":"failover","all":true,"timeout_ms":2000})"},
        {{"takeover", "web", "--force"}, R"({"request":"takeover","vip":"web","force":true})"},
        {{"failback", "--all"}, R"({"request":"failback","all":true})"},
        {{"maintenance", "on", "--for", "1h"},
         R"({"request":"maintenance","on":true,"for_ms":3600000,"timeout_ms":10000})"},
        {{"maintenance", "off"}, R"({"request":"maintenance","on":false,"timeout_ms":10000})"},
        {{"events"}, R"({"request":"events","follow":false})"},
        {{"events", "--follow"}, R"({"request":"events","follow":true})"},
        {{"config", "show"}, R"({"request":"config_show"})"},
        {{"check", "list"}, R"({"request":"check_list"})"},
        {{"check", "run", "frontend"}, R"({"request":"check_run","check":"frontend"})"},
    };
    for (const auto& [words, expected] : requests) {
        std::string heard;
        {
            const FakeAgent agent(
                [&heard](FakeAgent::Client& client) { heard = client.read_line(); });
            ran(agent.runtime_dir(), words);
        }
        EXPECT_EQ(heard, expected);
    }
}

TEST(Agent, SaysWhatItsStatusIs) {
    const Outcome table = answered(std::string{status_line} + "\n", {"status"});
    EXPECT_EQ(table.status, exit_done);
    EXPECT_THAT(table.out, StartsWith("lb1: up 3 s, 1 active\n\nVIP  STATE"));
    EXPECT_EQ(table.err, "");
    const Outcome one = answered(std::string{status_line} + "\n", {"status", "web"});
    EXPECT_THAT(one.out, StartsWith("web: active for "));
}

// What a later agent adds reaches the script that asks for it.
TEST(Agent, PassesItsDocumentOnUnchanged) {
    const std::string line = std::string{status_line} + "\n";
    EXPECT_EQ(answered(line, {"status", "--json"}).out, line);
    const std::string why = "{\"vip\":\"web\",\"state\":\"fault\",\"reasons\":[\"a\"]}\n";
    EXPECT_EQ(answered(why, {"why", "web", "--json"}).out, why);
    EXPECT_EQ(answered(why, {"why", "web"}).out, "web is fault:\n  a\n");
    const std::string config = "{\"config\":\"[agent]\\nname = lb1\\n\"}\n";
    EXPECT_EQ(answered(config, {"config", "show", "--json"}).out, config);
    EXPECT_EQ(answered(config, {"config", "show"}).out, "[agent]\nname = lb1\n");
}

TEST(Agent, HasMoved) {
    const std::string line = "{\"done\":\"web: 192.0.2.2 is active with priority 100\"}\n";
    for (const Words& words :
         std::vector<Words>{{"failover", "web"}, {"takeover", "web"}, {"failback", "web"}}) {
        const Outcome outcome = answered(line, words);
        EXPECT_EQ(outcome.status, exit_done);
        EXPECT_EQ(outcome.out, "web: 192.0.2.2 is active with priority 100\n");
        EXPECT_EQ(outcome.err, "");
        Words with_json = words;
        with_json.emplace_back("--json");
        EXPECT_EQ(answered(line, with_json).out, line);
    }
}

TEST(Failover, ShowsThatItWaitsOnATerminalOnly) {
    const std::string line = "{\"done\":\"given away\"}\n";
    const Outcome shown = answered(line, {"failover", "web"}, {.err_is_terminal = true});
    EXPECT_EQ(shown.out, "given away\n");
    EXPECT_THAT(shown.err, HasSubstr("waiting for a peer to take web over, 10 s left"));
    EXPECT_TRUE(shown.err.ends_with("\r\x1b[K"));
    EXPECT_EQ(answered(line, {"failover", "web", "--json"}, {.err_is_terminal = true}).err, "");
}

// The first client is the command; those that come meanwhile ask whether the agent lives.
TEST(Takeover, WaitsForAColdStartAsLongAsTheAgentLives) {
    const std::string status = R"({"node":"lb1","version":"0","uptime_s":1,"maintenance":false,)"
                               R"("vips":[],"checks":[],"discarded":{}})";
    {
        const FakeAgent agent([&](FakeAgent::Client& client) {
            if (client.read_line().find("takeover") != std::string::npos) {
                std::this_thread::sleep_for(milliseconds{120});
                client.write("{\"done\":\"web is taken\"}\n");
            } else {
                client.write(status + "\n");
            }
        });
        const Outcome outcome = ran(agent.runtime_dir(), {"takeover", "web"},
                                    {.patience = milliseconds{100}, .err_is_terminal = true});
        EXPECT_EQ(outcome.status, exit_done) << outcome.err;
        EXPECT_EQ(outcome.out, "web is taken\n");
        EXPECT_THAT(outcome.err, HasSubstr("waiting for this node to take web over, 0 s"));
    }
}

// The deadline is the agent's to keep: it counts from later than the client's clock does.
TEST(Failover, WaitsForTheAgentLongerThanTheTimeout) {
    const FakeAgent agent([](FakeAgent::Client& client) {
        client.read_line();
        std::this_thread::sleep_for(milliseconds{50});
        client.write("{\"error\":\"no peer took over within 1 ms\",\"usage\":false}\n");
    });
    const Outcome outcome = ran(agent.runtime_dir(), {"failover", "web", "--timeout", "1ms"});
    EXPECT_EQ(outcome.status, exit_failed);
    EXPECT_THAT(outcome.err, HasSubstr("no peer took over"));
}

TEST(Failover, AnInterruptionSaysWhatTheNodeStillDoes) {
    const pthread_t client_thread = pthread_self();
    const auto interrupt = [&](FakeAgent::Client& client) {
        client.read_line();
        pthread_kill(client_thread, SIGINT);
        client.wait_until_gone();
    };
    {
        const FakeAgent agent(interrupt);
        const Outcome outcome = ran(agent.runtime_dir(), {"failover", "web", "--timeout", "20s"});
        EXPECT_EQ(outcome.status, exit_failed);
        EXPECT_THAT(outcome.err, HasSubstr("the node goes on trying to give web away until 20s"));
        EXPECT_THAT(outcome.err, HasSubstr("understudy failback web"));
    }
    const FakeAgent agent(interrupt);
    const Outcome outcome = ran(agent.runtime_dir(), {"failover", "--all", "--json"});
    EXPECT_EQ(outcome.status, exit_failed);
    EXPECT_THAT(json::parse(outcome.out)["error"].get<std::string>(),
                HasSubstr("understudy failback --all"));
}

TEST(Events, AreListed) {
    const std::string line = "{\"events\":[" + event_line + "]}\n";
    EXPECT_EQ(answered(line, {"events"}).out,
              "2026-11-20T12:00:00.000Z  web  init -> backup  listens\n");
    EXPECT_EQ(answered(line, {"events", "--json"}).out, line);
    EXPECT_EQ(answered("{\"events\":[]}\n", {"events"}).status, exit_done);
}

TEST(Events, AreFollowedLineByLineUntilTheAgentGoes) {
    const std::string lines =
        "{\"events\":[" + event_line + "]}\n" + event_line + "\n" + event_line;
    const std::string text = "2026-11-20T12:00:00.000Z  web  init -> backup  listens\n";
    const Outcome outcome = answered(lines + "\n", {"events", "--follow"});
    EXPECT_EQ(outcome.out, text + text + text);
    EXPECT_EQ(outcome.status, exit_no_agent);
    EXPECT_THAT(outcome.err, HasSubstr("the agent has gone"));
}

// What has happened before is in it, also what happened after the state was asked for.
TEST(Events, FollowedAsJsonBeginWithTheStateOfEachVip) {
    const FakeAgent agent([](FakeAgent::Client& client) {
        if (client.read_line().find("status") != std::string::npos) {
            client.write(R"({"vips":[{"name":"web","state":"init","reason":"x",)"
                         R"("since":"2026-11-20T11:00:00.000Z"},{"name":"db","state":"active",)"
                         R"("reason":"silence","since":"2026-11-20T11:00:00.000Z"}]})"
                         "\n");
        } else {
            const std::string later = R"({"number":2,"at":"2026-11-20T12:00:01.000Z","vip":"web",)"
                                      R"("from":"backup","to":"active","cause":"silence"})";
            client.write("{\"events\":[" + event_line + "]}\n" + later + "\n");
        }
    });
    const Outcome outcome = ran(agent.runtime_dir(), {"events", "--follow", "--json"});
    std::istringstream lines(outcome.out);
    std::string line;
    std::getline(lines, line);
    EXPECT_EQ(json::parse(line), json::parse(R"({"snapshot":{"number":1,"vips":[
        {"vip":"web","state":"backup","since":"2026-11-20T12:00:00.000Z","cause":"listens"},
        {"vip":"db","state":"active","since":"2026-11-20T11:00:00.000Z","cause":"silence"}]}})"));
    std::getline(lines, line);
    EXPECT_EQ(json::parse(line)["number"], 2);
    std::getline(lines, line);
    EXPECT_EQ(line, R"({"error":"the agent has gone"})");
    EXPECT_EQ(outcome.status, exit_no_agent);
}

TEST(Watch, WritesOnlyChangesWhereThereIsNoTerminal) {
    int asked = 0;
    const FakeAgent agent([&asked](FakeAgent::Client& client) {
        client.read_line();
        std::string line = status_line;
        if (++asked == 3) {
            line.replace(line.find("silence"), 7, "changed");
        }
        client.write(asked < 4 ? line + "\n" : "");
    });
    const Outcome outcome = ran(agent.runtime_dir(), {"status", "--watch"});
    EXPECT_EQ(std::ranges::count(outcome.out, '\n'), 2) << outcome.out;
    EXPECT_THAT(outcome.out, HasSubstr("held 1/1  silence\n"));
    EXPECT_THAT(outcome.out, HasSubstr("held 1/1  changed\n"));
    EXPECT_EQ(outcome.status, exit_no_agent);
}

// --- nobody who reads ----------------------------------------------------------------------------

TEST(ClosedOutput, FailsWhatOnlyWrites) {
    const FakeAgent agent([](FakeAgent::Client& client) {
        client.write(client.read_line().find("failover") == std::string::npos
                         ? std::string{status_line} + "\n"
                         : "{\"done\":\"given away\"}\n");
    });
    std::ostringstream out;
    std::ostringstream err;
    out.setstate(std::ios::badbit);
    const Console console{out, err};
    for (const auto& [words, expected] :
         std::vector<std::pair<Words, int>>{{{"status"}, exit_failed},
                                            {{"failover", "web"}, exit_done},
                                            {{"help"}, exit_failed}}) {
        Arguments arguments = *parse_arguments(words);
        arguments.runtime_dir = agent.runtime_dir();
        EXPECT_EQ(run(arguments, console), expected) << words.front();
    }
}

TEST(ClosedOutput, EndsFollowingAndWatching) {
    const FakeAgent agent([](FakeAgent::Client& client) {
        client.write(client.read_line().find("events") == std::string::npos
                         ? std::string{status_line} + "\n"
                         : "{\"events\":[]}\n");
        client.wait_until_gone();
    });
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    close(ends[0]);
    std::ostringstream out;
    std::ostringstream err;
    Console console{out, err};
    console.out_fd = ends[1];
    for (const Words& words : std::vector<Words>{{"events", "--follow"}, {"status", "--watch"}}) {
        Arguments arguments = *parse_arguments(words);
        arguments.runtime_dir = agent.runtime_dir();
        EXPECT_EQ(run(arguments, console), exit_done) << words.front();
        EXPECT_EQ(err.str(), "");
    }
    close(ends[1]);
}

// Not a reader that has gone: whoever follows into a file must learn that it is not complete.
TEST(FullDisk, FailsFollowingAndWatching) {
    const FakeAgent agent([](FakeAgent::Client& client) {
        client.write(client.read_line().find("events") == std::string::npos
                         ? std::string{status_line} + "\n"
                         : "{\"events\":[]}\n");
        client.wait_until_gone();
    });
    std::ofstream out("/dev/full");
    std::ostringstream err;
    Console console{out, err};
    console.out_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    for (const Words& words :
         std::vector<Words>{{"events", "--follow", "--json"}, {"status", "--watch"}}) {
        Arguments arguments = *parse_arguments(words);
        arguments.runtime_dir = agent.runtime_dir();
        EXPECT_EQ(run(arguments, console), exit_failed) << words.front();
        out.clear();
    }
    close(console.out_fd);
}

}  // namespace
}  // namespace understudy::cli
