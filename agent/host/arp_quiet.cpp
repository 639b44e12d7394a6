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

// Longer than the overlap of a planned move; short enough not to matter if the announcement was a mistake.
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

std::string elements(const core::Configuration& configuration, Family family, bool refused_only) {
    std::set<std::string> texts;
    for (const core::VipSettings& vip : configuration.vips) {
        if (refused_only && (vip.accept || vip.priority == vrrp::owner_priority)) {
            continue;
        }
        for (const core::VirtualAddress& address : vip.addresses) {
            if (address.prefix.address.family() == family) {
                texts.insert(address.prefix.address.to_string());
            }
        }
    }
    std::string list;
    for (const std::string& text : texts) {
        list += (list.empty() ? "" : ", ") + text;
    }
    return list;
}

std::string set_of(const std::string& name, const char* type, const std::string& members) {
    return " set " + name + " { type " + type + ";" +
           (members.empty() ? "" : " elements = { " + members + " };") + " }\n";
}

std::string quiet_set(const char* type) {
    return std::string{" set quiet { type "} + type + "; size 65535; flags dynamic,timeout; timeout " +
           silence + "; }\n";
}

// IPv4: our own announcements leave through a packet socket, so neither chain sees them.
std::string arp_rules(const std::string& members) {
    return "table arp understudy {\n" + set_of("vips", "ipv4_addr", members) +
           quiet_set("ipv4_addr") +
           " chain in { type filter hook input priority 0;\n"
           "  arp saddr ip @vips update @quiet { arp saddr ip timeout " + silence + " }\n }\n"
           " chain out { type filter hook output priority 0;\n"
           "  arp operation reply arp saddr ip @quiet drop\n }\n}\n";
}

// IPv6: the target of a Neighbour Advertisement stands 8 bytes into the ICMPv6 message; an unsolicited one
// comes from outside, a solicited one of ours leaves through the output hook.
std::string neighbour_rules(const std::string& members) {
    return "table ip6 understudy {\n" + set_of("vips", "ipv6_addr", members) +
           quiet_set("ipv6_addr") +
           " chain in { type filter hook input priority 0;\n"
           "  icmpv6 type nd-neighbor-advert ip6 saddr @vips update @quiet { ip6 saddr timeout " +
           silence + " }\n }\n"
           " chain out { type filter hook output priority 0;\n"
           "  icmpv6 type nd-neighbor-advert ip6 saddr @quiet drop\n }\n}\n";
}

// accept = no: what is addressed to a VIP is dropped, but never the neighbour discovery for it
// (RFC 9568 6.1, Accept_Mode).
std::string accept_rules(const std::string& v4, const std::string& v6) {
    std::string rules = "table inet understudy {\n";
    rules += set_of("refused4", "ipv4_addr", v4) + set_of("refused6", "ipv6_addr", v6);
    rules += " chain in { type filter hook input priority 0;\n"
             "  ip daddr @refused4 drop\n"
             "  ip6 daddr @refused6 icmpv6 type != { nd-neighbor-solicit, nd-neighbor-advert } drop\n"
             "  ip6 daddr @refused6 meta l4proto != ipv6-icmp drop\n }\n}\n";
    return rules;
}

}  // namespace

std::string install_arp_quiet(const core::Configuration& configuration) {
    remove_arp_quiet();
    const std::string v4 = elements(configuration, Family::ipv4, false);
    const std::string v6 = elements(configuration, Family::ipv6, false);
    const std::string refused4 = elements(configuration, Family::ipv4, true);
    const std::string refused6 = elements(configuration, Family::ipv6, true);
    std::string error;
    if (!v4.empty()) {
        error = run(arp_rules(v4));
    }
    if (error.empty() && !v6.empty()) {
        error = run(neighbour_rules(v6));
    }
    if (error.empty() && !(refused4.empty() && refused6.empty())) {
        error = run(accept_rules(refused4, refused6));
    }
    return error;
}

void remove_arp_quiet() {
    // "add" first, so that "delete" finds something: nftables of Debian 12 knows no "destroy".
    for (const char* family : {"arp", "ip6", "inet"}) {
        const std::string table = std::string{" table "} + family + " understudy\n";
        run("add" + table + "delete" + table);
    }
}

}  // namespace understudy::host
