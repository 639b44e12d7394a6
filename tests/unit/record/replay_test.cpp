// What a host of the virtual LAN was told, told again.
#include "agent/record/replay.hpp"

#include <gmock/gmock.h>

#include "agent/config/parse.hpp"
#include "agent/record/state.hpp"
#include "tests/sim/virtual_lan.hpp"

namespace understudy::record {
namespace {

using namespace std::chrono_literals;
using sim::VirtualHost;
using sim::VirtualLan;
using testing::Contains;
using testing::HasSubstr;

using Lines = std::vector<std::string>;

core::Configuration configuration(const std::string& node, int priority,
                                  const std::string& query = "") {
    const std::string text = "[agent]\nname = " + node +
                             "\n[vip web]\ninterface = eth0\nvrid = 51\n"
                             "address = 192.0.2.10/24\ntrack = gateway\npriority = " +
                             std::to_string(priority) +
                             "\n[check gateway]\ntype = http\nurl = http://192.0.2.254/" + query +
                             "\n"
                             "interval = 500ms\nfall = 2\n";
    return *config::parse_text("f", text, "host").configuration;
}

// lb1 is active, its check fails and passes again, it is told to fail over and back, and to stop.
class Recorded : public testing::Test {
protected:
    void SetUp() override {
        start(lb1, 150);
        start(lb2, 100);
        run_until_active(lb1);
        lan.run_for(3s);
        // Only what a journal hides is another: the check is asked at once all the same.
        lb1.reload(configuration("lb1", 150, "?token=hunter2"));
        lan.run_for(1s);
        core::Configuration more = configuration("lb1", 160, "?token=hunter2");
        more.checks.insert(more.checks.begin(), more.checks.front());
        more.checks.front().name = "another";
        lb1.reload(more);
        lan.run_for(3s);
        lb1.set_check("gateway", false, "connection refused");
        run_until_active(lb2);
        lb1.set_check("gateway", true);
        run_until_active(lb1);
        lb1.send(control::FailoverRequest{"web"});
        run_until_active(lb2);
        lan.run_for(2s);
        lb1.send(control::FailbackRequest{"web"});
        run_until_active(lb1);
        lb1.stop();
        lan.run_for(5s);
        ASSERT_TRUE(lb1.exited());
    }

    void start(VirtualHost& host, int priority) {
        const auto settings = configuration(host.name(), priority);
        Lines& lines = journal[host.name()];
        lines.push_back(to_line(make_header(settings, lan.now(), WallTime{1'700'000'000s})));
        host.recorder = [&lines](TimePoint at, const core::Event& event, const core::Outbox& out) {
            lines.push_back(to_line(lines.size(), at, event, decisions_of(out)));
        };
        if (&host == &lb1) {
            host.before_event = [this, &lines](const core::Node& node) {
                if (lines.size() % 11 == 10) {  // the next event has this number
                    states.emplace(lines.size(), to_line(lines.size(), lan.now(), node));
                }
            };
        }
        host.start(settings);
    }
    void run_until_active(VirtualHost& host) {
        ASSERT_TRUE(lan.run_until([&] { return host.holds("192.0.2.10/24"); }, 10s));
        lan.run_for(1s);
    }
    static std::string take(Replay& replay, const Lines& lines) {
        for (const std::string& line : lines) {
            if (const auto taken = replay.take(line, "f:1"); !taken) {
                return taken.error();
            }
        }
        return {};
    }

    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    VirtualHost& lb2 = lan.add("lb2");
    std::map<std::string, Lines> journal;
    std::map<std::size_t, std::string> states;  // of lb1, by the number of the next event
};

TEST_F(Recorded, IsDecidedTheSameAgain) {
    for (const auto& [node, lines] : journal) {
        Lines story;
        Replay replay([&](const StoryLine& line) { story.push_back(line.text); });
        EXPECT_EQ(take(replay, lines), "");
        EXPECT_TRUE(replay.verdict().is_as_recorded()) << node;
        EXPECT_EQ(replay.verdict().events, lines.size() - 1);
        EXPECT_EQ(replay.verdict().decided, lines.size() - 1);
        EXPECT_THAT(story, Contains(HasSubstr("web: backup -> active")));
        EXPECT_THAT(story, Contains(HasSubstr("advertises VRID 51 with priority 1")));
        if (node == "lb1") {
            EXPECT_THAT(story, Contains("check gateway failed: connection refused"));
            EXPECT_THAT(story, Contains(HasSubstr("web: active -> ")));
            EXPECT_THAT(story, Contains(HasSubstr("a client asks: {\"request\":\"failover\"")));
            EXPECT_THAT(story, Contains("asked to stop"));
            EXPECT_THAT(story, Contains("the configuration was reloaded"));
            EXPECT_THAT(story, Contains("check another passed: fine"));
        }
    }
}

TEST_F(Recorded, AReloadTellsNoSecret) {
    const auto is_reload = [](const std::string& line) {
        return line.contains("\"event\":\"reload\"");
    };
    const Lines& lines = journal["lb1"];
    EXPECT_EQ(std::ranges::count_if(lines, is_reload), 2);
    EXPECT_THAT(lines, testing::Not(Contains(HasSubstr("hunter2"))));
    EXPECT_THAT(lines, Contains(HasSubstr("\"other_questions\":[\"gateway\"]")));
}

TEST_F(Recorded, AnotherPrioritySaysWhereItDecidesOtherwise) {
    Lines lines = journal["lb2"];
    lines[0] = to_line(make_header(configuration("lb2", 200), TimePoint{1000s}, {}));
    Replay replay;
    EXPECT_EQ(take(replay, lines), "");
    ASSERT_TRUE(replay.verdict().first);
    EXPECT_FALSE(replay.verdict().is_as_recorded());
    EXPECT_NE(replay.verdict().first->recorded, replay.verdict().first->decided);
}

TEST_F(Recorded, AMissingLineEndsTheDecisionsNotTheStory) {
    Lines lines = journal["lb1"];
    lines.erase(lines.begin() + 100, lines.begin() + 103);
    Lines story;
    Replay replay([&](const StoryLine& line) { story.push_back(line.text); });
    EXPECT_EQ(take(replay, lines), "");
    EXPECT_EQ(replay.verdict().decided, 99U);
    EXPECT_EQ(replay.verdict().shown_only, "the events from 100 to 102 are not there");
    EXPECT_THAT(story, Contains("asked to stop"));
}

TEST_F(Recorded, WithoutItsBeginningItIsOnlyShown) {
    Lines lines = journal["lb1"];
    lines.erase(lines.begin() + 1, lines.begin() + 50);
    Replay replay;
    EXPECT_EQ(take(replay, lines), "");
    EXPECT_EQ(replay.verdict().decided, 0U);
    EXPECT_THAT(replay.verdict().shown_only, HasSubstr("begins with event 50"));
    EXPECT_FALSE(replay.verdict().is_as_recorded());
}

TEST_F(Recorded, BeginsWithAnyState) {
    const Lines& lines = journal["lb1"];
    ASSERT_GT(states.size(), 15U);
    for (const auto& [before, state] : states) {
        Lines left = {lines[0], state};
        left.insert(left.end(), lines.begin() + static_cast<std::ptrdiff_t>(before), lines.end());
        Lines story;
        Replay replay([&](const StoryLine& line) { story.push_back(line.text); });
        ASSERT_EQ(take(replay, left), "") << before;
        EXPECT_TRUE(replay.verdict().is_as_recorded()) << before;
        EXPECT_EQ(replay.verdict().decided, lines.size() - before);
        EXPECT_THAT(story, Contains(HasSubstr("begins with the state before event ")));
        EXPECT_THAT(state, testing::Not(HasSubstr("hunter2")));
    }
}

TEST_F(Recorded, GoesOnWithAStateAfterAGap) {
    Lines lines = journal["lb1"];
    const auto& [before, state] = *states.begin();
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(before), state);
    lines.erase(lines.begin() + 3, lines.begin() + 8);
    Replay replay;
    EXPECT_EQ(take(replay, lines), "");
    EXPECT_EQ(replay.verdict().shown_only, "the events from 3 to 7 are not there");
    EXPECT_FALSE(replay.verdict().first);
    EXPECT_EQ(replay.verdict().decided, 2 + journal["lb1"].size() - before);
}

TEST_F(Recorded, AStateAmongAllEventsChangesNothing) {
    Lines lines = journal["lb1"];
    for (auto one = states.rbegin(); one != states.rend(); ++one) {
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(one->first), one->second);
    }
    Replay replay;
    EXPECT_EQ(take(replay, lines), "");
    EXPECT_TRUE(replay.verdict().is_as_recorded());
    EXPECT_EQ(replay.verdict().decided, journal["lb1"].size() - 1);
}

TEST_F(Recorded, AStateInAnotherFormIsNotRead) {
    const Lines& lines = journal["lb1"];
    auto [before, state] = *states.begin();
    const std::string form = "\"form\":" + std::to_string(state_form);
    state.replace(state.find(form), form.size(), "\"form\":999");
    Lines left = {lines[0], state};
    left.insert(left.end(), lines.begin() + static_cast<std::ptrdiff_t>(before), lines.end());
    Replay replay;
    EXPECT_EQ(take(replay, left), "");
    EXPECT_EQ(replay.verdict().decided, 0U);
    EXPECT_THAT(replay.verdict().shown_only, HasSubstr("was written in form 999"));
}

TEST_F(Recorded, FilesOfOneJournalAndJournalsOfTwoAgentsFollowEachOther) {
    Lines lines = journal["lb1"];
    lines.insert(lines.begin() + 70, lines[0]);  // where the next file began
    lines.insert(lines.end(), journal["lb2"].begin(), journal["lb2"].end());
    Replay replay;
    EXPECT_EQ(take(replay, lines), "");
    EXPECT_TRUE(replay.verdict().is_as_recorded());
    EXPECT_EQ(replay.verdict().events, lines.size() - 3);
}

TEST_F(Recorded, WhatCannotBeIsRefused) {
    const Lines& lines = journal["lb1"];
    {
        Replay replay;
        EXPECT_EQ(take(replay, {lines[1]}), "a journal begins with its header");
    }
    {
        Replay replay;
        EXPECT_EQ(take(replay, {lines[0], lines[2], lines[1]}), "event 1 comes after event 2");
    }
    {
        Replay replay;
        Header header = make_header(configuration("lb1", 150), {}, {});
        header.configuration = "[vip web]\n";
        EXPECT_THAT(take(replay, {to_line(header)}), HasSubstr("configuration is not valid"));
    }
    {
        Replay replay;
        const auto early = to_line(1, TimePoint{1s}, core::TimePassed{}, {});
        EXPECT_EQ(take(replay, {lines[0], early}), "it is older than the line before it");
    }
}

}  // namespace
}  // namespace understudy::record
