#include "agent/config/lost_routes.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "agent/core/reload.hpp"

namespace understudy::config {

namespace {

using control::HostNetwork;
using HeldPlace = std::pair<std::string, IpPrefix>;
using HeldPlaces = std::set<HeldPlace>;

HeldPlaces places_of(const core::VipSettings& vip) {
    HeldPlaces places;
    for (const core::VirtualAddress& address : vip.addresses) {
        places.emplace(address.interface, address.prefix);
    }
    return places;
}

HeldPlaces places_on(const HostNetwork& host, bool ours_only) {
    HeldPlaces places;
    for (const HostNetwork::Address& address : host.addresses) {
        if (address.ours || !ours_only) {
            places.emplace(address.interface, address.prefix);
        }
    }
    return places;
}

// What VIPs hold that this node holds before and after: the others of `to` begin without.
HeldPlaces held_afterwards(const core::Configuration& from, const core::Configuration& to,
                           const HeldPlaces& held) {
    HeldPlaces places;
    for (const core::VipSettings& vip : to.vips) {
        const auto former = std::ranges::find(from.vips, vip.name, &core::VipSettings::name);
        if (former == from.vips.end() || !core::is_same_router(*former, vip)) {
            continue;
        }
        const HeldPlaces before = places_of(*former);
        if (std::ranges::any_of(before,
                                [&](const HeldPlace& place) { return held.contains(place); })) {
            places.merge(places_of(vip));
        }
    }
    return places;
}

bool has_v4(const HeldPlaces& places, const std::string& interface) {
    return std::ranges::any_of(places, [&](const HeldPlace& place) {
        return place.first == interface && place.second.address.is_v4();
    });
}

std::optional<std::string> reason_to_lose(const HostNetwork::Route& route, const HeldPlaces& before,
                                          const HeldPlaces& after) {
    const auto has = [](const HeldPlaces& places, const IpAddress& address) {
        return std::ranges::any_of(
            places, [&](const HeldPlace& place) { return place.second.address == address; });
    };
    if (route.source && has(before, *route.source) && !has(after, *route.source)) {
        return route.family == Family::ipv4
                   ? "its source " + route.source->to_string() + " is removed"
                   : "loses its source " + route.source->to_string() + ", which is removed";
    }
    const auto loses_addresses = [&](const std::string& interface) {
        return has_v4(before, interface) && !has_v4(after, interface);
    };
    const auto interface = std::ranges::find_if(route.interfaces, loses_addresses);
    if (route.family == Family::ipv6 || interface == route.interfaces.end()) {
        return std::nullopt;
    }
    return "the last IPv4 address of " + *interface + " is removed";
}

}  // namespace

std::vector<std::string> lost_routes(const core::Configuration& from, const core::Configuration& to,
                                     const HostNetwork& host) {
    const HeldPlaces before = places_on(host, false);
    const HeldPlaces held = places_on(host, true);
    HeldPlaces after = before;
    for (const core::VipSettings& vip : from.vips) {
        for (const HeldPlace& place : places_of(vip)) {
            if (held.contains(place)) {
                after.erase(place);
            }
        }
    }
    after.merge(held_afterwards(from, to, held));
    std::vector<std::string> lines;
    for (const HostNetwork::Route& route : host.routes) {
        if (const auto reason = reason_to_lose(route, before, after)) {
            lines.push_back(route.text + ": " + *reason);
        }
    }
    return lines;
}

}  // namespace understudy::config
