// The control socket, with real sockets and a loop that each test turns by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/host/journal.hpp"
#include "tests/unit/host/control_serving.hpp"

namespace understudy::host {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(ControlServerTest, AnswersEveryRequestOfAConnection) {
    Connection client{path_};
    client.send(status);
    EXPECT_THAT(next_line(client), HasSubstr("as you say"));
    client.send(status + status);
    EXPECT_THAT(next_line(client), HasSubstr("as you say"));
    EXPECT_THAT(next_line(client), HasSubstr("as you say"));
    EXPECT_EQ(asked_.size(), 3U);
}

TEST_F(ControlServerTest, ReadsARequestThatComesInPieces) {
    Connection client{path_};
    for (const char letter : status) {
        EXPECT_THAT(asked_, IsEmpty());
        client.send({&letter, 1});
        turn_until_quiet();
    }
    EXPECT_EQ(asked_.size(), 1U);
}

TEST_F(ControlServerTest, SaysWhatIsWrongWithALineAndGoesOn) {
    Connection client{path_};
    client.send("failover please\n" + status);
    EXPECT_THAT(next_line(client), HasSubstr(R"("error")"));
    EXPECT_THAT(next_line(client), HasSubstr("as you say"));
}

TEST_F(ControlServerTest, ASecondRequestWaitsForTheAnswerToTheFirst) {
    answer_.reset();
    Connection client{path_};
    client.send(status + status);
    turn_until_quiet();
    ASSERT_EQ(asked_.size(), 1U);
    server_->reply(asked_[0].first, control::DoneResponse{"first"});
    turn_until_quiet();
    ASSERT_EQ(asked_.size(), 2U);
    server_->reply(asked_[1].first, control::DoneResponse{"second"});
    EXPECT_THAT(next_line(client), HasSubstr("first"));
    EXPECT_THAT(next_line(client), HasSubstr("second"));
}

TEST_F(ControlServerTest, ALineThatIsTooLongEndsTheConnection) {
    Connection client{path_};
    const std::string piece(8192, 'x');
    for (std::size_t sent = 0; sent < 2 * control::longest_request; sent += piece.size()) {
        client.send(piece);
        turn_until_quiet();
    }
    EXPECT_THAT(next_line(client), HasSubstr("too long"));
    EXPECT_TRUE(turn_until([&] { return client.has_ended(); }));
    EXPECT_THAT(asked_, IsEmpty());
}

// What follows the longest line must not be taken for a request of its own.
TEST_F(ControlServerTest, TheEndOfALineThatIsTooLongIsNotARequest) {
    Connection client{path_};
    client.send(std::string(control::longest_request, 'x'));
    turn_until_quiet();
    client.send("xxxx" + status);
    turn_until_quiet();
    client.send(status);
    turn_until_quiet();
    EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(ControlServerTest, ManyRequestsAtOnceAreNotALineThatIsTooLong) {
    answer_.reset();
    Connection client{path_};
    const std::size_t many = 2 * control::longest_request / status.size();
    std::string requests;
    for (std::size_t i = 0; i < many; ++i) {
        requests += status;
    }
    std::string_view unsent = requests;
    for (std::size_t answered = 0; answered < many; ++answered) {
        ASSERT_TRUE(turn_until([&] {
            unsent.remove_prefix(client.send(unsent));
            return asked_.size() > answered;
        })) << answered;
        server_->reply(asked_[answered].first, control::DoneResponse{"yes"});
        ASSERT_THAT(next_line(client), HasSubstr("yes"));
    }
}

TEST_F(ControlServerTest, AClientThatLeavesBeforeItsAnswerIsReported) {
    answer_.reset();
    Connection client{path_};
    client.send(status);
    turn_until([&] { return !asked_.empty(); });
    client.close();
    turn_until_quiet();
    ASSERT_EQ(asked_.size(), 1U);
    EXPECT_THAT(gone_, ElementsAre(asked_[0].first));
    server_->reply(asked_[0].first, control::DoneResponse{"too late"});  // harmless
}

TEST_F(ControlServerTest, AClientThatLeavesAfterItsAnswerIsNot) {
    Connection client{path_};
    client.send(status);
    next_line(client);
    client.close();
    turn_until_quiet();
    EXPECT_THAT(gone_, IsEmpty());
}

TEST_F(ControlServerTest, OnlyThoseWhoFollowGetTheEvents) {
    Connection follower{path_};
    Connection other{path_};
    follower.send(R"({"request":"events","follow":true})"
                  "\n");
    other.send(R"({"request":"events"})"
               "\n");
    next_line(follower);
    next_line(other);
    control::StateEvent event;
    event.vip = "web";
    event.cause = "a test";
    server_->publish(event);
    event.cause = "a second one";
    server_->publish(event);
    EXPECT_THAT(next_line(follower), HasSubstr("a test"));
    EXPECT_THAT(next_line(follower), HasSubstr("a second one"));
    turn_until_quiet();
    EXPECT_FALSE(other.line());
}

TEST_F(ControlServerTest, AFollowerThatDoesNotReadIsDropped) {
    Connection follower{path_};
    follower.send(R"({"request":"events","follow":true})"
                  "\n");
    next_line(follower);
    control::StateEvent event;
    event.cause = std::string(16384, 'c');
    for (std::size_t sent = 0; sent < 4 * most_unsent; sent += event.cause.size()) {
        server_->publish(event);
        io_.restart();
        io_.poll();
    }
    EXPECT_TRUE(turn_until([&] { return follower.has_ended(); }));
}

// However many requests it sends: what waits for it is one answer.
TEST_F(ControlServerTest, AClientThatDoesNotReadGetsNoFurtherAnswers) {
    answer_ = std::string(1024 * 1024, 'a');
    Connection client{path_};
    for (int i = 0; i < 50; ++i) {
        client.send(status);
        turn_until_quiet();
    }
    EXPECT_EQ(asked_.size(), 1U);
    for (int i = 0; i < 50; ++i) {
        ASSERT_GT(next_line(client).size(), answer_->size()) << i;
    }
    EXPECT_EQ(asked_.size(), 50U);
}

// A flood on the control socket shares the loop with everybody else.
TEST_F(ControlServerTest, OneTurnOfTheLoopAnswersOneLine) {
    Connection client{path_};
    std::string lines;
    for (int i = 0; i < 1000; ++i) {
        lines += "x\n";
    }
    client.send(lines);
    int answers = 0;
    for (int turn = 0; turn < 10'000 && answers < 1000; ++turn) {
        io_.restart();
        io_.run_one_for(10ms);
        int in_this_turn = 0;
        while (client.line()) {
            ++in_this_turn;
        }
        ASSERT_LE(in_this_turn, 1);
        answers += in_this_turn;
    }
    EXPECT_EQ(answers, 1000);
}

// printf '…' | nc -N -U control.sock
TEST_F(ControlServerTest, AClientThatSaysNoMoreGetsItsAnswers) {
    answer_ = std::string(1024 * 1024, 'a');
    Connection client{path_};
    client.send(status + status);
    client.say_no_more();
    EXPECT_GT(next_line(client).size(), answer_->size());
    EXPECT_GT(next_line(client).size(), answer_->size());
    EXPECT_TRUE(turn_until([&] { return client.has_ended(); }));
    EXPECT_THAT(gone_, IsEmpty());
}

TEST_F(ControlServerTest, TheNumberOfClientsIsLimited) {
    std::vector<Connection> clients;
    for (std::size_t i = 0; i < most_clients; ++i) {
        clients.emplace_back(path_);
        clients.back().send(status);
        ASSERT_THAT(next_line(clients.back()), HasSubstr("as you say")) << i;
    }
    Connection refused{path_};
    EXPECT_THAT(next_line(refused), HasSubstr("too many"));
    EXPECT_TRUE(turn_until([&] { return refused.has_ended(); }));
    clients.pop_back();
    turn_until_quiet();
    Connection admitted{path_};
    admitted.send(status);
    EXPECT_THAT(next_line(admitted), HasSubstr("as you say"));
}

// accept(2) that fails for want of descriptors fails again at once: without a pause the loop would
// do nothing else.
TEST_F(ControlServerTest, WithoutDescriptorsTheLoopRests) {
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    Connection client{path_};
    const FileDescriptor lowest_free{dup(STDERR_FILENO)};
    const rlimit none{static_cast<rlim_t>(lowest_free.get()), before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    const std::size_t turns = io_.run_for(50ms);
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_LT(turns, 10U);
    client.send(status);
    EXPECT_THAT(next_line(client), HasSubstr("as you say"));
}

TEST_F(ControlServerTest, TheSecondSocketAnswersQuestionsOnly) {
    server_->offer_answers(status_path());
    Connection client{status_path()};
    for (const char* question :
         {R"({"request":"status"})", R"({"request":"why","vip":"web"})",
          R"({"request":"check_list"})", R"({"request":"events","follow":true})"}) {
        client.send(std::string{question} + '\n');
        EXPECT_THAT(next_line(client), HasSubstr("as you say")) << question;
    }
    const std::size_t asked = asked_.size();
    for (const char* command :
         {R"({"request":"failover","vip":"web"})", R"({"request":"takeover","all":true})",
          R"({"request":"failback","all":true})", R"({"request":"config_show"})",
          R"({"request":"check_run","check":"frontend"})",
          R"({"request":"maintenance","on":true})"}) {
        client.send(std::string{command} + '\n');
        EXPECT_THAT(next_line(client), HasSubstr("error")) << command;
    }
    EXPECT_EQ(asked_.size(), asked) << "the Node has heard of none of them";
    server_->publish(control::StateEvent{});
    EXPECT_THAT(next_line(client), HasSubstr("number"));
}

TEST_F(ControlServerTest, ReadersDoNotTakeThePlacesOfThoseWhoMayCommand) {
    server_->offer_answers(status_path());
    std::vector<Connection> readers;
    for (std::size_t i = 0; i < most_clients + 1; ++i) {
        readers.emplace_back(status_path());
        io_.poll();
    }
    EXPECT_THAT(next_line(readers.back()), HasSubstr("too many clients"));
    Connection commander{path_};
    commander.send(status);
    EXPECT_THAT(next_line(commander), HasSubstr("as you say"));
}

// The log stays free of questions: monitoring would fill it.
TEST_F(ControlServerTest, commands_are_logged_with_their_user_and_questions_are_not) {
    const auto log_of = [&](const std::string& request) {
        testing::internal::CaptureStderr();
        start_journal(core::LogLevel::info);
        Connection client{path_};
        client.send(request + '\n');
        next_line(client);
        stop_journal();
        return testing::internal::GetCapturedStderr();
    };
    const std::string by = " requested by uid " + std::to_string(getuid()) + ", pid " +
                           std::to_string(getpid()) + '\n';
    for (const auto& [request, words] : std::vector<std::pair<std::string, std::string>>{
             {R"({"request":"failover","vip":"web"})", "failover of web"},
             {R"({"request":"failover","all":true})", "failover of all VIPs"},
             {R"({"request":"takeover","vip":"web"})", "takeover of web"},
             {R"({"request":"takeover","vip":"web","force":true})", "forced takeover of web"},
             {R"({"request":"failback","vip":"web"})", "failback of web"},
             {R"({"request":"maintenance","on":true})", "maintenance on"},
             {R"({"request":"maintenance","on":false})", "maintenance off"},
             {R"({"request":"reload"})", "reload"},
             {R"({"request":"check_run","check":"gateway"})", "run of check gateway"},
             // A name cannot make a second line.
             {R"({"request":"failover","vip":"a\nerror: all is lost"})",
              R"(failover of a\nerror: all is lost)"}}) {
        EXPECT_THAT(log_of(request), testing::EndsWith(" info " + words + by)) << request;
    }
    for (const std::string question : {"status", "events", "check_list", "config_show"}) {
        EXPECT_EQ(log_of(R"({"request":")" + question + "\"}"), "") << question;
    }
}

// As somebody else: the kernel notes the user when a client connects.
class ControlServerUsers : public ControlServerTest {
protected:
    static constexpr uid_t prober = 4321;
    static constexpr uid_t other = 4322;

    void SetUp() override {
        if (geteuid() != 0) {
            GTEST_SKIP() << "only root can become somebody else";
        }
        chmod(dir_.c_str(), 0755);
        chmod(path_.c_str(), 0666);
    }
    ~ControlServerUsers() override { become(0); }
    // Of this thread only, and only for what it opens.
    static void become(uid_t user) { ASSERT_EQ(syscall(SYS_setresuid, -1, user, -1), 0); }
    Connection connection_of(uid_t user) {
        become(user);
        Connection connection{path_};
        become(0);
        EXPECT_TRUE(connection.is_connected());
        connection.send(status);
        return connection;
    }
};

TEST_F(ControlServerUsers, user_of_the_prober_is_refused) {
    server_->refuse(prober);
    Connection refused = connection_of(prober);
    EXPECT_THAT(next_line(refused), HasSubstr("the user of the health checks"));
    EXPECT_TRUE(turn_until([&] { return refused.has_ended(); }));
    EXPECT_THAT(asked_, IsEmpty());
    Connection let_in = connection_of(other);
    EXPECT_THAT(next_line(let_in), HasSubstr("as you say"));
}

// Without the package it is nobody, which the status page may be too.
TEST_F(ControlServerUsers, user_of_the_prober_may_ask) {
    server_->refuse(prober);
    server_->offer_answers(status_path());
    chmod(status_path().c_str(), 0666);
    become(prober);
    Connection reader{status_path()};
    become(0);
    reader.send(status);
    EXPECT_THAT(next_line(reader), HasSubstr("as you say"));
}

TEST_F(ControlServerUsers, root_is_never_refused) {
    server_->refuse(0);
    Connection client = connection_of(0);
    EXPECT_THAT(next_line(client), HasSubstr("as you say"));
}

TEST_F(ControlServerUsers, one_user_leaves_room_for_others) {
    std::vector<Connection> greedy;
    for (std::size_t i = 0; i < most_clients_of_a_user; ++i) {
        greedy.push_back(connection_of(other));
        ASSERT_THAT(next_line(greedy.back()), HasSubstr("as you say")) << i;
    }
    Connection one_more = connection_of(other);
    EXPECT_THAT(next_line(one_more), HasSubstr("too many clients of uid 4322"));
    Connection another = connection_of(prober);
    EXPECT_THAT(next_line(another), HasSubstr("as you say"));
}

}  // namespace
}  // namespace understudy::host
