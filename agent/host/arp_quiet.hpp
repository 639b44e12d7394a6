// While two nodes hold an address in a planned move, exactly one may answer for it.
//
// A rule in the kernel (nftables) keeps this node from answering ARP and Neighbour Solicitation for
// a virtual address for a short while after somebody else has announced that address. It works in
// the kernel's own receive path, so this node falls silent with the first announcement of the other
// one, before any process has woken up. The addresses are still served, so nothing on its way is
// lost. If the other one was wrong, the silence ends by itself; a claim of this node ends it at
// once (agent/host/quiet_flush.hpp). No RFC basis.
#pragma once

#include <string>

#include "agent/core/configuration.hpp"

namespace understudy::host {

// Installs the rules, and those that make `accept = no` true, replacing those of a former agent.
// Blocks for some milliseconds: call it before the first heartbeat. Empty, or what is not as it
// should be and why; the agent works without the rules. Whoever flushes the rule set afterwards
// takes them away until the next start.
std::string install_arp_quiet(const core::Configuration& configuration);
// A reload: the elements that are another, in portions, so that a claim in between (QuietFlush, in
// the thread of the loop) waits in the kernel for one of them at most. What comes back is as above.
std::string update_arp_quiet(const core::Configuration& from, const core::Configuration& to);
// Removes them; harmless if they are not there.
void remove_arp_quiet();

}  // namespace understudy::host
