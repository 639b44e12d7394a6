// The kernel settings of an interface that bite: ip-sysctl.rst of the kernel says what each does.
#include <algorithm>

#include "agent/doctor/judge.hpp"

namespace understudy::doctor {

namespace {

using core::VipSettings;

// One interface, and the addresses that may be held there.
class Settings {
public:
    Settings(const Facts& facts, const InterfaceFacts& interface, Findings& findings)
        : facts_(facts), interface_(interface), findings_(findings) {
        for (const VipSettings& vip : facts.configuration->vips) {
            for (const core::VirtualAddress& address : vip.addresses) {
                if (address.interface == interface.name) {
                    held_.push_back(address.prefix);
                }
            }
        }
    }

    void judge() {
        const std::size_t before = findings_.size();
        judge_arp_ignore();
        judge_arp_filter();
        judge_rp_filter();
        judge_promotion();
        judge_ipv6();
        if (findings_.size() == before) {
            findings_.push_back({Severity::ok,
                                 interface_.name + " settings",
                                 "arp_ignore, arp_filter, rp_filter, disable_ipv6 ...: none in "
                                 "the way",
                                 {},
                                 {}});
        }
    }

private:
    int value(const std::string& key) const {
        const auto found = interface_.settings.find(key);
        return found == interface_.settings.end() ? 0 : found->second;
    }
    bool has(Family family) const {
        return std::ranges::any_of(
            held_, [&](const IpPrefix& prefix) { return prefix.address.family() == family; });
    }
    std::string sysctl(const std::string& family, const std::string& key, int wanted) const {
        return "sysctl -w net." + family + ".conf." + interface_.name + '.' + key + '=' +
               std::to_string(wanted) + " (and net." + family + ".conf.all." + key +
               "), and the same in /etc/sysctl.d";
    }
    void say(Severity severity, const std::string& family, const std::string& key, int wanted,
             std::string why) {
        findings_.push_back({severity, interface_.name + ' ' + key,
                             key + " = " + std::to_string(value(key)), std::move(why),
                             sysctl(family, key, wanted)});
    }

    void judge_arp_ignore() {
        constexpr int same_subnet = 2;
        constexpr int never = 8;
        const int mode = value("arp_ignore");
        if (!has(Family::ipv4)) {
            return;
        }
        const auto is_host = [](const IpPrefix& prefix) {
            return prefix.address.is_v4() && prefix.length == 32;
        };
        if (mode >= never) {
            say(Severity::problem, "ipv4", "arp_ignore", 0,
                "the kernel answers no ARP request: nobody finds the virtual addresses");
        } else if (mode == same_subnet && std::ranges::any_of(held_, is_host)) {
            say(Severity::problem, "ipv4", "arp_ignore", 1,
                "ARP is answered only to senders in the subnet of the address, and a /32 has none");
        } else if (mode > same_subnet) {
            say(Severity::warning, "ipv4", "arp_ignore", 1,
                "the kernel does not answer ARP for every address that it holds");
        }
    }
    void judge_arp_filter() {
        if (value("arp_filter") > 0 && has(Family::ipv4)) {
            say(Severity::hint, "ipv4", "arp_filter", 0,
                "ARP is answered only on the interface that the route back to the asker takes; "
                "with two interfaces in one network that may be the other one");
        }
    }
    void judge_rp_filter() {
        constexpr int strict = 1;
        if (value("rp_filter") != strict || !has(Family::ipv4)) {
            return;
        }
        const bool asymmetric =
            std::ranges::any_of(facts_.configuration->vips, [&](const VipSettings& vip) {
                return vip.interface == interface_.name && has_far_peer(vip);
            });
        say(asymmetric ? Severity::warning : Severity::hint, "ipv4", "rp_filter", 2,
            std::string{"what comes in by another interface than that of the way back is "
                        "dropped"} +
                (asymmetric ? "; a unicast_peer is in no network of this interface" : ""));
    }
    bool has_far_peer(const VipSettings& vip) const {
        return std::ranges::any_of(vip.unicast_peers, [&](const IpAddress& peer) {
            return peer.is_v4() &&
                   std::ranges::none_of(facts_.addresses, [&](const AddressFacts& address) {
                       return address.interface == interface_.name && address.prefix.contains(peer);
                   });
        });
    }
    // The first address in a subnet is its primary one; with it the kernel removes the others. The
    // agent prevents that where it removes an address itself.
    void judge_promotion() {
        if (value("promote_secondaries") > 0) {
            return;
        }
        for (std::size_t i = 0; i < facts_.addresses.size(); ++i) {
            const AddressFacts& first = facts_.addresses[i];
            const auto follows =
                std::ranges::find_if(facts_.addresses.begin() + static_cast<std::ptrdiff_t>(i),
                                     facts_.addresses.end(), [&](const AddressFacts& later) {
                                         return !later.ours && is_secondary_to(later, first);
                                     });
            if (first.ours && first.interface == interface_.name &&
                follows != facts_.addresses.end()) {
                say(Severity::warning, "ipv4", "promote_secondaries", 1,
                    follows->prefix.to_string() + " of this host is secondary to the virtual " +
                        first.prefix.to_string() +
                        ": if the agent dies, the kernel removes both when the lease ends, and "
                        "all routes through the interface");
                return;
            }
        }
        for (const IpPrefix& prefix : held_) {
            const auto shares = [&](const IpPrefix& other) {
                return prefix.address.is_v4() && other.address.is_v4() && prefix != other &&
                       prefix.length == other.length && prefix.contains(other.address);
            };
            const bool has_fixed =
                std::ranges::any_of(facts_.addresses, [&](const AddressFacts& address) {
                    return address.interface == interface_.name && !address.ours &&
                           shares(address.prefix);
                });
            if (!has_fixed && std::ranges::any_of(held_, shares)) {
                say(Severity::warning, "ipv4", "promote_secondaries", 1,
                    "virtual addresses share a subnet in which this node has none of its own: when "
                    "somebody else deletes the first of them, the kernel removes the others, and "
                    "the agent has to put them back");
                return;
            }
        }
    }
    static bool is_secondary_to(const AddressFacts& later, const AddressFacts& first) {
        return later.interface == first.interface && later.prefix.address.is_v4() &&
               first.prefix.address.is_v4() && later.prefix.length == first.prefix.length &&
               first.prefix.contains(later.prefix.address);
    }
    void judge_ipv6() {
        if (!has(Family::ipv6)) {
            return;
        }
        if (value("disable_ipv6") > 0) {
            say(Severity::problem, "ipv6", "disable_ipv6", 0,
                "there is an IPv6 virtual address, and the kernel takes none here");
            return;
        }
        const bool has_local =
            std::ranges::any_of(facts_.addresses, [&](const AddressFacts& address) {
                return address.interface == interface_.name && !address.ours &&
                       address.prefix.address.is_v6() && address.prefix.address.is_link_local();
            });
        if (has_local || !interface_.up) {
            return;
        }
        constexpr int none = 1;
        const bool generated = value("addr_gen_mode") != none;
        findings_.push_back({Severity::problem, interface_.name + " addr_gen_mode",
                             "the interface has no link-local IPv6 address; addr_gen_mode = " +
                                 std::to_string(value("addr_gen_mode")),
                             "IPv6 advertisements are sent from it (RFC 9568 5.1.2.1)",
                             generated
                                 ? "ip link set " + interface_.name + " down, then up"
                                 : "ip link set dev " + interface_.name + " addrgenmode eui64"});
    }

    const Facts& facts_;
    const InterfaceFacts& interface_;
    Findings& findings_;
    std::vector<IpPrefix> held_;
};

}  // namespace

void judge_settings(const Facts& facts, Findings& findings) {
    if (!facts.configuration) {
        return;
    }
    for (const InterfaceFacts& interface : facts.interfaces) {
        if (interface.exists) {
            Settings(facts, interface, findings).judge();
        }
    }
}

}  // namespace understudy::doctor
