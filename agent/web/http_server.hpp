// One listening socket, and the answers to those who come: bounded in everything that a stranger
// can make grow.
//
// cpp-httplib reads and writes HTTP; the connections are ours. A request has to be here whole
// within a few seconds and a few kilobytes, and is the only one of its connection. While all
// threads are busy, a newcomer takes the place of whoever has been sending its request for the
// longest time, so that those who never finish keep nobody out.
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

#include "agent/web/listen_address.hpp"

namespace understudy::web {

inline constexpr std::size_t most_connections = 40;  // of one listening socket; one thread each
inline constexpr std::size_t most_request_bytes = 16 * 1024;
inline constexpr std::chrono::milliseconds request_patience{3000};
// A reader that takes nothing for so long is gone.
inline constexpr std::chrono::milliseconds write_patience{5000};

// The connections that are open, so that they can be ended from outside.
class Connections {
public:
    void add(int fd);
    void remove(int fd);
    void has_asked(int fd);  // its request is complete
    // With as many as there may be, ends the one that has been asking for the longest time.
    void make_room();
    void end_all();  // also those that are still to be added

private:
    struct State {
        std::uint64_t number = 0;
        bool asking = true;
    };
    std::mutex mutex_;
    std::map<int, State> open_;
    std::uint64_t last_ = 0;
    bool ended_ = false;
};

class HttpServer : private httplib::Server {
public:
    HttpServer();
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

    Connections connections_;
    std::atomic<bool> has_ended_ = false;
    std::thread thread_;
};

}  // namespace understudy::web
