#include "tests/sim/intruder.hpp"

#include <utility>

namespace understudy::sim {

void Intruder::say(const Speech& speech) {
    if (scenario_.cluster.ipv4) {
        say(speech, Family::ipv4);
    }
    if (scenario_.cluster.ipv6) {
        say(speech, Family::ipv6);
    }
}

bool Intruder::forge(Forgery forgery, std::optional<std::size_t> holder, int priority) {
    constexpr Duration longest = vrrp::longest_interval_v3;
    constexpr Duration shortest = vrrp::interval_step;
    const bool is_loud = holder && priority > vrrp::low_band_top;
    switch (forgery) {
        case Forgery::offer:
        case Forgery::resignation:
            if (holder) {
                say({forgery == Forgery::offer ? 1 : 0, shortest, holder});
            }
            return holder.has_value();
        case Forgery::long_interval:
        case Forgery::short_interval:
            if (is_loud) {
                say({priority, forgery == Forgery::long_interval ? longest : shortest, holder});
            }
            return is_loud;
        case Forgery::strange_offer:
            say({1, shortest});
            return true;
        case Forgery::strange_resignation:
            say({0, shortest});
            return true;
        case Forgery::strange_owner:
            if (std::exchange(owner_has_spoken_, true)) {
                return false;
            }
            say({255, longest});
            return true;
    }
    return false;
}

void Intruder::say(const Speech& speech, Family family) {
    const int nobody = speech.is_foreign ? 87 : 88;
    const std::vector<std::byte> list = list_of(speech, family);
    vrrp::Advertisement advert;
    advert.version = scenario_.cluster.version == 2 ? vrrp::Version::v2 : vrrp::Version::v3;
    advert.vrid = 51;
    advert.priority = static_cast<vrrp::Priority>(speech.priority);
    advert.interval = speech.interval;
    advert.family = family;
    advert.addresses = list;
    const IpAddress source = VirtualHost::address(
        family, speech.name_of ? static_cast<int>(*speech.name_of) + 1 : nobody);
    if (!scenario_.cluster.unicast) {
        lan_.inject(source, vrrp::multicast_group(family), advert);
        return;
    }
    for (const auto& host : lan_.hosts()) {
        lan_.inject(source, host->address(family), advert);
    }
}

std::vector<std::byte> Intruder::list_of(const Speech& speech, Family family) const {
    std::vector<IpAddress> addresses;
    if (speech.is_foreign) {
        addresses = {IpAddress::v4(198, 51, 100, 7), vrrp::derived_link_local(51),
                     *IpAddress::parse("2001:db8:ffff::7")};
    } else {
        for (const IpPrefix& prefix : addresses_of(scenario_, 0)) {
            addresses.push_back(prefix.address);
        }
    }
    std::vector<std::byte> bytes;
    for (const IpAddress& address : addresses) {
        if (address.family() == family) {
            bytes.insert(bytes.end(), address.bytes().begin(), address.bytes().end());
        }
    }
    return bytes;
}

}  // namespace understudy::sim
