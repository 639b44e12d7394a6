// Whether the firewall of this host lets advertisements in and out.
#include <algorithm>
#include <set>

#include "agent/doctor/firewall.hpp"
#include "agent/doctor/judge.hpp"

namespace understudy::doctor {

namespace {

// Tables that a front end writes are changed through it.
std::string remedy_for(const Passage& passage, Family family) {
    if (passage.table.find("firewalld") != std::string::npos) {
        return "firewall-cmd --permanent --add-protocol=vrrp, and firewall-cmd --reload";
    }
    const bool by_iptables = passage.chain == "INPUT" || passage.chain == "OUTPUT";
    if (by_iptables) {
        return std::string{family == Family::ipv4 ? "iptables" : "ip6tables"} + " -I " +
               passage.chain + " -p vrrp -j ACCEPT, and the same where the rules are kept";
    }
    return "nft insert rule " + passage.table + ' ' + passage.chain +
           " meta l4proto 112 accept, and the same in /etc/nftables.conf";
}

std::vector<Packet> packets_of(const core::VipSettings& vip) {
    std::vector<Packet> packets;
    for (const char* hook : {"prerouting", "input", "output", "postrouting"}) {
        const std::string name = hook;
        const bool incoming = name == "prerouting" || name == "input";
        for (const Family family : {Family::ipv4, Family::ipv6}) {
            if (!vip.has_family(family)) {
                continue;
            }
            if (!vip.is_unicast()) {
                packets.push_back({name, vip.interface, {}, vrrp::multicast_group(family)});
                continue;
            }
            const auto own = std::ranges::find(vip.unicast_sources, family, &IpAddress::family);
            for (const IpAddress& peer : vip.unicast_peers) {
                if (peer.family() == family && !incoming) {
                    packets.push_back({name, vip.interface, {}, peer});
                } else if (peer.family() == family && own != vip.unicast_sources.end()) {
                    packets.push_back({name, vip.interface, peer, *own});
                }
            }
        }
    }
    return packets;
}

void say(const Packet& packet, const Passage& passage, Findings& findings) {
    const bool incoming = packet.hook == "input" || packet.hook == "prerouting";
    const bool sure = passage.fate == Fate::dropped;
    findings.push_back(
        {sure ? Severity::problem : Severity::hint, "firewall",
         std::string{sure ? "drops" : "may drop"} + " VRRP (IP protocol 112) that " +
             (incoming ? "comes in on " : "goes out on ") + packet.interface + ": " + passage.by,
         incoming ? "a standby that hears nothing becomes active beside the active node"
                  : "the peers hear nothing and become active beside this node",
         remedy_for(passage, packet.destination.family())});
}

// nft's verdict per hook; each rule is named once.
void judge_nftables(const Facts& facts, Findings& findings) {
    std::set<std::string> said;
    for (const core::VipSettings& vip : facts.configuration->vips) {
        for (const Packet& packet : packets_of(vip)) {
            const auto passage = passage_of(facts.firewall.ruleset, packet);
            if (passage && passage->fate != Fate::passes &&
                said.insert(passage->by + packet.interface).second) {
                say(packet, *passage, findings);
            }
        }
    }
}

// Only the plain case: a policy or a catch-all that drops, and no word of VRRP.
void judge_legacy(const Facts& facts, Findings& findings) {
    const auto& lines = facts.firewall.legacy;
    const auto has = [&](const char* what) {
        return std::ranges::any_of(
            lines, [&](const std::string& line) { return line.find(what) != std::string::npos; });
    };
    const bool drops = has(":INPUT DROP") || has(":OUTPUT DROP") || has("-A INPUT -j DROP") ||
                       has("-A INPUT -j REJECT");
    if (drops && !has("-p vrrp") && !has("-p 112")) {
        findings.push_back({Severity::warning, "firewall",
                            "iptables (legacy) drops what no rule accepts, and none accepts VRRP",
                            "nodes that do not hear each other are both active",
                            "iptables-legacy -I INPUT -p vrrp -j ACCEPT, and the same for OUTPUT"});
    }
}

}  // namespace

void judge_firewall(const Facts& facts, Findings& findings) {
    if (!facts.configuration) {
        return;
    }
    const std::size_t before = findings.size();
    if (!facts.firewall.trouble.empty()) {
        findings.push_back(
            {Severity::hint, "firewall", "its rules could not be read: " + facts.firewall.trouble,
             "one that drops IP protocol 112 makes two nodes active", "sudo understudy doctor"});
    } else {
        judge_nftables(facts, findings);
    }
    judge_legacy(facts, findings);
    if (findings.size() == before) {
        findings.push_back({Severity::ok, "firewall", "lets VRRP in and out", {}, {}});
    }
}

}  // namespace understudy::doctor
