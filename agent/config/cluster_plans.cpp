#include "agent/config/cluster_plans.hpp"

#include <algorithm>
#include <variant>

#include "agent/config/values.hpp"
#include "vrrp/timers.hpp"

namespace understudy::config {

namespace {

using core::ServiceSettings;
using core::VipSettings;

std::string title_of(const Member& member) {
    return "[vip " + member.vip->name + ']';
}

// --- weights -------------------------------------------------------------------------------------

// The priorities that the checks of a node can give it.
struct Span {
    int least = 0;
    int most = 0;
};

bool weighs_by_value(const Member& member, const std::string& check) {
    const auto& checks = member.node->configuration.checks;
    const auto found = std::ranges::find(checks, check, &checks::CheckSettings::name);
    const auto* file =
        found == checks.end() ? nullptr : std::get_if<checks::File>(&found->question);
    return file != nullptr && file->value_as_weight;
}

// The bounds are those of core's verdict: a hot node stays above the low band and below the owner.
Span span_of(const Member& member) {
    int fall = 0;
    int rise = 0;
    for (const core::Track& track : member.vip->tracks) {
        if (track.weight) {
            (*track.weight < 0 ? fall : rise) += *track.weight;
        } else if (weighs_by_value(member, track.check)) {
            fall -= most_weight;
            rise += most_weight;
        }
    }
    const int base = member.vip->priority;
    const int floor = std::min<int>(base, vrrp::low_band_top + 1);
    const int ceiling = std::max<int>(base, vrrp::owner_priority - 1);
    return {std::clamp(base + fall, floor, ceiling), std::clamp(base + rise, floor, ceiling)};
}

bool has_weights(const Member& member) {
    const Span span = span_of(member);
    return span.least != span.most;
}

// Whether results of the checks of both can turn round who goes first. An equal priority does not
// move anything (RFC 9568 6.4.2), so it takes a lower one.
bool can_change_order(const Member& a, const Member& b) {
    const bool a_first = a.vip->priority >= b.vip->priority;
    const Span first = span_of(a_first ? a : b);
    const Span second = span_of(a_first ? b : a);
    return first.least < second.most;
}

// Who is nearest in priority: what a weight has to bridge.
const Member& nearest_to(const Member& member, const std::vector<const Member*>& others) {
    return **std::ranges::min_element(others, {}, [&](const Member* other) {
        return std::abs(other->vip->priority - member.vip->priority);
    });
}

void compare_weights(const Member& member, const std::vector<const Member*>& others,
                     Diagnostics& diagnostics) {
    if (!has_weights(member)) {
        return;
    }
    const auto moves = [&](const Member* other) { return can_change_order(member, *other); };
    const auto stays = [](const Member* other) { return !other->vip->preempt; };
    const Place place = member.place_of("track");
    if (std::ranges::none_of(others, moves)) {
        const Member& other = nearest_to(member, others);
        const Span span = span_of(member);
        diagnostics.push_back(
            {place,
             title_of(member) + " is moved by no result of its checks: they change the priority " +
                 std::to_string(member.vip->priority) + " to between " +
                 std::to_string(span.least) + " and " + std::to_string(span.most) +
                 ", which does not pass the " + std::to_string(other.vip->priority) + " at " +
                 to_string(other.place_of("priority")),
             Severity::warning});
    } else if (std::ranges::all_of(others, stays)) {
        diagnostics.push_back(
            {place,
             title_of(member) +
                 ": while this node is active, a weight moves nothing, because of "
                 "preempt = no at " +
                 to_string(others.front()->place_of("preempt")) + "; a track without weight does",
             Severity::warning});
    }
}

// --- services ------------------------------------------------------------------------------------

const ServiceSettings* service_of(const Member& member) {
    const auto& services = member.node->configuration.services;
    const auto found = std::ranges::find(services, member.vip->service, &ServiceSettings::name);
    return found == services.end() ? nullptr : &*found;
}

void compare_presence(const Member& here, const Member& there, Diagnostics& diagnostics) {
    const bool here_has = service_of(here) != nullptr;
    if (here_has == (service_of(there) != nullptr)) {
        return;
    }
    const Member& with = here_has ? here : there;
    const Member& without = here_has ? there : here;
    diagnostics.push_back({without.place_of(""),
                           title_of(without) + " has no service, but " + with.vip->service +
                               " at " + to_string(with.place_of("service")) +
                               ": here the addresses come without it",
                           Severity::warning});
}

// What runs on one node only cannot run on another all the time.
void compare_exclusive(const Member& here, const Member& there, Diagnostics& diagnostics) {
    const ServiceSettings* a = service_of(here);
    const ServiceSettings* b = service_of(there);
    if (a == nullptr || b == nullptr || a->stop_on_release == b->stop_on_release) {
        return;
    }
    const Member& exclusive = a->stop_on_release ? here : there;
    const Member& other = a->stop_on_release ? there : here;
    const bool is_hot = service_of(other)->standby == core::Standby::hot;
    diagnostics.push_back(
        {other.service_place_of(is_hot ? "standby" : ""),
         "[service " + other.vip->service + "] " +
             (is_hot ? "has standby = hot, so that it always runs here"
                     : "has no stop_on_release, so that it goes on running here") +
             ", but it is to run on one node only at " +
             to_string(exclusive.service_place_of("stop_on_release")),
         is_hot ? Severity::error : Severity::warning});
}

// A node that stops waits for a peer; where each of them has to start its service first, that takes
// longer. Who has to stop the service before anybody may start it does not wait at all.
void compare_stop(const Member& member, const std::vector<const Member*>& others,
                  Diagnostics& diagnostics) {
    const ServiceSettings* own = service_of(member);
    const Duration patience = member.node->configuration.agent.stop_timeout;
    const Member* slow = nullptr;
    for (const Member* other : others) {
        const ServiceSettings* service = service_of(*other);
        const bool is_slow = service != nullptr && service->standby == core::Standby::cold &&
                             service->start_timeout > patience;
        if (!is_slow) {
            return;
        }
        slow = other;
    }
    if (own == nullptr || own->stop_on_release || slow == nullptr) {
        return;
    }
    const auto place = member.node->agent.find("stop_timeout");
    diagnostics.push_back(
        {place == member.node->agent.end() ? Place{member.node->file, 1, 1} : place->second,
         "stop_timeout " + format_duration(patience) +
             ": a stop of this node ends before a cold standby is up, which may take "
             "start_timeout " +
             format_duration(service_of(*slow)->start_timeout) + " at " +
             to_string(slow->service_place_of("start_timeout")),
         Severity::warning});
}

// --- leases --------------------------------------------------------------------------------------

// The kernel takes the addresses of a dead agent when its lease ends. By then a peer should have
// them; how long that one waits depends on its own priority.
void compare_lease(const Member& member, const Member& other, Diagnostics& diagnostics) {
    const Duration lease = member.vip->lease;
    const VipSettings& peer = *other.vip;
    const Duration own_down = vrrp::active_down_interval(member.vip->version, member.vip->priority,
                                                         member.vip->advert_interval);
    const Duration down =
        vrrp::active_down_interval(peer.version, peer.priority, member.vip->advert_interval);
    if (lease == Duration::zero() || lease >= down || lease < own_down) {
        return;
    }
    diagnostics.push_back({member.place_of("lease"),
                           title_of(member) + " has lease " + format_duration(lease) +
                               ", which ends before the node at " +
                               to_string(other.place_of("priority")) +
                               " takes over: with its priority it waits " +
                               format_duration(std::chrono::ceil<std::chrono::milliseconds>(down)),
                           Severity::warning});
}

}  // namespace

void compare_plans(const Group& group, Diagnostics& diagnostics) {
    if (group.size() < 2) {
        return;
    }
    for (const Member& member : group) {
        std::vector<const Member*> others;
        for (const Member& other : group) {
            if (&other != &member) {
                others.push_back(&other);
            }
        }
        compare_weights(member, others, diagnostics);
        compare_stop(member, others, diagnostics);
        const auto slowest = std::ranges::min_element(
            others, {}, [](const Member* other) { return other->vip->priority; });
        compare_lease(member, **slowest, diagnostics);
    }
    for (std::size_t there = 1; there < group.size(); ++there) {
        compare_presence(group.front(), group[there], diagnostics);
        compare_exclusive(group.front(), group[there], diagnostics);
    }
}

}  // namespace understudy::config
