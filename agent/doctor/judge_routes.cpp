// Routes of the host that go with a virtual address: at each failover, and for good.
#include <algorithm>
#include <optional>

#include "agent/doctor/judge.hpp"

namespace understudy::doctor {

namespace {

using control::HostNetwork;

struct Cause {
    std::string text;
    std::string remedy;
};

bool is_virtual(const Facts& facts, const IpAddress& address) {
    return std::ranges::any_of(facts.configuration->vips, [&](const core::VipSettings& vip) {
        return vip.priority != vrrp::owner_priority &&
               std::ranges::any_of(vip.addresses, [&](const core::VirtualAddress& own) {
                   return own.prefix.address == address;
               });
    });
}

// The kernel drops the IPv4 routes through an interface with its last IPv4 address.
bool has_only_virtual_ones(const Facts& facts, const std::string& interface) {
    bool any = false;
    for (const AddressFacts& address : facts.addresses) {
        if (address.interface != interface || address.prefix.address.is_v6()) {
            continue;
        }
        any = true;
        if (!is_virtual(facts, address.prefix.address)) {
            return false;
        }
    }
    return any;
}

std::optional<Cause> cause_of_loss(const Facts& facts, const HostNetwork::Route& route) {
    if (route.source && is_virtual(facts, *route.source)) {
        return Cause{"its source " + route.source->to_string() + " is a virtual address",
                     "set the route without that source; or in on_active, each time"};
    }
    if (route.family == Family::ipv6) {
        return std::nullopt;
    }
    const auto interface = std::ranges::find_if(route.interfaces, [&](const std::string& name) {
        return has_only_virtual_ones(facts, name);
    });
    if (interface == route.interfaces.end()) {
        return std::nullopt;
    }
    return Cause{*interface + " has no IPv4 address of its own, only virtual ones",
                 "give " + *interface +
                     " an address of its own on every node; or set the route in on_active, each "
                     "time"};
}

}  // namespace

void judge_routes(const Facts& facts, Findings& findings) {
    if (!facts.configuration) {
        return;
    }
    for (const HostNetwork::Route& route : facts.routes) {
        if (const auto cause = cause_of_loss(facts, route)) {
            findings.push_back({Severity::warning, "route", route.text + ": " + cause->text,
                                "when the address leaves this node, the kernel removes the route, "
                                "and nobody puts it back",
                                cause->remedy});
        }
    }
}

}  // namespace understudy::doctor
