// N virtual hosts, the wire between them, and one virtual clock. Nothing here sleeps.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/node.hpp"
#include "tests/sim/virtual_host.hpp"

namespace understudy::sim {

// What becomes of one datagram on its way to one host.
struct Passage {
    unsigned copies = 1;  // at most as many as there are delays
    std::array<Duration, 2> delays{std::chrono::microseconds{50}, std::chrono::microseconds{50}};
};

class VirtualLan {
public:
    VirtualHost& add(const std::string& name);
    TimePoint now() const { return now_; }
    void run_for(Duration duration);
    // Until the condition holds; false if it does not within `limit`.
    bool run_until(const std::function<bool()>& condition, Duration limit);
    std::vector<std::string> holders(const std::string& prefix) const;
    // A machine without an agent sends an advertisement, in whose name it likes.
    void inject(const IpAddress& source, const IpAddress& destination,
                const vrrp::Advertisement& advertisement);

    std::vector<SentAdvert> adverts;  // everything that was sent, also by hosts that are cut off
    std::vector<Announced> announced;
    // Whether the two above, and what the hosts have said, are kept.
    bool keeps_history = true;
    // Called after every step: invariants.
    std::function<void()> after_step;
    Witness* witness = nullptr;
    // Asked for every datagram and every host that it is meant for; nothing: it arrives at once.
    std::function<Passage(const VirtualHost& from, const VirtualHost& to)> wire;
    const std::vector<std::unique_ptr<VirtualHost>>& hosts() const { return hosts_; }

private:
    friend class VirtualHost;
    void send(VirtualHost& from, const core::SendAdvert& advert,
              std::span<const std::byte> payload);
    std::optional<TimePoint> next_deadline();
    void step(TimePoint at);

    void announce(VirtualHost& from, const IpAddress& address);
    struct Flight {
        VirtualHost* to;
        IpAddress source;
        IpAddress destination;
        std::shared_ptr<const std::vector<std::byte>> payload;
    };

    TimePoint now_{1000s};
    std::vector<std::unique_ptr<VirtualHost>> hosts_;
    std::multimap<TimePoint, Flight> flights_;  // by arrival
};

// A VIP "web", VRID 51, on eth0, with 192.0.2.10/24.
core::Configuration web(vrrp::Priority priority, Duration interval = 1s);

}  // namespace understudy::sim
