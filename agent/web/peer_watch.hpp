// What the pages of the other nodes say, so that one page shows the whole cluster. Asked once a
// second while somebody watches, each by a thread of its own: one that is slow delays nobody.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent/control/messages.hpp"

namespace httplib {
class Client;
}

namespace understudy::web {

inline constexpr std::size_t most_peers = 15;

class PeerWatch {
public:
    // While this lives, somebody watches.
    class Watch {
    public:
        explicit Watch(PeerWatch& peers);
        ~Watch();
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;

    private:
        PeerWatch& peers_;
    };

    // "http://lb2:9112"; an empty text, or what is wrong with it.
    static std::string complaint_about(const std::string& url);

    explicit PeerWatch(const std::vector<std::string>& urls);
    ~PeerWatch();
    PeerWatch(const PeerWatch&) = delete;
    PeerWatch& operator=(const PeerWatch&) = delete;

    bool is_empty() const { return peers_.empty(); }
    // Grows with every answer.
    std::uint64_t number() const;
    // {"peers":[...]}, as docs/status-page.md describes it.
    std::string document() const;
    void stop();

private:
    using Clock = std::chrono::steady_clock;
    struct Peer {
        std::string url;
        std::unique_ptr<httplib::Client> client;
        control::StatusResponse status;
        std::string trouble;
        Clock::time_point answered;
        std::thread thread;
    };

    void run(Peer& peer);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Peer> peers_;
    std::uint64_t number_ = 0;
    unsigned watchers_ = 0;
    bool stopped_ = false;
};

}  // namespace understudy::web
