// The control socket: JSON lines in, JSON lines out. Root and the group `understudy` may connect;
// the file mode keeps all others from even reading. A second one, for root and the group
// `understudy-status`, answers questions and takes no commands: whoever shows the state of the node
// to others has no right to change it, and cannot use up the places of those who may.
//
// A slow, silent or hostile client costs a bounded amount of memory: one line of one client is
// handled in a turn of the loop, and its next one when the answer has been written. That this costs
// the heartbeat no time is the business of the thread that this runs in (control_thread.hpp). A
// client that says no more (shutdown) still gets the answers that are due at once;
// one that leaves while it waits for a failover is reported.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/control/access.hpp"
#include "agent/control/json.hpp"
#include "agent/control/messages.hpp"
#include "agent/core/event.hpp"

namespace understudy::host {

inline constexpr std::size_t most_clients = 64;  // of each of the two sockets
// Of one user, unless it is root: nobody can keep all others out.
inline constexpr std::size_t most_clients_of_a_user = 32;
// Bytes of events that a follower may leave unread.
inline constexpr std::size_t most_unsent = 4 * 1024 * 1024;

class ControlServer {
public:
    using Line = std::shared_ptr<const std::string>;
    using OnRequest = std::function<void(core::ClientId, const control::Request&)>;
    using OnGone = std::function<void(core::ClientId)>;

    // Throws std::runtime_error if the socket cannot be made.
    ControlServer(boost::asio::io_context& loop, const std::filesystem::path& path,
                  OnRequest on_request, OnGone on_gone);
    ~ControlServer();

    // Clients of this user may not connect to the socket for commands; root always may.
    void refuse(std::optional<uid_t> user) { refused_ = user; }

    // The second socket. Throws likewise.
    void offer_answers(const std::filesystem::path& path);

    void reply(core::ClientId client, const control::Response& response);
    // A response that is the same for several clients, as a line of JSON without its end.
    void reply(core::ClientId client, const Line& line);
    // A number that no client has or will have.
    core::ClientId new_client() { return next_client_++; }
    // One event for every client that follows.
    void publish(const control::StateEvent& event);

private:
    struct Client;
    struct Door;

    void open(const std::filesystem::path& path, control::Access access);
    void accept(Door& door);
    void admit(const Door& door, boost::asio::local::stream_protocol::socket socket);
    std::string refusal_of(const Door& door, uid_t user) const;
    void read(const std::shared_ptr<Client>& client);
    void go_on(const std::shared_ptr<Client>& client);
    void handle_line(const std::shared_ptr<Client>& client, const std::string& line);
    void send(const std::shared_ptr<Client>& client, const control::Response& response);
    void send(const std::shared_ptr<Client>& client, const Line& line);
    void write(const std::shared_ptr<Client>& client);
    void drop(const std::shared_ptr<Client>& client);

    boost::asio::io_context& loop_;
    std::vector<std::unique_ptr<Door>> doors_;
    OnRequest on_request_;
    OnGone on_gone_;
    std::optional<uid_t> refused_;
    std::map<core::ClientId, std::shared_ptr<Client>> clients_;
    core::ClientId next_client_ = 1;
};

}  // namespace understudy::host
