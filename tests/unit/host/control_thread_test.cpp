// What a flood of clients leaves of itself for the loop: requests one by one, commands first.
#include "agent/host/control_thread.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/host/file_descriptor.hpp"

namespace understudy::host {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Clock = std::chrono::steady_clock;

const std::string status = R"({"request":"status"})"
                           "\n";
const std::string failback = R"({"request":"failback","all":true})"
                             "\n";

class Client {
public:
    explicit Client(const std::filesystem::path& path)
        : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.string().copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    void send(const std::string& text) {
        ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    // Whole lines that have come since the last look.
    std::size_t read_lines() {
        std::array<char, 65536> chunk{};
        std::size_t lines = 0;
        for (ssize_t size = 0; (size = recv(fd_.get(), chunk.data(), chunk.size(), 0)) > 0;) {
            lines += static_cast<std::size_t>(
                std::count(chunk.begin(), chunk.begin() + static_cast<long>(size), '\n'));
            text_.append(chunk.data(), static_cast<std::size_t>(size));
        }
        return lines;
    }
    const std::string& text() const { return text_; }
    void close() { fd_.reset(); }

private:
    FileDescriptor fd_;
    std::string text_;
};

class ControlThreadTest : public testing::Test {
protected:
    ControlThreadTest() {
        char name[] = "/tmp/understudy-control-XXXXXX";
        dir_ = mkdtemp(name);
        control_.emplace(
            loop_, dir_,
            [this](core::ClientId client, const control::Request& request) {
                asked_.push_back(request);
                askers_.push_back(client);
                if (answers_) {
                    control_->reply(client, control::DoneResponse{"as you say"});
                }
            },
            [this](core::ClientId client) { gone_.push_back(client); });
    }
    ~ControlThreadTest() override {
        control_.reset();
        std::filesystem::remove_all(dir_);
    }

    template <class Condition>
    bool turn_until(Condition&& condition, std::chrono::milliseconds limit = 5s) {
        for (const auto end = Clock::now() + limit; Clock::now() < end;) {
            if (condition()) {
                return true;
            }
            loop_.restart();
            loop_.run_one_for(5ms);
        }
        return condition();
    }
    void turn_for(std::chrono::milliseconds time) {
        turn_until([] { return false; }, time);
    }
    template <class Request>
    long asked() const {
        return std::ranges::count_if(
            asked_, [](const auto& one) { return std::holds_alternative<Request>(one); });
    }

    std::filesystem::path dir_;
    boost::asio::io_context loop_;
    bool answers_ = true;
    std::vector<control::Request> asked_;
    std::vector<core::ClientId> askers_;
    std::vector<core::ClientId> gone_;
    std::optional<ControlThread> control_;
};

TEST_F(ControlThreadTest, answers_each_client) {
    Client one{dir_ / "control.sock"};
    Client two{dir_ / "status.sock"};
    one.send(status);
    two.send(status);
    std::size_t lines = 0;
    EXPECT_TRUE(turn_until([&] { return (lines += one.read_lines() + two.read_lines()) == 2; }));
    EXPECT_THAT(one.text(), HasSubstr("as you say"));
    EXPECT_EQ(one.text(), two.text());
}

TEST_F(ControlThreadTest, flood_of_questions_reaches_the_loop_ten_times_a_second) {
    std::vector<Client> clients;
    for (std::size_t i = 0; i < most_clients; ++i) {
        clients.emplace_back(dir_ / "status.sock");
    }
    std::size_t lines = 0;
    const auto begin = Clock::now();
    turn_until(
        [&] {
            for (Client& client : clients) {
                client.send(status + status + status);
                lines += client.read_lines();
            }
            return false;
        },
        1s);
    const auto rounds = 2 + (Clock::now() - begin) / Questions::spacing;
    EXPECT_LE(asked<control::StatusRequest>(), rounds);
    EXPECT_GE(asked<control::StatusRequest>(), 2);
    EXPECT_GT(lines, most_clients) << "everybody is answered, again and again";
}

TEST_F(ControlThreadTest, loop_has_one_request_at_a_time) {
    std::vector<Client> clients;
    for (int i = 0; i < 10; ++i) {
        clients.emplace_back(dir_ / "control.sock").send(failback);
    }
    std::this_thread::sleep_for(50ms);  // the thread has read them all, or the test shows less
    loop_.restart();
    loop_.poll();
    EXPECT_LE(asked_.size(), 2U) << "the rest waits until these are done";
    EXPECT_TRUE(turn_until([&] { return asked_.size() == clients.size(); }));
}

TEST_F(ControlThreadTest, command_goes_before_questions) {
    Client reader{dir_ / "status.sock"};
    Client commander{dir_ / "control.sock"};
    for (int i = 0; i < 20; ++i) {
        Client{dir_ / "status.sock"};
    }
    reader.send(R"({"request":"why","vip":"a"})"
                "\n");
    ASSERT_TRUE(turn_until([&] { return asked<control::WhyRequest>() == 1; }));
    std::vector<Client> readers;
    for (int i = 0; i < 20; ++i) {
        readers.emplace_back(dir_ / "status.sock")
            .send(R"({"request":"why","vip":"vip)" + std::to_string(i) + "\"}\n");
    }
    commander.send(failback);
    ASSERT_TRUE(turn_until([&] { return asked<control::FailbackRequest>() == 1; }));
    EXPECT_LT(asked<control::WhyRequest>(), 20);
}

TEST_F(ControlThreadTest, flood_of_commands_leaves_the_loop_time) {
    std::vector<Client> clients;
    for (int i = 0; i < 20; ++i) {
        clients.emplace_back(dir_ / "control.sock");
    }
    const auto begin = Clock::now();
    turn_until(
        [&] {
            for (Client& client : clients) {
                client.send(failback);
                client.read_lines();
            }
            return false;
        },
        1s);
    EXPECT_LE(static_cast<long>(asked_.size()),
              2 + (Clock::now() - begin) / ControlThread::command_spacing);
    EXPECT_GT(asked_.size(), 5U);
}

TEST_F(ControlThreadTest, client_that_leaves_while_its_command_runs_is_reported) {
    answers_ = false;
    Client client{dir_ / "control.sock"};
    client.send(failback);
    ASSERT_TRUE(turn_until([&] { return !asked_.empty(); }));
    client.close();
    ASSERT_TRUE(turn_until([&] { return !gone_.empty(); }));
    EXPECT_THAT(gone_, ElementsAre(askers_.front()));
}

TEST_F(ControlThreadTest, client_that_leaves_before_its_question_is_asked_costs_nothing) {
    Client first{dir_ / "status.sock"};
    first.send(status);
    ASSERT_TRUE(turn_until([&] { return first.read_lines() == 1; }));
    Client second{dir_ / "status.sock"};
    second.send(status);
    second.close();
    turn_for(200ms);
    EXPECT_THAT(gone_, IsEmpty());
}

TEST_F(ControlThreadTest, follower_misses_no_event_while_it_waits_for_a_status) {
    Client follower{dir_ / "status.sock"};
    follower.send(R"({"request":"events","follow":true})"
                  "\n");
    ASSERT_TRUE(turn_until([&] { return follower.read_lines() == 1; }));
    follower.send(status);  // answered with the next round, 100 ms later
    control::StateEvent event;
    event.cause = "a test";
    std::this_thread::sleep_for(20ms);
    control_->publish(event);
    std::size_t lines = 0;
    EXPECT_TRUE(turn_until([&] { return (lines += follower.read_lines()) == 2; }));
    EXPECT_THAT(follower.text(), HasSubstr("a test"));
}

TEST_F(ControlThreadTest, last_reply_is_sent_before_the_end) {
    answers_ = false;
    Client client{dir_ / "control.sock"};
    client.send(failback);
    ASSERT_TRUE(turn_until([&] { return !asked_.empty(); }));
    control_->reply(askers_.front(), control::DoneResponse{"the last word"});
    control_.reset();
    client.read_lines();
    EXPECT_THAT(client.text(), HasSubstr("the last word"));
}

}  // namespace
}  // namespace understudy::host
