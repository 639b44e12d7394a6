#include "agent/config/unicast.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "agent/core/wording.hpp"

namespace understudy::config {

namespace {

using core::VipSettings;

bool has_family(const std::vector<WrittenRouter>& routers, Family family) {
    return std::ranges::any_of(routers, [family](const WrittenRouter& router) {
        return router.address.family() == family;
    });
}

bool is_virtual(const VipSettings& vip, const IpAddress& address) {
    return std::ranges::any_of(vip.addresses, [&](const core::VirtualAddress& own) {
        return own.prefix.address == address;
    });
}

// A source of one of the peers' families is all that a message can have, and only one of each.
void validate_sources(const VipDraft& vip, const Complaints& complain) {
    std::map<Family, Place> seen;
    for (const WrittenRouter& source : vip.sources) {
        const std::string text = "unicast_source " + source.address.to_string();
        const auto [first, fresh] = seen.try_emplace(source.address.family(), source.place);
        if (!fresh) {
            complain.error_at(source.place,
                              text + ": there is an " +
                                  std::string{core::name_of(source.address.family())} +
                                  " one already, at " + to_string(first->second));
        }
        // The owner's own address is the virtual one (RFC 9568 1.6).
        if (vip.settings.priority != vrrp::owner_priority &&
            is_virtual(vip.settings, source.address)) {
            complain.error_at(source.place, text +
                                                " is one of the addresses that move, which are "
                                                "never the source of an advertisement");
        }
    }
}

void validate_peers(const VipDraft& vip, const Complaints& complain) {
    std::map<IpAddress, Place> seen;
    for (const WrittenRouter& peer : vip.unicast_peers) {
        const std::string text = "unicast_peer " + peer.address.to_string();
        const auto [first, fresh] = seen.try_emplace(peer.address, peer.place);
        if (!fresh) {
            complain.error_at(peer.place,
                              text + " is written twice; first at " + to_string(first->second));
        }
        const bool is_own = std::ranges::find(vip.sources, peer.address, &WrittenRouter::address) !=
                            vip.sources.end();
        if (is_own) {
            complain.error_at(peer.place, text + " is this node's own unicast_source");
        }
        if (is_virtual(vip.settings, peer.address)) {
            complain.error_at(peer.place,
                              text + " is one of the addresses that move, not a router");
        }
    }
}

// What is advertised, the peers and the sources are of the same families.
void validate_families(const VipDraft& vip, const Complaints& complain) {
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        const std::string name{core::name_of(family)};
        const bool advertised = vip.settings.has_family(family);
        const bool has_peer = has_family(vip.unicast_peers, family);
        const bool has_source = has_family(vip.sources, family);
        const bool knows_peers = vip.record.is_readable("unicast_peer");
        const bool knows_sources = vip.record.is_readable("unicast_source");
        const bool knows_addresses = vip.record.is_readable("address");
        if (advertised && !has_peer && knows_peers) {
            complain.error("unicast_peer",
                           "there are " + name + " addresses, but no " + name + " unicast_peer");
        }
        if (advertised && !has_source && !vip.sources.empty() && knows_sources) {
            complain.error("unicast_source",
                           "there are " + name + " addresses, but no " + name + " unicast_source");
        }
        const auto useless = [&](const std::vector<WrittenRouter>& routers, const char* key) {
            for (const WrittenRouter& router : routers) {
                if (router.address.family() == family) {
                    complain.error_at(router.place,
                                      std::string{key} + ' ' + router.address.to_string() +
                                          ", but there is no " + name + " address to advertise");
                }
            }
        };
        if (!advertised && knows_addresses && vip.record.has("address")) {
            useless(vip.unicast_peers, "unicast_peer");
            useless(vip.sources, "unicast_source");
        }
    }
}

}  // namespace

void validate_unicast(const VipDraft& vip, const Complaints& complain) {
    validate_sources(vip, complain);
    validate_peers(vip, complain);
    if (vip.record.has("unicast_peer")) {
        validate_families(vip, complain);
        return;
    }
    // Falling back to multicast because the peers were forgotten would surprise.
    if (vip.record.has("unicast_source")) {
        complain.error("unicast_source", "unicast_source without any unicast_peer");
    }
    if (vip.record.has("unicast_min_ttl")) {
        complain.error("unicast_min_ttl",
                       "unicast_min_ttl without any unicast_peer: multicast always takes 255");
    }
}

}  // namespace understudy::config
