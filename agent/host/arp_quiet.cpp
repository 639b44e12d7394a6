#include "agent/host/arp_quiet.hpp"

#include <nftables/libnftables.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

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

std::string run(const std::string& commands) {
    const std::scoped_lock lock(at_work);
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

std::string joined(const std::set<std::string>& elements) {
    std::string list;
    for (const std::string& element : elements) {
        list += (list.empty() ? "" : ", ") + element;
    }
    return list;
}

// "eth0" . 192.0.2.10
std::set<std::string> placed_addresses(const core::Configuration& configuration, Family family) {
    std::set<std::string> elements;
    for (const core::VipSettings& vip : configuration.vips) {
        for (const core::VirtualAddress& address : vip.addresses) {
            if (address.prefix.address.family() == family) {
                elements.insert('"' + address.interface + "\" . " +
                                address.prefix.address.to_string());
            }
        }
    }
    return elements;
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
// (RFC 9568 6.1, Accept_Mode). ICMPv6 is 58: its name is in /etc/protocols, which not every host
// has.
std::string accept_rules(const std::string& v4, const std::string& v6) {
    std::string rules = "table inet understudy {\n";
    rules += set_of("closed4", "ipv4_addr", v4) + set_of("closed6", "ipv6_addr", v6);
    rules +=
        " chain in { type filter hook input priority 0;\n"
        "  ip daddr @closed4 drop\n"
        "  ip6 daddr @closed6 icmpv6 type != { nd-neighbor-solicit, nd-neighbor-advert } drop\n"
        "  ip6 daddr @closed6 meta l4proto != 58 drop\n }\n}\n";
    return rules;
}

const char* const no_arp = "two nodes may answer ARP for a moment of a planned move";
const char* const no_neighbour =
    "two nodes may answer Neighbour Solicitations for a moment of a planned move";
const char* const no_accept = "accept = no has no effect";

// The members of the sets that are in one table.
using Members = std::vector<std::set<std::string>>;

bool is_empty(const Members& members) {
    return std::ranges::all_of(members, &std::set<std::string>::empty);
}

struct Table {
    std::string title;              // "arp understudy"
    std::vector<std::string> sets;  // that follow the configuration
    std::string rules;              // the whole of it, with `members`
    std::string consequence;        // of its absence
    Members members;
};

std::vector<Table> tables_of(const core::Configuration& configuration) {
    const auto v4 = placed_addresses(configuration, Family::ipv4);
    const auto v6 = placed_addresses(configuration, Family::ipv6);
    const auto closed4 = closed_addresses(configuration, Family::ipv4);
    const auto closed6 = closed_addresses(configuration, Family::ipv6);
    return {{"arp understudy", {"vips"}, arp_rules(joined(v4)), no_arp, {v4}},
            {"ip6 understudy", {"vips"}, neighbour_rules(joined(v6)), no_neighbour, {v6}},
            {"inet understudy",
             {"closed4", "closed6"},
             accept_rules(joined(closed4), joined(closed6)),
             no_accept,
             {closed4, closed6}}};
}

std::string removal_of(const std::string& title) {
    // "add" first, so that "delete" finds something: nftables of Debian 12 knows no "destroy".
    return " add table " + title + "\n delete table " + title + '\n';
}

// The elements of `members` that `others` has not, as commands of at most so many each.
std::vector<std::string> element_commands(const std::string& verb, const Table& table,
                                          const Members& members, const Members& others) {
    constexpr std::size_t portion = 128;
    std::vector<std::string> commands;
    for (std::size_t i = 0; i < table.sets.size(); ++i) {
        std::vector<std::string> rest;
        std::ranges::set_difference(members[i], others[i], std::back_inserter(rest));
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

std::string update(const Table& from, const Table& to) {
    if (from.members == to.members) {
        return {};
    }
    if (is_empty(to.members)) {
        return run(removal_of(to.title));
    }
    if (is_empty(from.members)) {
        return run(to.rules);
    }
    std::vector<std::string> commands = element_commands("add", to, to.members, from.members);
    std::ranges::move(element_commands("delete", to, from.members, to.members),
                      std::back_inserter(commands));
    for (const std::string& command : commands) {
        if (!run(command).empty()) {
            return run(removal_of(to.title) + to.rules);  // somebody has flushed the rule set
        }
    }
    return {};
}

void note(std::string& trouble, const Table& table, const std::string& error) {
    if (!error.empty()) {
        trouble += (trouble.empty() ? "" : "; ") + table.consequence + " (nftables: " + error + ')';
    }
}

}  // namespace

std::string install_arp_quiet(const core::Configuration& configuration) {
    remove_arp_quiet();
    std::string trouble;
    // Each stands for itself: a kernel that lacks one of the families may have the others.
    for (const Table& table : tables_of(configuration)) {
        if (!is_empty(table.members)) {
            note(trouble, table, run(table.rules));
        }
    }
    return trouble;
}

std::string update_arp_quiet(const core::Configuration& from, const core::Configuration& to) {
    const std::vector<Table> before = tables_of(from);
    const std::vector<Table> after = tables_of(to);
    std::string trouble;
    for (std::size_t i = 0; i < after.size(); ++i) {
        note(trouble, after[i], update(before[i], after[i]));
    }
    return trouble;
}

void remove_arp_quiet() {
    for (const char* title : {"arp understudy", "ip6 understudy", "inet understudy"}) {
        run(removal_of(title));
    }
}

}  // namespace understudy::host
