#include "agent/config/validate.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "agent/config/addresses.hpp"
#include "agent/config/complaints.hpp"
#include "agent/config/multicast_peers.hpp"
#include "agent/config/unicast.hpp"
#include "agent/config/unsupported.hpp"
#include "vrrp/timers.hpp"

namespace understudy::config {

namespace {

using core::VipSettings;
using core::VirtualAddress;

// Addresses of 16 bytes that fit one packet of 1500 bytes: 40 for IPv6, 8 for VRRP.
constexpr std::size_t most_advertised_v6 = (1500 - 40 - vrrp::header_size) / 16;

bool is_advertised(const WrittenAddress& address, Family family) {
    return address.advertised && address.prefix.address.family() == family;
}

void check_required(const VipDraft& vip, const Complaints& complain) {
    for (const char* key : {"interface", "vrid", "address"}) {
        if (!vip.record.has(key)) {
            complain.error("", vip.title() + " has no " + key);
        }
    }
}

// A remark where the interval is one that the version does not have; whether it was fine.
bool check_interval(const VipDraft& vip, const Complaints& complain) {
    if (!vip.record.is_readable("advert_interval") || !vip.record.is_readable("version")) {
        return false;
    }
    const bool is_v2 = vip.settings.version == vrrp::Version::v2;
    const Duration step = is_v2 ? Duration{std::chrono::seconds{1}} : vrrp::interval_step;
    const Duration longest = is_v2 ? vrrp::longest_interval_v2 : vrrp::longest_interval_v3;
    const Duration interval = vip.settings.advert_interval;
    const bool fits =
        interval >= step && interval <= longest && interval % step == Duration::zero();
    if (!fits) {
        complain.error("advert_interval",
                       "advert_interval: " + vip.record.values.at("advert_interval") +
                           " is not from " +
                           (is_v2 ? "1s to 255s in whole seconds, which version 2 has"
                                  : "10ms to 40.95s in steps of 10ms, which version 3 has"));
    }
    return fits;
}

void check_priority(const VipDraft& draft, const Complaints& complain) {
    const VipSettings& vip = draft.settings;
    const bool is_owner = vip.priority == vrrp::owner_priority;
    if (vrrp::in_low_band(vip.priority)) {
        complain.warn("priority", "priority " + std::to_string(vip.priority) +
                                      " is in the low band: an active node that advertises 1 to "
                                      "16 says that others are to take the addresses from it");
    }
    if (is_owner && !vip.preempt) {
        complain.warn("preempt",
                      "preempt = no does nothing with priority 255: the owner always goes first");
    }
    if (!vip.preempt && vip.preempt_delay > Duration::zero()) {
        complain.warn("preempt_delay", "preempt_delay does nothing with preempt = no");
    }
    if (is_owner && vip.preempt_delay > Duration::zero()) {
        complain.warn("preempt_delay", "preempt_delay does nothing with priority 255");
    }
}

void check_checksum(const VipDraft& draft, const Complaints& complain) {
    const VipSettings& vip = draft.settings;
    const bool matters =
        vip.version == vrrp::Version::v3 && (vip.has_family(Family::ipv4) || vip.addresses.empty());
    if (vip.checksum != core::ChecksumPolicy::automatic && !matters) {
        complain.warn("checksum",
                      "checksum does nothing here: only version 3 over IPv4 has a choice");
    }
}

// The kernel removes the addresses of a dead agent when the lease ends. If nobody can have taken
// over by then, they are gone for a while without need; and a late renewal would lose them on a
// node that lives.
void check_lease(const VipDraft& draft, const Complaints& complain) {
    const VipSettings& vip = draft.settings;
    if (!draft.lease || *draft.lease == Duration::zero()) {
        return;
    }
    if (*draft.lease % std::chrono::seconds{1} != Duration::zero()) {
        complain.error("lease", "lease: " + draft.record.values.at("lease") +
                                    " is not in whole seconds, in which the kernel counts");
        return;
    }
    const Duration down =
        vrrp::active_down_interval(vip.version, vip.priority, vip.advert_interval);
    if (*draft.lease < down) {
        const Duration needed = std::chrono::ceil<std::chrono::seconds>(down);
        complain.error("lease", "lease: " + format_duration(*draft.lease) +
                                    " ends before a standby takes over; with this advert_interval "
                                    "it is at least " +
                                    format_duration(needed));
    }
    // Some slack is what the default has too.
    if (*draft.lease > 3 * core::default_lease(vip.advert_interval)) {
        const Duration beside = std::chrono::floor<std::chrono::seconds>(*draft.lease - down);
        complain.warn("lease", "lease: " + format_duration(*draft.lease) +
                                   " is long: the addresses of an agent that died stay beside "
                                   "those of the node that took over for up to " +
                                   format_duration(beside) + "; the default is " +
                                   format_duration(core::default_lease(vip.advert_interval)));
    }
}

void check_address(const WrittenAddress& written, const VipSettings& vip,
                   const Complaints& complain) {
    const IpPrefix& prefix = written.prefix;
    if (written.advertised && prefix.address.is_v6() && vip.version == vrrp::Version::v2) {
        complain.error_at(written.place,
                          "address " + prefix.to_string() + ": IPv6 needs version 3");
    }
    if (is_network_address(prefix)) {
        complain.warn_at(written.place,
                         prefix.to_string() + " is the address of a network, not of a host");
    }
    if (is_broadcast_address(prefix)) {
        complain.warn_at(written.place,
                         prefix.to_string() + " is the broadcast address of its network");
    }
}

// Everything that the node would hold for the VIP, each with its interface. The derived address is
// not written anywhere; it stands for the vrid.
std::vector<WrittenAddress> held_addresses(const VipDraft& vip) {
    std::vector<WrittenAddress> held;
    for (const VirtualAddress& address : vip.settings.addresses) {
        if (address.derived) {
            held.push_back({address.prefix, address.interface, address.advertised,
                            vip.record.place_of("vrid")});
        }
    }
    for (const WrittenAddress& written : vip.addresses) {
        held.push_back(written);
        if (written.interface.empty()) {
            held.back().interface = vip.settings.interface;
        }
    }
    return held;
}

void check_addresses(const VipDraft& vip, const Complaints& complain) {
    for (const WrittenAddress& written : vip.addresses) {
        check_address(written, vip.settings, complain);
    }
    std::map<std::pair<IpAddress, std::string>, Place> seen;
    for (const WrittenAddress& held : held_addresses(vip)) {
        const auto [first, fresh] =
            seen.try_emplace({held.prefix.address, held.interface}, held.place);
        if (!fresh) {
            complain.error_at(held.place, held.prefix.address.to_string() +
                                              " is there twice; first at " +
                                              to_string(first->second));
        }
    }
    if (vip.addresses.size() > core::most_addresses_per_vip) {
        complain.error("", vip.title() + " has more than " +
                               std::to_string(core::most_addresses_per_vip) + " addresses");
    }
}

// The message must hold what is advertised. The remark is at the first address that is too many.
void check_room(const VipDraft& vip, Family family, std::size_t most, const std::string& limit,
                const Complaints& complain) {
    std::size_t count = family == Family::ipv6 && std::ranges::any_of(vip.settings.addresses,
                                                                      &VirtualAddress::derived)
                            ? 1
                            : 0;
    for (const WrittenAddress& written : vip.addresses) {
        if (is_advertised(written, family) && ++count == most + 1) {
            complain.error_at(written.place,
                              limit + "; write this and further ones as extra_address");
        }
    }
}

// The interface names and the order of RFC 9568 5.2.9.
std::vector<VirtualAddress> addresses_in_order(const VipDraft& draft) {
    const VipSettings& vip = draft.settings;
    std::vector<VirtualAddress> addresses;
    const auto add = [&](auto wanted) {
        for (const WrittenAddress& written : draft.addresses) {
            if (wanted(written)) {
                addresses.push_back({written.prefix,
                                     written.interface.empty() ? vip.interface : written.interface,
                                     written.advertised, false});
            }
        }
    };
    const auto is_v6 = [](const WrittenAddress& w) { return is_advertised(w, Family::ipv6); };
    const auto is_local = [&](const WrittenAddress& w) {
        return is_v6(w) && w.prefix.address.is_link_local();
    };
    add([](const WrittenAddress& w) { return is_advertised(w, Family::ipv4); });
    if (std::ranges::any_of(draft.addresses, is_v6) &&
        std::ranges::none_of(draft.addresses, is_local)) {
        addresses.push_back(
            {IpPrefix{vrrp::derived_link_local(vip.vrid), 64}, vip.interface, true, true});
    }
    add(is_local);
    add([&](const WrittenAddress& w) { return is_v6(w) && !is_local(w); });
    add([](const WrittenAddress& w) { return !w.advertised; });
    return addresses;
}

// Two VIPs of one node that would be the same virtual router, which nothing on the wire tells
// apart.
class RouterRegister {
public:
    void add(const VipDraft& vip, const Complaints& complain) {
        if (vip.settings.vrid == 0 || vip.settings.interface.empty()) {
            return;
        }
        for (const Family family : {Family::ipv4, Family::ipv6}) {
            if (!vip.settings.has_family(family)) {
                continue;
            }
            const auto [other, fresh] =
                routers_.try_emplace({vip.settings.interface, family, vip.settings.vrid}, &vip);
            if (!fresh) {
                complain.error("vrid", "vrid " + std::to_string(vip.settings.vrid) + " on " +
                                           vip.settings.interface + " is taken by " +
                                           other->second->title() + ", at " +
                                           to_string(other->second->record.place_of("vrid")));
                return;  // once, also where both families clash
            }
        }
    }

private:
    std::map<std::tuple<std::string, Family, vrrp::Vrid>, const VipDraft*> routers_;
};

void check_between(const std::vector<VipDraft>& vips, Diagnostics& diagnostics) {
    struct Holder {
        const VipDraft* vip;
        Place place;
    };
    std::map<std::pair<std::string, IpAddress>, Holder> holders;
    for (const VipDraft& vip : vips) {
        const Complaints complain(vip, diagnostics);
        for (const WrittenAddress& held : held_addresses(vip)) {
            if (held.interface.empty()) {
                continue;  // which one is not known
            }
            const auto [other, fresh] = holders.try_emplace({held.interface, held.prefix.address},
                                                            Holder{&vip, held.place});
            // Where one virtual router is there twice, that was said, and its derived address
            // follows.
            const bool is_same_router =
                other->second.vip->settings.vrid == vip.settings.vrid &&
                held.prefix.address == vrrp::derived_link_local(vip.settings.vrid);
            if (!fresh && other->second.vip != &vip && !is_same_router) {
                complain.error_at(held.place, held.prefix.address.to_string() + " is in " +
                                                  other->second.vip->title() + " already, at " +
                                                  to_string(other->second.place));
            }
        }
    }
}

// A source that is another VIP's address would come and go with that VIP.
void check_sources_between(const std::vector<VipDraft>& vips, Diagnostics& diagnostics) {
    std::map<IpAddress, const VipDraft*> moving;
    for (const VipDraft& vip : vips) {
        if (vip.settings.priority != vrrp::owner_priority) {
            for (const WrittenAddress& written : vip.addresses) {
                moving.try_emplace(written.prefix.address, &vip);
            }
        }
    }
    for (const VipDraft& vip : vips) {
        const Complaints complain(vip, diagnostics);
        for (const WrittenRouter& source : vip.sources) {
            const auto holder = moving.find(source.address);
            if (holder != moving.end() && holder->second != &vip) {
                complain.error_at(source.place, "unicast_source " + source.address.to_string() +
                                                    " is an address of " + holder->second->title() +
                                                    ", which moves");
            }
        }
    }
}

// What is written for hooks that there are not.
void check_hooks(const VipDraft& vip, const Complaints& complain) {
    const bool any = std::ranges::any_of(core::hook_names,
                                         [&](const char* hook) { return vip.record.has(hook); });
    for (const char* key : {"hook_timeout", "hook_arguments"}) {
        if (!any && vip.record.has(key)) {
            complain.warn(key, std::string{key} +
                                   " does nothing without a hook (on_active, "
                                   "on_backup, on_fault, on_promote, on_release)");
        }
    }
}

}  // namespace

void complete(VipDraft& draft) {
    VipSettings& vip = draft.settings;
    vip.addresses = addresses_in_order(draft);
    const auto address_of = [](const WrittenRouter& router) { return router.address; };
    std::ranges::transform(draft.sources, std::back_inserter(vip.unicast_sources), address_of);
    std::ranges::transform(draft.unicast_peers, std::back_inserter(vip.unicast_peers), address_of);
    std::ranges::transform(draft.peers, std::back_inserter(vip.peers), address_of);
    for (const WrittenTrack& written : draft.tracks) {
        vip.tracks.push_back(written.track);
    }
    vip.lease = draft.lease.value_or(core::default_lease(vip.advert_interval));
}

void validate_vip(const VipDraft& vip, Diagnostics& diagnostics) {
    const Complaints complain(vip, diagnostics);
    check_required(vip, complain);
    if (check_interval(vip, complain) && vip.record.is_readable("priority")) {
        check_lease(vip, complain);
    }
    check_priority(vip, complain);
    check_checksum(vip, complain);
    check_addresses(vip, complain);
    check_room(vip, Family::ipv4, vrrp::most_addresses, "an advertisement holds 255 addresses",
               complain);
    check_room(vip, Family::ipv6, most_advertised_v6,
               "an IPv6 advertisement of 1500 bytes holds " + std::to_string(most_advertised_v6) +
                   " addresses, the link-local one among them",
               complain);
    validate_unicast(vip, complain);
    validate_multicast_peers(vip, complain);
    check_hooks(vip, complain);
    if (unsupported::virtual_mac && vip.settings.virtual_mac) {
        std::string text = "mac = virtual is";
        text += unsupported::text;
        complain.error("mac", text);
    }
}

void validate_node(const std::vector<VipDraft>& vips, Diagnostics& diagnostics) {
    RouterRegister routers;
    for (const VipDraft& vip : vips) {
        routers.add(vip, Complaints(vip, diagnostics));
    }
    check_between(vips, diagnostics);
    check_sources_between(vips, diagnostics);
}

}  // namespace understudy::config
