#include "agent/host/control_server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <deque>
#include <stdexcept>
#include <utility>

#include "agent/core/wording.hpp"
#include "agent/host/boot_clock.hpp"
#include "agent/host/journal.hpp"
#include "agent/host/runtime_dir.hpp"
#include "base/overloaded.hpp"
#include "checks/processes/words.hpp"

namespace understudy::host {

namespace {

using boost::asio::local::stream_protocol;
using boost::system::error_code;

constexpr std::size_t longest_command = 400;  // in a log line
// Without descriptors accept(2) fails at once, over and over.
constexpr auto accept_pause = std::chrono::milliseconds{100};

// Nothing for a question. A new kind of request does not compile until it stands here.
std::optional<std::string> command_in_words(const control::Request& request) {
    using Words = std::optional<std::string>;
    const auto of = [](const std::string& vip) { return vip.empty() ? "all VIPs" : vip; };
    return std::visit(
        Overloaded{
            [](const control::StatusRequest&) -> Words { return {}; },
            [](const control::WhyRequest&) -> Words { return {}; },
            [](const control::EventsRequest&) -> Words { return {}; },
            [](const control::ConfigShowRequest&) -> Words { return {}; },
            [](const control::CheckListRequest&) -> Words { return {}; },
            [&](const control::FailoverRequest& r) -> Words { return "failover of " + of(r.vip); },
            [&](const control::TakeoverRequest& r) -> Words {
                return (r.force ? "forced takeover of " : "takeover of ") + of(r.vip);
            },
            [&](const control::FailbackRequest& r) -> Words { return "failback of " + of(r.vip); },
            [](const control::MaintenanceRequest& r) -> Words {
                const std::string expiry = r.expiry ? " for " + core::in_words(*r.expiry) : "";
                return r.on ? "maintenance on" + expiry : "maintenance off";
            },
            [](const control::ReloadRequest&) -> Words { return "reload"; },
            [](const control::CheckRunRequest& r) -> Words { return "run of check " + r.name; },
        },
        request);
}

// As the kernel noted it when the client connected. A local socket always has it.
ucred credentials_of(int fd) {
    constexpr auto unknown = static_cast<uid_t>(-1);
    ucred peer{0, unknown, static_cast<gid_t>(-1)};
    socklen_t size = sizeof peer;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    return peer;
}

std::string in_words(const ucred& peer) {
    if (peer.uid == static_cast<uid_t>(-1)) {
        return "an unknown user";
    }
    return "uid " + std::to_string(peer.uid) + ", pid " + std::to_string(peer.pid);
}

}  // namespace

struct ControlServer::Client {
    Client(core::ClientId number, control::Access allowed, const ucred& who,
           stream_protocol::socket connection)
        : id(number), access(allowed), peer(who), socket(std::move(connection)) {}

    core::ClientId id;
    control::Access access;
    ucred peer;
    stream_protocol::socket socket;
    std::array<char, 4096> chunk{};
    std::string input;
    std::deque<Line> output;
    std::size_t unsent = 0;
    bool follows = false;
    bool awaits_events = false;  // those that happen now will be in the answer
    bool waits = false;          // for an answer; lines that it sends meanwhile stay in `input`
    bool reading = false;        // a read is under way
    bool ends = false;  // nothing more is read from it; it is dropped when it has its answers
};

// One socket that is listened on.
struct ControlServer::Door {
    Door(boost::asio::io_context& loop, std::filesystem::path place, control::Access allowed)
        : path(std::move(place)), access(allowed), acceptor(loop), pause(loop) {}

    std::filesystem::path path;
    control::Access access;
    stream_protocol::acceptor acceptor;
    boost::asio::steady_timer pause;  // after a refused accept(2)
};

ControlServer::ControlServer(boost::asio::io_context& loop, const std::filesystem::path& path,
                             OnRequest on_request, OnGone on_gone)
    : loop_(loop), on_request_(std::move(on_request)), on_gone_(std::move(on_gone)) {
    open(path, control::Access::commands);
}

void ControlServer::offer_answers(const std::filesystem::path& path) {
    open(path, control::Access::questions);
}

void ControlServer::open(const std::filesystem::path& path, control::Access access) {
    Door& door = *doors_.emplace_back(std::make_unique<Door>(loop_, path, access));
    // The lock on the directory is ours, so what is there is a dead agent's, or in the way:
    // whatever it is, also a folder with something in it.
    std::error_code in_the_way;
    std::filesystem::remove_all(path, in_the_way);
    error_code error;
    door.acceptor.open(stream_protocol{}, error);
    if (!error) {
        door.acceptor.bind(stream_protocol::endpoint{path.string()}, error);
    }
    // Nobody can connect before listen(), so the mode is in place before the first client.
    const char* group = access == control::Access::commands ? control_group : status_group;
    std::string trouble = error ? error.message() : restrict_access(path, 0660, group);
    if (error && in_the_way) {  // bind(2) only sees that the place is taken
        trouble = "cannot remove what is in its place: " + in_the_way.message();
    }
    if (trouble.empty()) {
        door.acceptor.listen(static_cast<int>(most_clients), error);
    }
    if (error || !trouble.empty()) {
        throw std::runtime_error("control socket " + path.string() + ": " +
                                 (trouble.empty() ? error.message() : trouble));
    }
    accept(door);
}

ControlServer::~ControlServer() {
    for (const auto& door : doors_) {
        std::error_code ignored;
        std::filesystem::remove(door->path, ignored);
    }
}

void ControlServer::accept(Door& door) {
    door.acceptor.async_accept([this, &door](error_code error, stream_protocol::socket socket) {
        if (error == boost::asio::error::operation_aborted) {
            return;
        }
        if (!error) {
            admit(door, std::move(socket));
            accept(door);
            return;
        }
        door.pause.expires_after(accept_pause);
        door.pause.async_wait([this, &door](error_code stopped) {
            if (!stopped) {
                accept(door);
            }
        });
    });
}

// Empty: it is let in.
std::string ControlServer::refusal_of(const Door& door, uid_t user) const {
    std::size_t all = 0;
    std::size_t of_user = 0;
    for (const auto& [id, client] : clients_) {
        const bool here = client->access == door.access;
        all += here ? 1U : 0U;
        of_user += here && client->peer.uid == user ? 1U : 0U;
    }
    if (door.access == control::Access::commands && user != 0 && user == refused_) {
        return "this is the user of the health checks, which may not command the agent";
    }
    if (all >= most_clients) {
        return "too many clients are connected";
    }
    if (user != 0 && of_user >= most_clients_of_a_user) {
        return "too many clients of uid " + std::to_string(user) + " are connected";
    }
    return {};
}

void ControlServer::admit(const Door& door, stream_protocol::socket socket) {
    error_code ignored;
    socket.non_blocking(true, ignored);
    const ucred peer = credentials_of(socket.native_handle());
    if (const std::string why = refusal_of(door, peer.uid); !why.empty()) {
        const std::string refusal =
            control::to_json(control::ErrorResponse{why, false}, boot_origin()) + '\n';
        socket.write_some(boost::asio::buffer(refusal), ignored);
        return;
    }
    const auto client =
        std::make_shared<Client>(new_client(), door.access, peer, std::move(socket));
    clients_.emplace(client->id, client);
    read(client);
}

// Reads ahead of what is being answered, but no further than one line can be long.
void ControlServer::read(const std::shared_ptr<Client>& client) {
    if (client->reading || client->ends || client->input.size() > control::longest_request) {
        return;
    }
    client->reading = true;
    client->socket.async_read_some(
        boost::asio::buffer(client->chunk), [this, client](error_code error, std::size_t size) {
            client->reading = false;
            if (error && (error != boost::asio::error::eof || client->waits)) {
                drop(client);
                return;
            }
            client->ends = client->ends || error;
            client->input.append(client->chunk.data(), size);
            go_on(client);
        });
}

void ControlServer::go_on(const std::shared_ptr<Client>& client) {
    if (!clients_.contains(client->id)) {
        return;
    }
    if (client->waits || !client->output.empty()) {
        read(client);
        return;
    }
    client->input.erase(0, client->input.find_first_not_of('\n'));
    const auto end = client->input.find('\n');
    if (std::min(end, client->input.size()) > control::longest_request) {
        client->input.clear();
        client->ends = true;
        send(client, control::ErrorResponse{"the request is too long", true});
        return;
    }
    if (end != std::string::npos) {
        const std::string line = client->input.substr(0, end);
        client->input.erase(0, end + 1);
        handle_line(client, line);
    } else if (client->ends) {
        drop(client);
        return;
    }
    if (clients_.contains(client->id)) {
        read(client);
    }
}

void ControlServer::handle_line(const std::shared_ptr<Client>& client, const std::string& line) {
    const auto request = control::parse_request(line);
    if (!request) {
        send(client, control::ErrorResponse{request.error(), true});
        return;
    }
    if (client->access == control::Access::questions && !control::is_question(*request)) {
        constexpr const char* refusal =
            "this socket only answers questions; commands go to control.sock";
        send(client, control::ErrorResponse{refusal, false});
        return;
    }
    if (const auto* events = std::get_if<control::EventsRequest>(&*request)) {
        client->follows = client->follows || events->follow;
        client->awaits_events = true;
    }
    if (const auto words = command_in_words(*request)) {
        // The name in it is whatever the client sent.
        write_line(core::LogLevel::info, checks::printable(*words, longest_command) +
                                             " requested by " + in_words(client->peer));
    }
    client->waits = true;
    on_request_(client->id, *request);
}

void ControlServer::reply(core::ClientId id, const control::Response& response) {
    reply(id, std::make_shared<const std::string>(control::to_json(response, boot_origin())));
}

void ControlServer::reply(core::ClientId id, const Line& line) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) {
        return;
    }
    const auto client = found->second;
    client->waits = false;
    client->awaits_events = false;
    send(client, line);
}

void ControlServer::publish(const control::StateEvent& event) {
    Line line;
    for (const auto& [id, client] : std::map{clients_}) {
        if (!client->follows || client->awaits_events) {
            continue;
        }
        if (!line) {
            line = std::make_shared<const std::string>(control::to_json(event, boot_origin()));
        }
        send(client, line);
    }
}

void ControlServer::send(const std::shared_ptr<Client>& client, const control::Response& response) {
    send(client, std::make_shared<const std::string>(control::to_json(response, boot_origin())));
}

// A client has one answer at a time, however long; what can pile up is events.
void ControlServer::send(const std::shared_ptr<Client>& client, const Line& line) {
    client->unsent += line->size();
    if (!client->output.empty() && client->unsent > most_unsent) {
        write_line(core::LogLevel::warn,
                   "disconnected a client of `events --follow` that does not read");
        drop(client);
        return;
    }
    client->output.push_back(line);
    if (client->output.size() == 1) {
        write(client);
    }
}

void ControlServer::write(const std::shared_ptr<Client>& client) {
    static constexpr char end_of_line = '\n';
    const std::array<boost::asio::const_buffer, 2> line = {
        boost::asio::buffer(*client->output.front()), boost::asio::buffer(&end_of_line, 1)};
    boost::asio::async_write(client->socket, line, [this, client](error_code error, std::size_t) {
        if (error) {
            drop(client);
            return;
        }
        client->unsent -= client->output.front()->size();
        client->output.pop_front();
        if (client->output.empty()) {
            go_on(client);
        } else {
            write(client);
        }
    });
}

void ControlServer::drop(const std::shared_ptr<Client>& client) {
    if (clients_.erase(client->id) > 0) {
        error_code ignored;
        client->socket.close(ignored);
        if (client->waits) {
            on_gone_(client->id);
        }
    }
}

}  // namespace understudy::host
