#include "agent/host/arp_quiet.hpp"

#include <nftables/libnftables.h>

#include <cstdlib>
#include <memory>
#include <set>

namespace understudy::host {

namespace {

struct FreeContext {
    void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

// Longer than the overlap of a planned move; short enough not to matter if the announcement was a
// mistake.
constexpr const char* silence = "500ms";

std::string run(const std::string& commands) {
    const std::unique_ptr<nft_ctx, FreeContext> context{nft_ctx_new(NFT_CTX_DEFAULT)};
    if (!context || nft_ctx_buffer_output(context.get()) != 0 ||
        nft_ctx_buffer_error(context.get()) != 0) {
        return "libnftables does not start";
    }
    if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) == 0) {
        return {};
    }
    const char* error = nft_ctx_get_error_buffer(context.get());
    std::string text = error != nullptr ? error : "";
    return text.empty() ? "nftables refuses the rules" : text.substr(0, text.find('\n'));
}

std::string joined(const std::set<std::string>& elements) {
    std::string list;
    for (const std::string& element : elements) {
        list += (list.empty() ? "" : ", ") + element;
    }
    return list;
}

// "eth0" . 192.0.2.10
std::string placed_addresses(const core::Configuration& configuration, Family family) {
    std::set<std::string> elements;
    for (const core::VipSettings& vip : configuration.vips) {
        for (const core::VirtualAddress& address : vip.addresses) {
            if (address.prefix.address.family() == family) {
                elements.insert('"' + address.interface + "\" . " +
                                address.prefix.address.to_string());
            }
        }
    }
    return joined(elements);
}

// The addresses of VIPs with accept = no; an owner of its address always accepts (RFC 9568 6.4.3).
std::string closed_addresses(const core::Configuration& configuration, Family family) {
    std::set<std::string> elements;
    for (const core::VipSettings& vip : configuration.vips) {
        if (vip.accept || vip.priority == vrrp::owner_priority) {
            continue;
        }
        for (const core::VirtualAddress& address : vip.addresses) {
            if (address.prefix.address.family() == family) {
                elements.insert(address.prefix.address.to_string());
            }
        }
    }
    return joined(elements);
}

std::string set_of(const std::string& name, const std::string& type, const std::string& members) {
    return " set " + name + " { type " + type + ";" +
           (members.empty() ? "" : " elements = { " + members + " };") + " }\n";
}

std::string quiet_set(const std::string& type) {
    return " set quiet { type " + type + "; size 65535; flags dynamic,timeout; timeout " + silence +
           "; }\n";
}

// Both tables look at the interface as well. A second one in the same network hears our own
// announcements, and another network may use the same addresses.
//
// IPv4: our own announcements leave through a packet socket, so neither chain sees them.
std::string arp_rules(const std::string& members) {
    return "table arp understudy {\n" + set_of("vips", "ifname . ipv4_addr", members) +
           quiet_set("ifname . ipv4_addr") +
           " chain in { type filter hook input priority 0;\n"
           "  iifname . arp saddr ip @vips update @quiet { iifname . arp saddr ip timeout " +
           silence +
           " }\n }\n"
           " chain out { type filter hook output priority 0;\n"
           "  arp operation reply oifname . arp saddr ip @quiet drop\n }\n}\n";
}

// IPv6: whoever advertises an address that it holds sends from that address, the kernel and
// keepalived as well as we. (The target inside the message would say it better, but nftables of
// Debian 12 cannot look that up in a set.)
std::string neighbour_rules(const std::string& members) {
    return "table ip6 understudy {\n" + set_of("vips", "ifname . ipv6_addr", members) +
           quiet_set("ifname . ipv6_addr") +
           " chain in { type filter hook input priority 0;\n"
           "  icmpv6 type nd-neighbor-advert iifname . ip6 saddr @vips"
           " update @quiet { iifname . ip6 saddr timeout " +
           silence +
           " }\n }\n"
           " chain out { type filter hook output priority 0;\n"
           "  icmpv6 type nd-neighbor-advert oifname . ip6 saddr @quiet drop\n }\n}\n";
}

// accept = no: what is addressed to a VIP is dropped, but never the neighbour discovery for it
// (RFC 9568 6.1, Accept_Mode).
std::string accept_rules(const std::string& v4, const std::string& v6) {
    std::string rules = "table inet understudy {\n";
    rules += set_of("closed4", "ipv4_addr", v4) + set_of("closed6", "ipv6_addr", v6);
    rules +=
        " chain in { type filter hook input priority 0;\n"
        "  ip daddr @closed4 drop\n"
        "  ip6 daddr @closed6 icmpv6 type != { nd-neighbor-solicit, nd-neighbor-advert } drop\n"
        "  ip6 daddr @closed6 meta l4proto != ipv6-icmp drop\n }\n}\n";
    return rules;
}

}  // namespace

void end_arp_quiet() {
    // A family without a VIP has no table: each on its own.
    run("flush set arp understudy quiet\n");
    run("flush set ip6 understudy quiet\n");
}

std::string install_arp_quiet(const core::Configuration& configuration) {
    remove_arp_quiet();
    std::string trouble;
    // Each stands for itself: a kernel that lacks one of the families may have the others.
    const auto install = [&](const std::string& rules, const std::string& consequence) {
        if (const std::string error = run(rules); !error.empty()) {
            trouble += (trouble.empty() ? "" : "; ") + consequence + " (nftables: " + error + ')';
        }
    };
    if (const auto v4 = placed_addresses(configuration, Family::ipv4); !v4.empty()) {
        install(arp_rules(v4), "two nodes may answer ARP for a moment of a planned move");
    }
    if (const auto v6 = placed_addresses(configuration, Family::ipv6); !v6.empty()) {
        install(neighbour_rules(v6),
                "two nodes may answer Neighbour Solicitations for a moment of a planned move");
    }
    const std::string closed4 = closed_addresses(configuration, Family::ipv4);
    const std::string closed6 = closed_addresses(configuration, Family::ipv6);
    if (!closed4.empty() || !closed6.empty()) {
        install(accept_rules(closed4, closed6), "accept = no has no effect");
    }
    return trouble;
}

void remove_arp_quiet() {
    // "add" first, so that "delete" finds something: nftables of Debian 12 knows no "destroy".
    for (const char* family : {"arp", "ip6", "inet"}) {
        const std::string table = std::string{" table "} + family + " understudy\n";
        run("add" + table + "delete" + table);
    }
}

}  // namespace understudy::host
