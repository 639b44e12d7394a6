// The feed against agents that answer, break, lie and go away.
#include "agent/web/agent_feed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "tests/unit/cli/fake_agent.hpp"
#include "tests/unit/no_descriptors.hpp"

namespace understudy::web {
namespace {

using cli::FakeAgent;
using cli::TemporaryDirectory;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string status_line = R"({"node":"lb1","vips":[],"checks":[]})";

std::string event_line(std::uint64_t number) {
    return R"({"number":)" + std::to_string(number) +
           R"(,"at":"2026-11-20T12:00:00.000Z","vip":"web","from":"backup",)"
           R"("to":"active","cause":"x"})";
}

// Answers until the client goes; `events` are what it has kept.
FakeAgent::Script answers(std::atomic<unsigned>& questions, const std::string& events = "") {
    return [&questions, events](FakeAgent::Client& client) {
        while (true) {
            const std::string line = client.read_line();
            if (line.empty()) {
                return;
            }
            if (line.find("events") != std::string::npos) {
                client.write(R"({"events":[)" + events + "]}\n");
            } else {
                ++questions;
                client.write(status_line + '\n');
            }
        }
    };
}

std::vector<std::uint64_t> numbers(const AgentFeed::News& news) {
    std::vector<std::uint64_t> numbers;
    for (const control::StateEvent& event : news.events) {
        numbers.push_back(event.number);
    }
    return numbers;
}

TEST(AgentFeedTest, lack_of_descriptors_is_named) {
    const TemporaryDirectory directory;
    const NoDescriptors none;
    try {
        const AgentFeed feed{directory.path()};
        FAIL() << "it was made";
    } catch (const std::exception& error) {
        EXPECT_STREQ(error.what(), "cannot create an eventfd: Too many open files");
    }
}

TEST(AgentFeedTest, GivesTheAgentsDocumentAsItIs) {
    std::atomic<unsigned> questions = 0;
    const FakeAgent agent(answers(questions));
    AgentFeed feed(agent.runtime_dir());
    const auto answer = feed.ask();
    EXPECT_EQ(answer->line, status_line);
    EXPECT_EQ(answer->status.node, "lb1");
}

TEST(AgentFeedTest, AnAnswerIsNeverOlderThanTheQuestion) {
    std::atomic<unsigned> questions = 0;
    const FakeAgent agent(answers(questions));
    AgentFeed feed(agent.runtime_dir());
    for (int i = 0; i < 3; ++i) {
        const unsigned before = questions;
        feed.ask();
        EXPECT_GT(questions, before);
    }
}

TEST(AgentFeedTest, ManyAtOnceAreFewQuestions) {
    std::atomic<unsigned> questions = 0;
    const FakeAgent agent(answers(questions));
    AgentFeed feed(agent.runtime_dir());
    std::vector<std::thread> crowd;
    for (int i = 0; i < 50; ++i) {
        crowd.emplace_back([&] { EXPECT_TRUE(feed.ask()->is_there()); });
    }
    for (std::thread& one : crowd) {
        one.join();
    }
    EXPECT_LE(questions, 10U);
}

TEST(AgentFeedTest, WithoutAnAgentSaysWhyAndDoesNotWait) {
    const TemporaryDirectory nobody;
    AgentFeed feed(nobody.path());
    const auto answer = feed.ask();
    EXPECT_FALSE(answer->is_there());
    EXPECT_THAT(answer->trouble, HasSubstr("no agent answers"));
}

TEST(AgentFeedTest, AnAgentThatIsSilentOrLiesIsNotThere) {
    const FakeAgent liar([](FakeAgent::Client& client) {
        client.read_line();
        client.write("{\"vips\":7}\n");
        client.wait_until_gone();
    });
    AgentFeed feed(liar.runtime_dir());
    EXPECT_FALSE(feed.ask()->is_there());
    const FakeAgent silent([](FakeAgent::Client& client) { client.wait_until_gone(); });
    AgentFeed other(silent.runtime_dir());
    EXPECT_THAT(other.ask()->trouble, HasSubstr("does not answer"));
}

TEST(AgentFeedTest, AWatcherGetsEventsOnceAndOnlyNewOnesAfterItsPlace) {
    std::atomic<unsigned> questions = 0;
    const FakeAgent agent(
        answers(questions, event_line(1) + ',' + event_line(2) + ',' + event_line(3)));
    AgentFeed feed(agent.runtime_dir());
    const AgentFeed::Watch watch(feed);
    feed.ask();
    AgentFeed::Place fresh;
    EXPECT_THAT(numbers(feed.wait(fresh, milliseconds{2000})), ElementsAre(1, 2, 3));
    EXPECT_THAT(numbers(feed.wait(fresh, milliseconds{0})), IsEmpty());
    AgentFeed::Place back{0, 0, 2};
    EXPECT_THAT(numbers(feed.wait(back, milliseconds{2000})), ElementsAre(3));
    AgentFeed::Place of_a_former_run{0, 0, 700};
    EXPECT_THAT(numbers(feed.wait(of_a_former_run, milliseconds{2000})), ElementsAre(1, 2, 3));
}

TEST(AgentFeedTest, AnEventIsToldAtOnceAndTheStatusWithIt) {
    const FakeAgent agent([](FakeAgent::Client& client) {
        client.read_line();
        client.write("{\"events\":[]}\n");
        client.read_line();
        client.write(status_line + '\n');
        client.write(event_line(1) + '\n');
        client.read_line();
        client.write(R"({"node":"after","vips":[]})"
                     "\n");
        client.wait_until_gone();
    });
    AgentFeed feed(agent.runtime_dir());
    const AgentFeed::Watch watch(feed);
    AgentFeed::Place place;
    std::vector<std::uint64_t> seen;
    std::string node;
    const auto deadline = std::chrono::steady_clock::now() + milliseconds{900};
    while (std::chrono::steady_clock::now() < deadline && node != "after") {
        const auto news = feed.wait(place, milliseconds{100});
        const auto these = numbers(news);
        seen.insert(seen.end(), these.begin(), these.end());
        node = news.answer ? news.answer->status.node : node;
    }
    EXPECT_THAT(seen, ElementsAre(1));
    EXPECT_EQ(node, "after") << "within less than the second after which it would be asked anyway";
}

TEST(AgentFeedTest, WhoWatchesSeesTheAgentGoAndComeBack) {
    std::atomic<unsigned> clients = 0;
    std::atomic<unsigned> questions = 0;
    const auto answer = answers(questions);
    const FakeAgent agent([&](FakeAgent::Client& client) {
        if (++clients > 1) {  // the first one finds an agent that ends at once
            answer(client);
        }
    });
    AgentFeed feed(agent.runtime_dir());
    const AgentFeed::Watch watch(feed);
    AgentFeed::Place place;
    const auto gone = feed.wait(place, milliseconds{3000});
    ASSERT_TRUE(gone.answer);
    EXPECT_FALSE(gone.answer->is_there());
    const auto back = feed.wait(place, milliseconds{3000});
    ASSERT_TRUE(back.answer);
    EXPECT_TRUE(back.answer->is_there());
}

TEST(AgentFeedTest, StopEndsAllWaiting) {
    const TemporaryDirectory nobody;
    AgentFeed feed(nobody.path());
    std::thread waiting([&] {
        AgentFeed::Place place{1000, 0, 0};
        EXPECT_TRUE(feed.wait(place, milliseconds{60'000}).over);
    });
    feed.stop();
    waiting.join();
}

}  // namespace
}  // namespace understudy::web
