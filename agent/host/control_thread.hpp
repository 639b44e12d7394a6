// The control sockets, in a thread of their own. Taking connections, reading, parsing, writing down
// answers and sending them costs the heartbeat nothing, however many clients there are and whatever
// they do; the heartbeat gets one request at a time, commands before questions (questions.hpp).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <filesystem>
#include <optional>
#include <set>
#include <thread>

#include "agent/host/control_server.hpp"
#include "agent/host/questions.hpp"

namespace understudy::host {

class ControlThread {
public:
    // Between two commands: the group understudy may command, but not keep the loop busy.
    static constexpr Duration command_spacing = std::chrono::milliseconds{10};

    // Opens control.sock and status.sock there; both functions are called on `loop`. Throws
    // std::runtime_error if a socket cannot be made.
    ControlThread(boost::asio::io_context& loop, const std::filesystem::path& runtime_dir,
                  ControlServer::OnRequest on_request, ControlServer::OnGone on_gone);
    // Sends what was given to reply() before.
    ~ControlThread();
    ControlThread(const ControlThread&) = delete;
    ControlThread& operator=(const ControlThread&) = delete;

    // From the loop. The prober's user is refused at the socket for commands.
    void refuse(std::optional<uid_t> user);
    void reply(core::ClientId client, control::Response response);
    void publish(const control::StateEvent& event);

private:
    struct Command {
        core::ClientId client = 0;
        std::optional<control::Request> request;  // nothing: the client has gone
    };

    // All of these in the thread.
    void take(core::ClientId client, const control::Request& request);
    void client_gone(core::ClientId client);
    void ask_next();
    bool ask_command(TimePoint now);
    bool ask_question(TimePoint now);
    void ask_later(TimePoint now);
    void hand_over(std::function<void()> to_loop);
    void deliver(core::ClientId client, control::Response response);

    boost::asio::io_context& loop_;
    ControlServer::OnRequest on_request_;
    ControlServer::OnGone on_gone_;
    boost::asio::io_context io_{1};
    ControlServer server_;
    boost::asio::steady_timer later_;
    Questions questions_;
    std::optional<core::ClientId> question_;  // in whose name the Node is being asked
    std::deque<Command> commands_;
    std::set<core::ClientId> commanding_;  // their command is with the loop, and not answered
    TimePoint next_command_at_{};
    bool loop_has_one_ = false;
    std::thread thread_;
};

}  // namespace understudy::host
