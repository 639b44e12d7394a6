#include "agent/config/multicast_peers.hpp"

#include <algorithm>
#include <map>

#include "agent/core/wording.hpp"

namespace understudy::config {

namespace {

void validate_peer(const VipDraft& vip, const WrittenRouter& peer, const Complaints& complain) {
    const std::string text = "peer " + peer.address.to_string();
    if (peer.address.is_v6() && !peer.address.is_link_local()) {
        complain.error_at(peer.place, text +
                                          " is not link-local, as the source of a multicast IPv6 "
                                          "advertisement is (RFC 9568 5.1.2.1)");
    }
    const bool is_virtual = std::ranges::any_of(vip.addresses, [&](const WrittenAddress& own) {
        return own.prefix.address == peer.address;
    });
    if (is_virtual && vip.settings.priority == vrrp::owner_priority) {
        complain.error_at(peer.place, text + " is an address of this node, which owns it");
    } else if (is_virtual) {
        complain.warn_at(peer.place, text +
                                         " is one of the addresses that move: right only for the "
                                         "router that owns it (priority 255)");
    }
}

// A family without a peer would have nobody to believe.
void validate_peer_families(const VipDraft& vip, const Complaints& complain) {
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        const std::string name{core::name_of(family)};
        const auto is_of_family = [family](const WrittenRouter& peer) {
            return peer.address.family() == family;
        };
        const auto peer = std::ranges::find_if(vip.peers, is_of_family);
        const bool advertised = vip.settings.has_family(family);
        if (advertised && peer == vip.peers.end() && vip.record.is_readable("peer")) {
            complain.error("peer", "there are " + name + " addresses, but no " + name + " peer");
        }
        const bool knows_addresses = vip.record.is_readable("address") && vip.record.has("address");
        if (!advertised && peer != vip.peers.end() && knows_addresses) {
            complain.error_at(peer->place, "peer " + peer->address.to_string() +
                                               ", but there is no " + name +
                                               " address to advertise");
        }
    }
}

}  // namespace

void validate_multicast_peers(const VipDraft& vip, const Complaints& complain) {
    if (!vip.record.has("peer")) {
        return;
    }
    if (vip.record.has("unicast_peer")) {
        complain.error("peer",
                       "peer and unicast_peer exclude each other: with unicast_peer, "
                       "advertisements are taken from those routers only");
        return;
    }
    std::map<IpAddress, Place> seen;
    for (const WrittenRouter& peer : vip.peers) {
        const auto [first, fresh] = seen.try_emplace(peer.address, peer.place);
        if (!fresh) {
            complain.error_at(peer.place, "peer " + peer.address.to_string() +
                                              " is written twice; first at " +
                                              to_string(first->second));
        }
        validate_peer(vip, peer, complain);
    }
    validate_peer_families(vip, complain);
}

}  // namespace understudy::config
