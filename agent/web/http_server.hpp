// One listening socket, and the answers to those who come: bounded in everything that a stranger
// can make grow.
//
// cpp-httplib reads and writes HTTP; the connections are ours. A request has to be here whole
// within a few seconds and a few kilobytes, and is the only one of its connection. While all
// threads are busy, a newcomer takes the place of whoever has been sending its request for the
// longest time, so that those who never finish keep nobody out. One client address has at most half
// of the places; loopback is not counted, since a proxy on this machine speaks for all its clients.
#pragma once

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "agent/web/allowed_hosts.hpp"
#include "agent/web/listen_address.hpp"

namespace understudy::web {

inline constexpr std::size_t most_connections = 40;  // of one listening socket; one thread each
inline constexpr std::size_t most_connections_of_an_address = 20;
inline constexpr std::size_t most_request_bytes = 16 * 1024;
inline constexpr std::chrono::milliseconds request_patience{3000};
// A reader that takes nothing for so long is gone.
inline constexpr std::chrono::milliseconds write_patience{5000};

// By what a client is counted: its address, of IPv6 the first 64 bits. Empty: not at all.
std::string counted_as(const std::string& address);

// The connections that are open, so that they can be ended from outside.
class Connections {
public:
    // False: this client has too many. If one of them has not asked yet, that one ends instead.
    bool add(int fd, const std::string& client);
    void remove(int fd);
    void has_asked(int fd);  // its request is complete
    // With as many as there may be, ends the one that has been asking for the longest time.
    void make_room();
    void end_all();  // also those that are still to be added

private:
    struct State {
        std::uint64_t number = 0;
        std::string client;
        bool asking = true;
    };
    using Open = std::map<int, State>;
    // Ends the one of `client` (empty: of all) that has been asking for the longest time. False:
    // none is asking.
    bool end_oldest(const std::string& client);

    std::mutex mutex_;
    Open open_;
    std::uint64_t last_ = 0;
    bool ended_ = false;
};

class HttpServer : private httplib::Server {
public:
    explicit HttpServer(const AllowedHosts& hosts);
    ~HttpServer() override;
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    using httplib::Server::Get;
    using httplib::Server::set_default_headers;

    // An error says why not. After it the port is known, also where 0 was asked for.
    std::string bind(ListenAddress& address);
    void start();
    // Every connection ends at once.
    void stop();

private:
    bool process_and_close_socket(socket_t fd) override;

    const AllowedHosts& hosts_;
    Connections connections_;
    std::atomic<bool> has_ended_ = false;
    std::thread thread_;
};

}  // namespace understudy::web
