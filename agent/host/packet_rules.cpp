#include "agent/host/packet_rules.hpp"

#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <mutex>

#include "agent/host/file_descriptor.hpp"
#include "base/system_error.hpp"

namespace understudy::host {

namespace {

struct FreeContext {
    void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

// Longer than the overlap of a planned move; short enough not to matter if the announcement was a
// mistake.
constexpr const char* silence = "500ms";

// The library keeps state of its own: one thread at a time.
std::mutex at_work;

std::string joined(const std::set<std::string>& elements) {
    std::string list;
    for (const std::string& element : elements) {
        list += (list.empty() ? "" : ", ") + element;
    }
    return list;
}

bool has_address(const core::Configuration& configuration, Family family) {
    return std::ranges::any_of(configuration.vips, [&](const core::VipSettings& vip) {
        return std::ranges::any_of(vip.addresses, [&](const core::VirtualAddress& address) {
            return address.prefix.address.family() == family;
        });
    });
}

// The addresses of VIPs with accept = no; an owner of its address always accepts (RFC 9568 6.4.3).
std::set<std::string> closed_addresses(const core::Configuration& configuration, Family family) {
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
    return elements;
}

std::string set_of(const std::string& name, const std::string& type,
                   const std::string& members = "") {
    return " set " + name + " { type " + type + ";" +
           (members.empty() ? "" : " elements = { " + members + " };") + " }\n";
}

// `armed` and `own` are filled by the RuleKeeper, the other two by the rules: who is silenced, and
// who has announced what. The interface is a part of each: a second one in the same network hears
// our own announcements, and another network may use the same addresses. What carries a MAC of our
// own has come back from the network, and is nobody's claim.
std::string silence_sets(const std::string& address) {
    return set_of("armed", "ifname . " + address) + set_of("own", "ifname . ether_addr") +
           " set quiet { type ifname . " + address +
           "; size 65535; flags dynamic,timeout; timeout " + silence +
           "; }\n"
           " set rivals { type ifname . " +
           address + " . ether_addr; size 4096; flags dynamic,timeout; timeout 10s; }\n";
}

// IPv4: our own announcements leave through a packet socket, so neither chain sees them.
std::string arp_rules() {
    return "table arp understudy {\n" + silence_sets("ipv4_addr") +
           " chain rival {\n"
           "  update @quiet { iifname . arp saddr ip timeout " +
           silence +
           " }\n"
           "  update @rivals { iifname . arp saddr ip . arp saddr ether timeout 10s }\n }\n"
           " chain in { type filter hook input priority 0;\n"
           "  iifname . arp saddr ip @armed iifname . arp saddr ether != @own jump rival\n }\n"
           " chain out { type filter hook output priority 0;\n"
           "  arp operation reply oifname . arp saddr ip @quiet drop\n }\n}\n";
}

// IPv6: whoever advertises an address that it holds sends from that address, the kernel and
// keepalived as well as we. (The target inside the message would say it better, but nftables of
// Debian 12 cannot look that up in a set.) RFC 4861 7.1.2: with a hop limit below 255 it comes from
// behind a router.
std::string neighbour_rules() {
    return "table ip6 understudy {\n" + silence_sets("ipv6_addr") +
           " chain rival {\n"
           "  update @quiet { iifname . ip6 saddr timeout " +
           silence +
           " }\n"
           "  update @rivals { iifname . ip6 saddr . ether saddr timeout 10s }\n }\n"
           " chain in { type filter hook input priority 0;\n"
           "  icmpv6 type nd-neighbor-advert ip6 hoplimit 255 iifname . ip6 saddr @armed"
           " iifname . ether saddr != @own jump rival\n }\n"
           " chain out { type filter hook output priority 0;\n"
           "  icmpv6 type nd-neighbor-advert oifname . ip6 saddr @quiet drop\n }\n}\n";
}

// accept = no: what is addressed to a VIP is dropped, but never the neighbour discovery for it
// (RFC 9568 6.1, Accept_Mode). ICMPv6 is 58: its name is in /etc/protocols, which not every host
// has.
std::string accept_rules(const std::string& v4, const std::string& v6) {
    return "table inet understudy {\n" + set_of("closed4", "ipv4_addr", v4) +
           set_of("closed6", "ipv6_addr", v6) +
           " chain in { type filter hook input priority 0;\n"
           "  ip daddr @closed4 drop\n"
           "  ip6 daddr @closed6 icmpv6 type != { nd-neighbor-solicit, nd-neighbor-advert } drop\n"
           "  ip6 daddr @closed6 meta l4proto != 58 drop\n }\n}\n";
}

// The elements of `members` that `others` has not, as commands of at most `portion` each.
std::vector<std::string> element_commands(const std::string& verb, const RuleTable& table,
                                          const RuleTable& other) {
    constexpr std::size_t portion = 128;
    std::vector<std::string> commands;
    for (std::size_t i = 0; i < table.sets.size(); ++i) {
        std::vector<std::string> rest;
        std::ranges::set_difference(table.members[i], other.members[i], std::back_inserter(rest));
        for (std::size_t first = 0; first < rest.size(); first += portion) {
            const auto last = std::min(first + portion, rest.size());
            const std::set<std::string> part(rest.begin() + static_cast<std::ptrdiff_t>(first),
                                             rest.begin() + static_cast<std::ptrdiff_t>(last));
            commands.push_back(verb + " element " + table.title + ' ' + table.sets[i] + " { " +
                               joined(part) + " }\n");
        }
    }
    return commands;
}

std::string update(const RuleTable& from, const RuleTable& to) {
    if (from.rules == to.rules) {
        return {};
    }
    if (to.rules.empty() || from.rules.empty()) {
        return run_nft(removal_of(to) + to.rules);
    }
    std::vector<std::string> commands = element_commands("add", to, from);
    std::ranges::move(element_commands("delete", from, to), std::back_inserter(commands));
    for (const std::string& command : commands) {
        if (!run_nft(command).empty()) {
            return run_nft(removal_of(to) + to.rules);  // somebody has flushed the rule set
        }
    }
    return {};
}

void note(std::string& trouble, const RuleTable& table, const std::string& error) {
    if (!error.empty()) {
        trouble += (trouble.empty() ? "" : "; ") + table.consequence + " (nftables: " + error + ')';
    }
}

}  // namespace

std::string trouble_of_nft() {
    const FileDescriptor socket{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)};
    return socket.is_open() ? "" : system_error_text("cannot open a netlink socket");
}

std::string run_nft(const std::string& commands) {
    const std::scoped_lock lock(at_work);
    if (std::string trouble = trouble_of_nft(); !trouble.empty()) {
        return trouble;
    }
    const std::unique_ptr<nft_ctx, FreeContext> context{nft_ctx_new(NFT_CTX_DEFAULT)};
    if (!context || nft_ctx_buffer_output(context.get()) != 0 ||
        nft_ctx_buffer_error(context.get()) != 0) {
        return system_error_text("cannot start libnftables");
    }
    if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) == 0) {
        return {};
    }
    const char* error = nft_ctx_get_error_buffer(context.get());
    std::string text = error != nullptr ? error : "";
    return text.empty() ? "nftables refuses the rules" : text.substr(0, text.find('\n'));
}

std::vector<RuleTable> tables_of(const core::Configuration& configuration) {
    const bool v4 = has_address(configuration, Family::ipv4);
    const bool v6 = has_address(configuration, Family::ipv6);
    const auto closed4 = closed_addresses(configuration, Family::ipv4);
    const auto closed6 = closed_addresses(configuration, Family::ipv6);
    const bool closes = !closed4.empty() || !closed6.empty();
    return {{NFPROTO_ARP,
             "arp understudy",
             v4 ? arp_rules() : "",
             "two nodes may answer ARP for a moment of a planned move",
             {},
             {}},
            {NFPROTO_IPV6,
             "ip6 understudy",
             v6 ? neighbour_rules() : "",
             "two nodes may answer Neighbour Solicitations for a moment of a planned move",
             {},
             {}},
            {NFPROTO_INET,
             "inet understudy",
             closes ? accept_rules(joined(closed4), joined(closed6)) : "",
             "accept = no has no effect",
             {"closed4", "closed6"},
             {closed4, closed6}}};
}

std::string removal_of(const RuleTable& table) {
    // "add" first, so that "delete" finds something: nftables of Debian 12 knows no "destroy".
    return " add table " + table.title + "\n delete table " + table.title + '\n';
}

std::string install_packet_rules(const std::vector<RuleTable>& tables) {
    std::string trouble;
    // Each stands for itself: a kernel that lacks one of the families may have the others.
    for (const RuleTable& table : tables) {
        const std::string error = run_nft(removal_of(table) + table.rules);
        note(trouble, table, table.rules.empty() ? "" : error);
    }
    return trouble;
}

std::string update_packet_rules(const std::vector<RuleTable>& from,
                                const std::vector<RuleTable>& to) {
    std::string trouble;
    for (std::size_t i = 0; i < to.size(); ++i) {
        note(trouble, to[i], update(from[i], to[i]));
    }
    return trouble;
}

void remove_packet_rules() {
    for (const RuleTable& table : tables_of({})) {
        run_nft(removal_of(table));
    }
}

}  // namespace understudy::host
