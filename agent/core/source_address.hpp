// The address that a node's advertisements come from, where none is configured.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "agent/core/configuration.hpp"
#include "agent/core/kernel_view.hpp"
#include "base/ip_address.hpp"

namespace understudy::core {

// Those of all VIPs. An owner's are this node's real ones (RFC 9568 1.6), and may be the source of
// all its VIPs: so two nodes can each own an address and back up the other's (RFC 9568 4.2).
std::set<IpAddress> addresses_that_move(const Configuration& configuration);

struct SourceQuestion {
    InterfaceIndex interface = 0;
    Family family = Family::ipv4;
    std::vector<IpAddress> peers;           // of this family; none: multicast
    const std::set<IpAddress>& excluded;    // the virtual ones
    std::optional<IpAddress> present = {};  // what advertisements come from now
    bool present_was_preferred = false;     // when it was chosen
};

struct SourceChoice {
    // Points into the KernelView; nothing: there is none, or a better one is awaited.
    const ObservedAddress* address = nullptr;
    // The better one, whose duplicate address detection is not finished.
    const ObservedAddress* awaited = nullptr;
};

// Peers know a node by this address, so it has to be the same after each restart, whatever the
// order in which addresses were added:
//
// - IPv6 multicast and link-local peers: a link-local address (RFC 9568 5.1.2.1); other IPv6 peers:
//   one that is not. IPv4: a link-local one only for a link-local peer, or where there is no other.
// - One in the network of the peers, of as many as possible.
// - Then RFC 6724 5: not deprecated (rule 3), not temporary (rule 7, turned round: a temporary
//   address changes every day; over IPv4, not a secondary one), the longest prefix in common with
//   the first peer if no network has it (rule 8, IPv6).
// - Then the lowest IPv6 address; of IPv4 the interface's first one, its primary address (RFC 9568
//   1.6), of which the kernel keeps the order.
//
// The present source does not lose its place by becoming deprecated (RFC 4862 5.5.4: what has begun
// with it goes on). Tentative addresses, duplicates, and addresses that an agent of this kind
// holds for a VIP are never chosen. A tentative one that would be the best is awaited, unless the
// present source is still there.
SourceChoice choose_source(const KernelView& kernel, const SourceQuestion& question);

}  // namespace understudy::core
