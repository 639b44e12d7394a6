#include "agent/config/validate.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "vrrp/timers.hpp"

namespace understudy::config {

namespace {

using core::VipSettings;
using core::VirtualAddress;

// Addresses of 16 bytes that fit one packet of 1500 bytes: 40 for IPv6, 8 for VRRP.
constexpr std::size_t most_ipv6_advertised = (1500 - 40 - vrrp::header_size) / 16;

class Complaints {
   public:
    Complaints(const Section& section, Diagnostics& diagnostics)
        : section_(section), diagnostics_(diagnostics) {}

    void error(const std::string& key, std::string text) const {
        diagnostics_.push_back({place_of(section_, key), std::move(text), Severity::error});
    }
    void warn(const std::string& key, std::string text) const {
        diagnostics_.push_back({place_of(section_, key), std::move(text), Severity::warning});
    }
    void error_at(std::size_t assignment, std::string text) const {
        diagnostics_.push_back(
            {section_.assignments[assignment].place, std::move(text), Severity::error});
    }
    void warn_at(std::size_t assignment, std::string text) const {
        diagnostics_.push_back(
            {section_.assignments[assignment].place, std::move(text), Severity::warning});
    }

   private:
    const Section& section_;
    Diagnostics& diagnostics_;
};

void check_required(const VipDraft& draft, const Complaints& complain) {
    const VipSettings& vip = draft.settings;
    if (vip.interface.empty()) {
        complain.error("", "[vip " + vip.name + "] has no interface");
    }
    if (vip.vrid == 0) {
        complain.error("", "[vip " + vip.name + "] has no vrid");
    }
    const bool advertised = std::ranges::any_of(
        draft.addresses, [](const VipDraft::Written& written) { return written.advertised; });
    if (!advertised) {
        complain.error("", "[vip " + vip.name + "] has no address");
    }
}

void check_interval(const VipSettings& vip, const Complaints& complain) {
    const bool v2 = vip.version == vrrp::Version::v2;
    const Duration step = v2 ? Duration{std::chrono::seconds{1}} : vrrp::interval_step;
    const Duration longest = v2 ? vrrp::longest_interval_v2 : vrrp::longest_interval_v3;
    const Duration interval = vip.advert_interval;
    if (interval < step || interval > longest || interval % step != Duration::zero()) {
        complain.error("advert_interval",
                       "advert_interval " + format_duration(interval) + " is not possible: version " +
                           (v2 ? "2 has whole seconds from 1s to 255s" : "3 has 10ms to 40950ms in steps of 10ms"));
    }
}

void check_priority(const VipSettings& vip, const Complaints& complain) {
    if (vrrp::in_low_band(vip.priority)) {
        complain.warn("priority", "priority " + std::to_string(vip.priority) +
                                      " is in the low band: 1 to 16 tell the others to take the addresses over");
    }
    if (vip.priority == vrrp::owner_priority && !vip.preempt) {
        complain.warn("preempt", "preempt = no does nothing with priority 255: the owner always goes first");
    }
    if (!vip.preempt && vip.preempt_delay > Duration::zero()) {
        complain.warn("preempt_delay", "preempt_delay does nothing with preempt = no");
    }
}

void check_lease(const VipSettings& vip, const Complaints& complain) {
    if (vip.lease == Duration::zero()) {
        return;
    }
    const Duration down = vrrp::active_down_interval(vip.version, vip.priority, vip.advert_interval);
    if (vip.lease < down) {
        complain.error("lease", "lease " + format_duration(vip.lease) +
                                    " ends before a standby takes over (" +
                                    std::to_string(down.count() / 1000) +
                                    " ms after the last advertisement): nobody would hold the addresses");
    }
}

void check_addresses(const VipDraft& draft, const VipSettings& vip, const Complaints& complain) {
    std::set<std::pair<IpAddress, std::string>> seen;
    std::map<Family, std::size_t> advertised;
    for (const VipDraft::Written& written : draft.addresses) {
        const IpAddress& address = written.prefix.address;
        const std::string interface = written.interface.empty() ? vip.interface : written.interface;
        if (!seen.insert({address, interface}).second) {
            complain.error_at(written.assignment, address.to_string() + " is written twice");
        }
        if (address.is_v6() && vip.version == vrrp::Version::v2 && written.advertised) {
            complain.error_at(written.assignment, "IPv6 needs version 3");
        }
        if (written.advertised) {
            ++advertised[address.family()];
        }
        const bool has_host_bits = written.prefix.length < (address.is_v4() ? 31 : 127);
        bool network = has_host_bits;
        const auto bytes = address.bytes();
        for (std::size_t bit = written.prefix.length; bit < bytes.size() * 8 && network; ++bit) {
            network = (std::to_integer<unsigned>(bytes[bit / 8]) & (0x80U >> (bit % 8))) == 0;
        }
        if (network) {
            complain.warn_at(written.assignment,
                             written.prefix.to_string() + " is the address of a network, not of a host");
        }
    }
    if (advertised[Family::ipv4] > vrrp::most_addresses) {
        complain.error("address", "an advertisement holds 255 addresses; make the others extra_address");
    }
    const std::size_t derived = std::ranges::any_of(vip.addresses, &VirtualAddress::derived) ? 1 : 0;
    if (advertised[Family::ipv6] + derived > most_ipv6_advertised) {
        complain.error("address", "an IPv6 advertisement of 1500 bytes holds " +
                                      std::to_string(most_ipv6_advertised) +
                                      " addresses, with the link-local one; make the others extra_address");
    }
}

void check_unicast(const VipSettings& vip, const Complaints& complain) {
    std::set<IpAddress> peers;
    for (const IpAddress& peer : vip.unicast_peers) {
        if (!peers.insert(peer).second) {
            complain.error("unicast_peer", "unicast_peer " + peer.to_string() + " is written twice");
        }
    }
    std::set<Family> source_families;
    for (const IpAddress& source : vip.unicast_sources) {
        if (!source_families.insert(source.family()).second) {
            complain.error("unicast_source", "there is more than one unicast_source of this family");
        }
        if (peers.contains(source)) {
            complain.error("unicast_source", "unicast_source " + source.to_string() + " is also a unicast_peer");
        }
        for (const VirtualAddress& address : vip.addresses) {
            if (address.prefix.address == source && vip.priority != vrrp::owner_priority) {
                complain.error("unicast_source", "unicast_source " + source.to_string() +
                                                     " is one of the VIP's addresses, which move");
            }
        }
    }
    if (!vip.is_unicast()) {
        if (!vip.unicast_sources.empty()) {
            complain.error("unicast_source", "unicast_source without any unicast_peer");
        }
        if (vip.unicast_min_ttl != vrrp::required_ttl) {
            complain.error("unicast_min_ttl", "unicast_min_ttl without any unicast_peer: multicast is always 255");
        }
        return;
    }
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        const bool has_peer = std::ranges::any_of(
            vip.unicast_peers, [&](const IpAddress& peer) { return peer.family() == family; });
        const std::string name = family == Family::ipv4 ? "IPv4" : "IPv6";
        if (vip.has_family(family) && !has_peer) {
            complain.error("unicast_peer", "the VIP has " + name + " addresses, but no unicast_peer of that family");
        }
        if (!vip.has_family(family) && has_peer) {
            complain.error("unicast_peer", "there is an " + name + " unicast_peer, but no address of that family");
        }
    }
}

}  // namespace

Place place_of(const Section& section, const std::string& key) {
    Place place = section.place;
    for (const Assignment& assignment : section.assignments) {
        if (assignment.key == key) {
            place = assignment.place;
        }
    }
    return place;
}

core::VipSettings complete(const VipDraft& draft) {
    VipSettings vip = draft.settings;
    const auto add = [&](auto wants) {
        for (const VipDraft::Written& written : draft.addresses) {
            if (wants(written)) {
                vip.addresses.push_back(
                    {written.prefix, written.interface.empty() ? vip.interface : written.interface,
                     written.advertised, false});
            }
        }
    };
    const auto is_v6 = [](const VipDraft::Written& w) { return w.advertised && w.prefix.address.is_v6(); };
    const auto is_local = [&](const VipDraft::Written& w) { return is_v6(w) && w.prefix.address.is_link_local(); };
    add([](const VipDraft::Written& w) { return w.advertised && w.prefix.address.is_v4(); });
    // RFC 9568 5.2.9: the first IPv6 address is link-local, and the same on all routers.
    if (std::ranges::any_of(draft.addresses, is_v6) && std::ranges::none_of(draft.addresses, is_local)) {
        vip.addresses.push_back({IpPrefix{vrrp::derived_link_local(vip.vrid), 64}, vip.interface, true, true});
    }
    add(is_local);
    add([&](const VipDraft::Written& w) { return is_v6(w) && !w.prefix.address.is_link_local(); });
    add([](const VipDraft::Written& w) { return !w.advertised; });
    vip.lease = draft.lease.value_or(core::default_lease(vip.advert_interval));
    return vip;
}

void validate_vip(const VipDraft& draft, const core::VipSettings& settings, const Section& section,
                  Diagnostics& diagnostics) {
    const Complaints complain(section, diagnostics);
    check_required(draft, complain);
    check_interval(settings, complain);
    check_priority(settings, complain);
    check_lease(settings, complain);
    check_addresses(draft, settings, complain);
    check_unicast(settings, complain);
    if (settings.virtual_mac) {
        complain.error("mac", "mac = virtual is not supported by this version yet");
    }
}

void validate_node(const std::vector<core::VipSettings>& vips,
                   const std::vector<const Section*>& sections, Diagnostics& diagnostics) {
    std::map<std::tuple<std::string, Family, vrrp::Vrid>, std::string> routers;
    std::map<std::pair<std::string, IpAddress>, std::string> addresses;
    for (std::size_t i = 0; i < vips.size(); ++i) {
        const VipSettings& vip = vips[i];
        const Complaints complain(*sections[i], diagnostics);
        for (const Family family : {Family::ipv4, Family::ipv6}) {
            if (!vip.has_family(family) || vip.vrid == 0) {
                continue;
            }
            const auto [other, fresh] =
                routers.try_emplace({vip.interface, family, vip.vrid}, vip.name);
            if (!fresh) {
                complain.error("vrid", "vrid " + std::to_string(vip.vrid) + " on " + vip.interface +
                                           " is [vip " + other->second + "] already");
            }
        }
        for (const VirtualAddress& address : vip.addresses) {
            const auto [other, fresh] =
                addresses.try_emplace({address.interface, address.prefix.address}, vip.name);
            if (!fresh && other->second != vip.name) {
                complain.error(address.advertised ? "address" : "extra_address",
                               address.prefix.address.to_string() + " is in [vip " + other->second +
                                   "] already");
            }
        }
    }
}

}  // namespace understudy::config
