#include "agent/host/held_adverts.hpp"

#include <algorithm>

#include "vrrp/router.hpp"

namespace understudy::host {

using vrrp::After;

bool HeldAdverts::is_same_router(const core::SendAdvert& a, const core::SendAdvert& b) {
    return a.interface == b.interface && a.vrid == b.vrid && a.source.family() == b.source.family();
}

bool HeldAdverts::hold(TimePoint now, const core::SendAdvert& advert,
                       std::span<const std::byte> payload, Batch batch) {
    const auto same = [&](const Held& held) { return is_same_router(held.advert, advert); };
    if (advert.after == After::release) {
        // Older ones say that this node has the addresses, which is no longer true.
        std::erase_if(held_, [&](const Held& held) {
            return same(held) && held.advert.after != After::release;
        });
    }
    Held held{advert, {payload.begin(), payload.end()}, 0, {}, {}};
    if (advert.after != After::nothing) {
        held.batch = batch;
    }
    if (advert.after == After::handover) {
        held.not_before = claimed_ + vrrp::handover_overlap;
    } else if (advert.after == After::claim) {
        held.not_beyond = now + longest_claim_wait;
    }
    if (std::ranges::none_of(held_, same) && may_leave(now, held)) {
        return false;
    }
    // Of heartbeats the last one says all.
    std::erase_if(held_, [&](const Held& other) {
        return same(other) && other.advert.after == After::nothing &&
               other.advert.destination == advert.destination;
    });
    held_.push_back(std::move(held));
    return true;
}

void HeldAdverts::done(TimePoint now, Batch batch, bool claims) {
    if (claims) {
        claimed_ = now;
    }
    for (Held& held : held_) {
        if (held.batch == 0 || held.batch > batch) {
            continue;
        }
        held.batch = 0;
        if (held.advert.after == After::handover) {
            held.not_before = claimed_ + vrrp::handover_overlap;
        }
    }
}

bool HeldAdverts::may_leave(TimePoint now, const Held& held) {
    return (held.not_beyond && now >= *held.not_beyond) ||
           (held.batch == 0 && now >= held.not_before);
}

// The first one of each router: the others wait behind it.
std::optional<TimePoint> HeldAdverts::next_deadline() const {
    std::optional<TimePoint> earliest;
    for (auto held = held_.begin(); held != held_.end(); ++held) {
        const auto is_same = [&](const Held& other) {
            return is_same_router(other.advert, held->advert);
        };
        const auto at = held->batch == 0 ? std::optional{held->not_before} : held->not_beyond;
        if (at && std::none_of(held_.begin(), held, is_same)) {
            earliest = earliest ? std::min(*earliest, *at) : *at;
        }
    }
    return earliest;
}

}  // namespace understudy::host
