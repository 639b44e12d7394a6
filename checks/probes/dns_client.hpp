// Asks name servers (c-ares) on an Asio loop: over UDP, again and again until one answers, and by
// TCP where the answer does not fit.
//
// Its sockets belong to this client alone. So whoever forges an answer has to guess a port and a
// number that are used once, and destroying the client takes every question back at once.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace understudy::checks {

class DnsClient {
public:
    using Server = boost::asio::ip::udp::endpoint;

    struct Settings {
        std::vector<Server> servers;  // asked one after the other
        bool by_edns = false;         // RFC 6891, and without it where a server does not know it
        bool by_tcp = false;          // from the beginning
        // SERVFAIL and the like are answers, also where there is a next server to ask.
        bool takes_errors = false;
        // Until the question is repeated; doubled with each round through the servers.
        std::chrono::milliseconds repeat_after{300};
    };
    struct Answer {
        std::string error;  // no name server has answered, and why; empty: there is a message
        std::span<const std::byte> message;
        std::uint16_t id = 0;
    };
    using Done = std::function<void(const Answer&)>;

    DnsClient(boost::asio::io_context& context, Settings settings);
    DnsClient(const DnsClient&) = delete;
    DnsClient& operator=(const DnsClient&) = delete;
    ~DnsClient();

    // `done` is called once, later, from the loop, and may destroy the client. `message` has this
    // question in it, and comes from a stranger otherwise.
    void ask(const std::string& name, int type, Done done);

    bool asks_by_tcp() const;
    // The sender of the last datagram.
    std::optional<Server> heard() const;

private:
    class Channel;
    std::shared_ptr<Channel> channel_;
};

}  // namespace understudy::checks
