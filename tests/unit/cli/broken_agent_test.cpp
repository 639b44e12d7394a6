// The client against a broken agent, and none: what it prints and how it exits, within a bounded
// time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>

#include "agent/control/messages.hpp"
#include "tests/unit/cli/running.hpp"
#include "tests/unit/no_descriptors.hpp"

namespace understudy::cli {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// --- no agent ------------------------------------------------------------------------------------

TEST(NoAgent, ThereIsNoSocket) {
    const TemporaryDirectory empty;
    expect_failure(empty.path(), exit_no_agent, "there is no " + empty.path().string());
    expect_failure(empty.path() / "nowhere", exit_no_agent, "there is no ");
}

TEST(NoAgent, ThePathIsTooLong) {
    expect_failure("/tmp/" + std::string(200, 'x'), exit_no_agent, "too long");
}

TEST(NoAgent, no_descriptor_is_left) {
    const TemporaryDirectory directory;
    const NoDescriptors none;
    const Outcome outcome = ran(directory.path(), {"status"});
    EXPECT_EQ(outcome.status, exit_no_agent);
    EXPECT_EQ(outcome.err, "understudy: cannot open a socket: Too many open files\n");
}

TEST(NoAgent, NobodyListens) {
    const TemporaryDirectory directory;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = (directory.path() / "control.sock").string();
    std::memcpy(address.sun_path, path.data(), path.size());
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const std::string expected = "no agent answers on " + path + ": Connection refused";
    expect_failure(directory.path(), exit_no_agent, expected);
    close(fd);
    expect_failure(directory.path(), exit_no_agent, expected);
}

TEST(NoAgent, TheSocketIsAFile) {
    const TemporaryDirectory directory;
    std::ofstream(directory.path() / "control.sock") << "{}";
    expect_failure(directory.path(), exit_no_agent, "no agent answers on ");
}

// A stopped agent takes nobody any more, and its queue is full.
TEST(NoAgent, TheQueueIsFull) {
    const TemporaryDirectory directory;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = (directory.path() / "control.sock").string();
    std::memcpy(address.sun_path, path.data(), path.size());
    const auto* name = reinterpret_cast<const sockaddr*>(&address);
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(bind(listener, name, sizeof address), 0);
    ASSERT_EQ(listen(listener, 0), 0);
    const int waiting = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(connect(waiting, name, sizeof address), 0);
    const Outcome outcome = ran(directory.path(), {"status"}, {.patience = milliseconds{50}});
    EXPECT_EQ(outcome.status, exit_no_agent);
    EXPECT_THAT(outcome.err, HasSubstr("stopped taking clients"));
    close(waiting);
    close(listener);
}

TEST(NoAgent, PermissionIsDenied) {
    if (geteuid() == 0 && seteuid(65534) != 0) {
        GTEST_SKIP() << "root here is not allowed to become nobody";
    }
    const TemporaryDirectory directory;
    const auto closed = directory.path() / "closed";
    std::filesystem::create_directory(closed);
    std::filesystem::permissions(closed, std::filesystem::perms::none);
    expect_failure(closed, exit_no_agent,
                   "permission denied: root and the group understudy may ask");
    std::filesystem::permissions(closed, std::filesystem::perms::owner_all);
    [[maybe_unused]] const int back = seteuid(0);
}

// --- a broken agent ------------------------------------------------------------------------------

TEST(BrokenAgent, HangsUpWithoutAWord) {
    const FakeAgent agent([](FakeAgent::Client& client) { client.read_line(); });
    expect_failure(agent.runtime_dir(), exit_no_agent, "the agent has gone");
}

TEST(BrokenAgent, HangsUpAtOnce) {
    const FakeAgent agent([](FakeAgent::Client&) {});
    expect_failure(agent.runtime_dir(), exit_no_agent, "the agent has gone");
}

TEST(BrokenAgent, HangsUpInTheMiddleOfTheLine) {
    const FakeAgent agent([](FakeAgent::Client& client) {
        client.read_line();
        client.write(std::string{status_line}.substr(0, 100));
    });
    expect_failure(agent.runtime_dir(), exit_no_agent, "the agent has gone");
}

TEST(BrokenAgent, NeverAnswers) {
    const FakeAgent agent([](FakeAgent::Client& client) { client.wait_until_gone(); });
    for (Words words : every_question) {
        if (words == Words{"check", "run", "frontend"}) {
            continue;  // it waits for as long as the agent lets it
        }
        const auto started = std::chrono::steady_clock::now();
        if (words.front() == "failover") {
            words.insert(words.end(), {"--timeout", "1ms"});
        }
        const Outcome outcome = ran(agent.runtime_dir(), words, {.patience = milliseconds{20}});
        EXPECT_EQ(outcome.status, exit_no_agent) << testing::PrintToString(words);
        EXPECT_THAT(outcome.err, HasSubstr("the agent does not answer"));
        EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds{5});
    }
}

TEST(BrokenAgent, WritesBytesWithoutAnEndOfTheLine) {
    const FakeAgent agent([](FakeAgent::Client& client) {
        client.read_line();
        client.write("{\"node\":");
        client.wait_until_gone();
    });
    const Outcome outcome = ran(agent.runtime_dir(), {"status"}, {.patience = milliseconds{20}});
    EXPECT_EQ(outcome.status, exit_no_agent);
}

TEST(BrokenAgent, WritesWithoutEnd) {
    const FakeAgent agent([](FakeAgent::Client& client) {
        client.read_line();
        const std::string chunk(1024 * 1024, 'x');
        for (std::size_t sent = 0; sent <= control::longest_response; sent += chunk.size()) {
            client.write(chunk);
        }
        client.wait_until_gone();
    });
    const Outcome outcome =
        ran(agent.runtime_dir(), {"status"}, {.patience = std::chrono::seconds{60}});
    EXPECT_EQ(outcome.status, exit_no_agent);
    EXPECT_THAT(outcome.err, HasSubstr("too long"));
}

TEST(BrokenAgent, WritesGarbage) {
    for (const char* answer : {"\n", "hello\n", "[]\n", "null\n", "{}\n", "\xff\xfe\n",
                               "{\"vips\":[{\"state\":\"asleep\"}]}\n", "{\"done\":7}\n"}) {
        const FakeAgent agent([answer](FakeAgent::Client& client) {
            client.read_line();
            client.write(answer);
        });
        expect_failure(agent.runtime_dir(), exit_no_agent, "the answer ");
    }
}

TEST(BrokenAgent, AnswersAnotherQuestion) {
    EXPECT_EQ(answered("{\"done\":\"x\"}\n", {"status"}).status, exit_no_agent);
    EXPECT_EQ(answered("{\"done\":\"x\"}\n", {"events"}).status, exit_no_agent);
    EXPECT_EQ(answered("{\"config\":\"x\"}\n", {"failover", "web"}).status, exit_no_agent);
    EXPECT_EQ(answered("{\"events\":[]}\n", {"config", "show"}).status, exit_no_agent);
    EXPECT_EQ(answered(std::string{status_line} + "\n", {"why", "web"}).status, exit_no_agent);
    EXPECT_EQ(answered(std::string{status_line} + "\n", {"check", "list"}).status, exit_no_agent);
    EXPECT_EQ(answered("{\"checks\":[]}\n", {"check", "run", "x"}).status, exit_no_agent);
}

}  // namespace
}  // namespace understudy::cli
