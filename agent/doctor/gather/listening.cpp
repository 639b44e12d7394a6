#include <net/if.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "agent/doctor/gather/gather.hpp"
#include "agent/host/vrrp_socket.hpp"

namespace understudy::doctor {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// Others on the network may advertise every second, whatever the interval here.
constexpr Duration least_listening = 1200ms;
constexpr Duration most_listening = 5s;

Duration listening_time(const core::Configuration& configuration) {
    Duration longest{};
    for (const core::VipSettings& vip : configuration.vips) {
        longest = std::max(longest, vip.advert_interval);
    }
    return std::clamp<Duration>(3 * longest, least_listening, most_listening);
}

std::set<core::Listener> listeners_for(const core::Configuration& configuration) {
    std::set<core::Listener> listeners;
    for (const core::VipSettings& vip : configuration.vips) {
        const auto index = static_cast<core::InterfaceIndex>(if_nametoindex(vip.interface.c_str()));
        for (const Family family : {Family::ipv4, Family::ipv6}) {
            if (index != 0 && vip.has_family(family)) {
                listeners.insert({family, index, true});
            }
        }
    }
    return listeners;
}

HeardFacts read(const std::string& interface, const vrrp::Datagram& datagram) {
    HeardFacts heard;
    heard.interface = interface;
    heard.source = datagram.source;
    heard.vrid = *vrrp::peek_vrid(datagram.payload);
    heard.version = std::to_integer<unsigned>(datagram.payload[0]) >> 4U;
    const auto received = vrrp::decode(datagram, 1);
    heard.valid = received.has_value();
    if (received) {
        heard.priority = received->priority;
        const std::size_t size = address_size(datagram.source.family());
        for (std::size_t at = 0; at < received->addresses.size(); at += size) {
            heard.addresses.push_back(IpAddress::from_bytes(received->addresses.subspan(at, size)));
        }
    }
    return heard;
}

class Ear {
public:
    explicit Ear(const std::vector<AddressFacts>& own) {
        for (const AddressFacts& address : own) {
            own_.insert(address.prefix.address);
        }
    }
    void hear(const core::Event& event) {
        const auto* received = std::get_if<core::DatagramReceived>(&event);
        if (received == nullptr || own_.contains(received->datagram.source) ||
            !vrrp::peek_vrid(received->datagram.payload)) {
            return;
        }
        std::array<char, IF_NAMESIZE> name{};
        if_indextoname(static_cast<unsigned>(received->interface), name.data());
        HeardFacts heard = read(name.data(), received->datagram);
        HeardFacts& known = heard_[{heard.interface, heard.source, heard.vrid}];
        heard.count = known.count + 1;
        known = std::move(heard);
    }
    std::vector<HeardFacts> take() {
        std::vector<HeardFacts> all;
        for (auto& [key, heard] : heard_) {
            all.push_back(std::move(heard));
        }
        return all;
    }

private:
    std::set<IpAddress> own_;
    std::map<std::tuple<std::string, IpAddress, vrrp::Vrid>, HeardFacts> heard_;
};

}  // namespace

ListeningFacts gather_listening(const core::Configuration& configuration,
                                const std::vector<AddressFacts>& own) {
    ListeningFacts facts;
    std::vector<host::VrrpSocket> sockets;
    std::vector<pollfd> ready;
    for (const core::Listener& listener : listeners_for(configuration)) {
        auto socket = host::VrrpSocket::open(listener);
        if (!socket) {
            facts.trouble = socket.error();
            continue;
        }
        ready.push_back({socket->fd(), POLLIN, 0});
        sockets.push_back(std::move(*socket));
    }
    if (sockets.empty()) {
        facts.trouble =
            facts.trouble.empty() ? "there is no interface to listen on" : facts.trouble;
        return facts;
    }
    facts.trouble.clear();
    facts.time = listening_time(configuration);
    const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
    facts.began = TimePoint{now.time_since_epoch()};
    Ear ear(own);
    const auto end = Clock::now() + facts.time;
    while (true) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
        if (left <= 0) {
            break;
        }
        poll(ready.data(), ready.size(), static_cast<int>(left));
        for (const host::VrrpSocket& socket : sockets) {
            socket.receive([&](const core::Event& event) { ear.hear(event); });
        }
    }
    facts.heard = ear.take();
    return facts;
}

}  // namespace understudy::doctor
