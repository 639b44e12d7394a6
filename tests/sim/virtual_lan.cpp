#include "tests/sim/virtual_lan.hpp"

#include <algorithm>
#include <utility>

#include "base/ensure.hpp"

namespace understudy::sim {

using namespace core;

VirtualHost& VirtualLan::add(const std::string& name) {
    const int number = static_cast<int>(hosts_.size()) + 1;
    return *hosts_.emplace_back(std::make_unique<VirtualHost>(*this, name, number));
}

void VirtualLan::send(VirtualHost& from, const core::SendAdvert& advert,
                      std::span<const std::byte> payload) {
    const vrrp::Datagram datagram{advert.source, advert.destination, vrrp::required_ttl, payload};
    const auto received = vrrp::decode(datagram);
    ensure(received.has_value(), "what a Node sends can be decoded");
    const SentAdvert sent{now_, from.name_, advert.source, advert.destination, *received};
    if (keeps_history) {
        adverts.push_back(sent);
    }
    if (witness != nullptr) {
        witness->sent(from, sent);
    }
    if (from.cut_ || !from.up_) {
        return;
    }
    const auto bytes =
        std::make_shared<const std::vector<std::byte>>(payload.begin(), payload.end());
    for (const auto& host : hosts_) {
        const bool addressed = advert.destination.is_multicast() ||
                               advert.destination == host->address(advert.source.family()) ||
                               host->has_address(advert.destination);
        if (host.get() == &from || !addressed) {
            continue;
        }
        const Passage passage = wire ? wire(from, *host) : Passage{};
        for (unsigned copy = 0; copy < passage.copies; ++copy) {
            flights_.emplace(now_ + passage.delays.at(copy),
                             Flight{host.get(), advert.source, advert.destination, bytes});
        }
    }
}

void VirtualLan::inject(const IpAddress& source, const IpAddress& destination,
                        const vrrp::Advertisement& advertisement) {
    std::array<std::byte, vrrp::largest_advertisement> room{};
    const auto bytes =
        vrrp::encode(advertisement, source, destination, vrrp::ChecksumForm::message_only, room);
    const auto payload = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
    for (const auto& host : hosts_) {
        if (destination.is_multicast() || destination == host->address(source.family())) {
            flights_.emplace(now_ + Passage{}.delays.front(),
                             Flight{host.get(), source, destination, payload});
        }
    }
}

void VirtualLan::announce(VirtualHost& from, const IpAddress& address) {
    if (keeps_history) {
        announced.push_back({now_, from.name_, address});
    }
    if (witness != nullptr) {
        witness->announced(from, address);
    }
}

std::optional<TimePoint> VirtualLan::next_deadline() {
    std::optional<TimePoint> earliest;
    if (!flights_.empty()) {
        earliest = flights_.begin()->first;
    }
    for (const auto& host : hosts_) {
        if (const auto at = host->next_deadline()) {
            earliest = earliest ? std::min(*earliest, *at) : *at;
        }
    }
    return earliest;
}

void VirtualLan::step(TimePoint at) {
    now_ = std::max(now_, at);
    while (!flights_.empty() && flights_.begin()->first <= now_) {
        const auto entry = flights_.extract(flights_.begin());
        const Flight& flight = entry.mapped();
        flight.to->deliver(
            {flight.source, flight.destination, vrrp::required_ttl, *flight.payload});
    }
    for (const auto& host : hosts_) {
        host->time_passed();
    }
    if (after_step) {
        after_step();
    }
}

void VirtualLan::run_for(Duration duration) {
    run_until([] { return false; }, duration);
}

bool VirtualLan::run_until(const std::function<bool()>& condition, Duration limit) {
    const TimePoint end = now_ + limit;
    while (!condition()) {
        const auto next = next_deadline();
        if (!next || *next > end) {
            now_ = end;
            return condition();
        }
        step(*next);
    }
    return true;
}

std::vector<std::string> VirtualLan::holders(const std::string& prefix) const {
    std::vector<std::string> names;
    for (const auto& host : hosts_) {
        if (host->holds(prefix)) {
            names.push_back(host->name_);
        }
    }
    return names;
}

core::Configuration web(vrrp::Priority priority, Duration interval) {
    VipSettings vip;
    vip.name = "web";
    vip.interface = "eth0";
    vip.vrid = 51;
    vip.priority = priority;
    vip.advert_interval = interval;
    vip.addresses.push_back({*IpPrefix::parse("192.0.2.10/24"), "eth0", true, false});
    vip.lease = default_lease(interval);
    Configuration configuration;
    configuration.agent.name = "lb";
    configuration.vips.push_back(vip);
    return configuration;
}

}  // namespace understudy::sim
