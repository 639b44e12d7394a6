// The address that a VIP's advertisements are sent from.
#include <algorithm>

#include "agent/core/vip.hpp"
#include "agent/core/wording.hpp"

namespace understudy::core {

std::string Vip::source_trouble(const Surroundings& around) {
    for (Face& face : faces_) {
        const auto matches = [&](const IpAddress& a) { return a.family() == face.family; };
        const auto configured = std::ranges::find_if(settings_.unicast_sources, matches);
        const auto peer = std::ranges::find_if(settings_.unicast_peers, matches);
        const bool has_peer = peer != settings_.unicast_peers.end();
        std::optional<IpAddress> source;
        if (configured != settings_.unicast_sources.end()) {
            for (const auto& [key, observed] : around.kernel.addresses()) {
                if (observed.prefix.address == *configured && !observed.tentative) {
                    source = *configured;
                }
            }
        } else {
            source = pick_source(around.kernel, interface_, face.family, around.virtual_addresses,
                                 has_peer ? std::optional{*peer} : std::nullopt);
        }
        if (source) {
            face.source = source;
        }
        if (!source && configured != settings_.unicast_sources.end()) {
            return "unicast_source " + configured->to_string() + " is on no interface";
        }
        if (!source) {
            const bool link_local =
                face.family == Family::ipv6 && !(has_peer && !peer->is_link_local());
            return "interface " + settings_.interface + " has no " +
                   std::string{link_local ? "link-local " : ""} +
                   std::string{name_of(face.family)} + " address to send from";
        }
    }
    return {};
}

bool Vip::waits_for_source(TimePoint now, const std::string& trouble, const Surroundings& around) {
    const bool needs_source = settings_.priority != vrrp::owner_priority;
    if (!is_holding() || (!trouble.empty() && !needs_source)) {
        source_lost_.reset();
        return false;
    }
    if (trouble.empty()) {
        if (source_lost_) {
            source_lost_.reset();
            log(around.out, LogLevel::info, settings_.name + ": there is an address to send from");
            ledger_.take(now, around.out);
            announce(now, around);
        }
        return false;
    }
    if (!source_lost_) {
        source_lost_ = now;
        log(around.out, LogLevel::warn,
            settings_.name + ": " + trouble + ": lets go until it is there again, for a moment");
        ledger_.release(now, around.out);
    }
    return now < *source_wait_end();
}

std::optional<TimePoint> Vip::source_wait_end() const {
    return source_lost_ ? std::optional{*source_lost_ +
                                        std::min(settings_.advert_interval, longest_source_wait)}
                        : std::nullopt;
}

}  // namespace understudy::core
