// A control socket, its clients, and a loop that each test turns by hand.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/host/control_server.hpp"
#include "agent/host/file_descriptor.hpp"

namespace understudy::host {

using namespace std::chrono_literals;

inline constexpr int most_turns = 500;  // of at most 10 ms: no test waits longer than 5 s
inline const std::string status = R"({"request":"status"})"
                                  "\n";

class Connection {
public:
    explicit Connection(const std::filesystem::path& path)
        : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        connected_ = connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    bool is_connected() const { return connected_; }
    // Bytes that the kernel took.
    std::size_t send(std::string_view text) {
        const ssize_t size =
            ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return size < 0 ? 0 : static_cast<std::size_t>(size);
    }
    // One line without its end, if it is there.
    std::optional<std::string> line() {
        char chunk[65536];
        while (true) {
            if (const auto end = input_.find('\n'); end != std::string::npos) {
                std::string found = input_.substr(0, end);
                input_.erase(0, end + 1);
                return found;
            }
            const ssize_t size = recv(fd_.get(), chunk, sizeof chunk, MSG_DONTWAIT);
            ended_ = ended_ || size == 0 || (size < 0 && errno != EAGAIN);
            if (size <= 0) {
                return std::nullopt;
            }
            input_.append(chunk, static_cast<std::size_t>(size));
        }
    }
    // The server has closed it. Reads everything that came before.
    bool has_ended() {
        while (line()) {
        }
        return ended_;
    }
    void say_no_more() { shutdown(fd_.get(), SHUT_WR); }
    void close() { fd_.reset(); }

private:
    FileDescriptor fd_;
    bool connected_ = false;
    bool ended_ = false;
    std::string input_;
};

class ControlServerTest : public testing::Test {
protected:
    ControlServerTest() {
        char name[] = "/tmp/understudy-control-XXXXXX";
        dir_ = mkdtemp(name);
        path_ = dir_ / "control.sock";
        start();
    }
    ~ControlServerTest() override {
        server_.reset();
        std::filesystem::remove_all(dir_);
    }

    void start() {
        server_.emplace(
            io_, path_,
            [this](core::ClientId client, const control::Request& request) {
                asked_.emplace_back(client, request);
                if (answer_) {
                    server_->reply(client, control::DoneResponse{*answer_});
                }
            },
            [this](core::ClientId client) { gone_.push_back(client); });
    }
    template <class Condition>
    bool turn_until(Condition&& condition) {
        for (int turn = 0; turn < most_turns; ++turn) {
            if (condition()) {
                return true;
            }
            io_.restart();
            io_.run_one_for(10ms);
        }
        return condition();
    }
    // Until nothing has happened for 30 ms.
    void turn_until_quiet() {
        for (int turn = 0; turn < 100'000; ++turn) {
            io_.restart();
            if (io_.run_one_for(30ms) == 0) {
                return;
            }
        }
        FAIL() << "the loop never comes to rest";
    }
    std::string next_line(Connection& connection) {
        std::optional<std::string> line;
        turn_until([&] { return (line = connection.line()).has_value(); });
        return line.value_or("(nothing came)");
    }

    std::filesystem::path status_path() const { return dir_ / "status.sock"; }

    std::filesystem::path dir_;
    std::filesystem::path path_;
    boost::asio::io_context io_;
    std::optional<ControlServer> server_;
    std::optional<std::string> answer_ = "as you say";  // nothing: the Node answers later
    std::vector<std::pair<core::ClientId, control::Request>> asked_;
    std::vector<core::ClientId> gone_;
};

}  // namespace understudy::host
