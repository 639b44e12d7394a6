// The control socket: JSON lines in, JSON lines out. Root and the group `understudy` may connect;
// the file mode keeps all others from even reading.
//
// A slow, silent or hostile client costs a bounded amount of memory and no time of the heartbeat:
// one line of one client is handled in a turn of the loop, and its next one when the answer has
// been written. A client that says no more (shutdown) still gets the answers that are due at once;
// one that leaves while it waits for a failover is reported.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/control/json.hpp"
#include "agent/control/messages.hpp"
#include "agent/core/event.hpp"

namespace understudy::host {

inline constexpr std::size_t most_clients = 64;
// Bytes of events that a follower may leave unread.
inline constexpr std::size_t most_unsent = 4 * 1024 * 1024;

class ControlServer {
public:
    using OnRequest = std::function<void(core::ClientId, const control::Request&)>;
    using OnGone = std::function<void(core::ClientId)>;

    // Throws std::runtime_error if the socket cannot be made.
    ControlServer(boost::asio::io_context& loop, const std::filesystem::path& path,
                  OnRequest on_request, OnGone on_gone);
    ~ControlServer();

    void reply(core::ClientId client, const control::Response& response);
    // One event for every client that follows.
    void publish(const control::StateEvent& event);

private:
    struct Client;

    void accept();
    void admit(boost::asio::local::stream_protocol::socket socket);
    void read(const std::shared_ptr<Client>& client);
    void go_on(const std::shared_ptr<Client>& client);
    void handle_line(const std::shared_ptr<Client>& client, const std::string& line);
    void send(const std::shared_ptr<Client>& client, std::string line);
    void write(const std::shared_ptr<Client>& client);
    void drop(const std::shared_ptr<Client>& client);

    std::filesystem::path path_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    boost::asio::steady_timer pause_;  // after a refused accept(2)
    OnRequest on_request_;
    OnGone on_gone_;
    std::map<core::ClientId, std::shared_ptr<Client>> clients_;
    core::ClientId next_client_ = 1;
};

}  // namespace understudy::host
