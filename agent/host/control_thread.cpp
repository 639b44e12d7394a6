#include "agent/host/control_thread.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "agent/control/access.hpp"
#include "agent/host/boot_clock.hpp"
#include "agent/host/journal.hpp"

namespace understudy::host {

ControlThread::ControlThread(boost::asio::io_context& loop,
                             const std::filesystem::path& runtime_dir,
                             ControlServer::OnRequest on_request, ControlServer::OnGone on_gone)
    : loop_(loop),
      on_request_(std::move(on_request)),
      on_gone_(std::move(on_gone)),
      server_(
          io_, runtime_dir / "control.sock",
          [this](core::ClientId client, const control::Request& request) { take(client, request); },
          [this](core::ClientId client) { client_gone(client); }),
      later_(io_) {
    server_.offer_answers(runtime_dir / "status.sock");
    thread_ = std::thread([this] {
        give_up_rights();
        setpriority(PRIO_PROCESS, 0, 0);  // of this thread: it yields to the heartbeat
        io_.run();
    });
}

ControlThread::~ControlThread() {
    boost::asio::post(io_, [this] { io_.stop(); });
    thread_.join();
}

// --- from the loop -------------------------------------------------------------------------------

void ControlThread::refuse(std::optional<uid_t> user) {
    boost::asio::post(io_, [this, user] { server_.refuse(user); });
}

void ControlThread::reply(core::ClientId client, control::Response response) {
    boost::asio::post(io_, [this, client, response = std::move(response)]() mutable {
        deliver(client, std::move(response));
    });
}

void ControlThread::publish(const control::StateEvent& event) {
    boost::asio::post(io_, [this, event] { server_.publish(event); });
}

// --- in the thread -------------------------------------------------------------------------------

void ControlThread::take(core::ClientId client, const control::Request& request) {
    if (control::is_question(request)) {
        questions_.add(client, request);
    } else {
        commands_.push_back({client, request});
    }
    ask_next();
}

void ControlThread::client_gone(core::ClientId client) {
    std::erase_if(commands_, [&](const Command& command) { return command.client == client; });
    if (commanding_.erase(client) > 0) {
        commands_.push_front({client, std::nullopt});
        ask_next();
    }
}

void ControlThread::ask_next() {
    const TimePoint now = boot_now();
    if (!loop_has_one_ && !ask_command(now) && !ask_question(now)) {
        ask_later(now);
    }
}

bool ControlThread::ask_command(TimePoint now) {
    if (commands_.empty() || (commands_.front().request && now < next_command_at_)) {
        return false;
    }
    Command command = std::move(commands_.front());
    commands_.pop_front();
    if (command.request) {
        next_command_at_ = now + command_spacing;
        commanding_.insert(command.client);
    }
    hand_over([this, command = std::move(command)] {
        if (command.request) {
            on_request_(command.client, *command.request);
        } else {
            on_gone_(command.client);
        }
    });
    return true;
}

bool ControlThread::ask_question(TimePoint now) {
    const control::Request* question = question_ ? nullptr : questions_.next(now);
    if (question == nullptr) {
        return false;
    }
    question_ = server_.new_client();
    hand_over([this, client = *question_, request = *question] { on_request_(client, request); });
    return true;
}

void ControlThread::ask_later(TimePoint now) {
    auto at = question_ ? std::nullopt : questions_.next_round_at();
    if (!commands_.empty()) {
        at = std::min(at.value_or(next_command_at_), next_command_at_);
    }
    if (!at) {
        return;
    }
    later_.expires_after(std::chrono::microseconds{std::max(*at - now, Duration::zero())});
    later_.async_wait([this](const boost::system::error_code& replaced) {
        if (!replaced) {
            ask_next();
        }
    });
}

// The next one when this one has been carried out.
void ControlThread::hand_over(std::function<void()> to_loop) {
    loop_has_one_ = true;
    boost::asio::post(loop_, [this, to_loop = std::move(to_loop)] {
        to_loop();
        boost::asio::post(io_, [this] {
            loop_has_one_ = false;
            ask_next();
        });
    });
}

void ControlThread::deliver(core::ClientId client, control::Response response) {
    if (client != question_) {
        commanding_.erase(client);
        server_.reply(client, response);
        return;
    }
    question_.reset();
    const auto answer = questions_.answer(response, boot_origin());
    for (const core::ClientId each : answer.clients) {
        server_.reply(each, answer.line);
    }
    // It goes back to the thread that has made it: freed here, its thousands of strings would have
    // the heartbeat wait for the lock of the allocator.
    boost::asio::post(loop_, [response = std::move(response)] {});
    ask_next();
}

}  // namespace understudy::host
