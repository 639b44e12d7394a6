// The rules that understudy has in nf_tables, as text (libnftables).
//
// While two nodes hold an address in a planned move, exactly one may answer for it. A rule keeps
// the node that gives it away from answering ARP and Neighbour Solicitation for a short while after
// somebody else has announced it. It works in the kernel's own receive path, so this node falls
// silent with the first announcement of the other one, before any process has woken up. The
// addresses are still served, so nothing on its way is lost. The rule looks only at addresses that
// are in the set `armed`: those that are being given away (agent/host/rule_keeper.hpp). No RFC
// basis.
//
// Another table makes `accept = no` true (RFC 9568 6.1, Accept_Mode).
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "agent/core/configuration.hpp"

namespace understudy::host {

// All of them have this name, in different families.
inline constexpr const char* rule_table = "understudy";
// NFPROTO_INET and so on, whose header does not go with <netinet/in.h>.
inline constexpr std::uint8_t nft_inet = 1;
inline constexpr std::uint8_t nft_arp = 3;
inline constexpr std::uint8_t nft_ipv6 = 10;

struct RuleTable {
    std::uint8_t family = 0;                     // NFPROTO_...
    std::string title;                           // "arp understudy"
    std::string rules;                           // all of it; empty: there is no such table
    std::string consequence;                     // of its absence
    std::vector<std::string> sets;               // of which the elements follow the configuration
    std::vector<std::set<std::string>> members;  // of each
};

// What the configuration asks for. Always the same tables in the same order.
std::vector<RuleTable> tables_of(const core::Configuration& configuration);

// libnftables ends the whole process where the kernel refuses it a socket (nft_mnl_socket_open), so
// nothing may call it without this. Empty, or the reason.
std::string trouble_of_nft();

// nft commands in one transaction. Empty, or why they are refused. Takes some ten milliseconds.
std::string run_nft(const std::string& commands);
// A command, also where there is none.
std::string removal_of(const RuleTable& table);

// Installs each table that has rules, in place of a former agent's. Empty, or what is not as it
// should be and why; the agent works without the rules.
std::string install_packet_rules(const std::vector<RuleTable>& tables);
// The elements that are another, in portions, so that nobody waits long for one of them.
std::string update_packet_rules(const std::vector<RuleTable>& from,
                                const std::vector<RuleTable>& to);
// Removes them; harmless if they are not there.
void remove_packet_rules();

}  // namespace understudy::host
