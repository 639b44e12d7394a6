#include "agent/core/peers.hpp"

#include <algorithm>
#include <utility>

#include "vrrp/timers.hpp"

namespace understudy::core {

namespace {

// An ordinary advertisement within this many intervals of an offer or a resignation contradicts it.
// After a longer time, the router has begun again.
constexpr int intervals_of_contradiction = 2;

}  // namespace

// An interval that is not ours does not count before the second advertisement in a row that has it:
// a single one that is forged would keep a standby waiting for 3 x 40.95 s. A shorter one does not
// before the router has advertised it, and no other, for longer than our own: otherwise some that
// are forged in its name would have a standby take over before it can contradict them.
void Peer::weigh_interval(TimePoint now, Duration advertised, Duration own) {
    const Duration counted = counted_interval(own);
    // Answers are limited in number, so it may be the second challenge that is answered.
    const Duration patience = 2 * std::max(counted, own);
    if (challenged_at && now - *challenged_at > patience && !is_on_schedule(now, advertised)) {
        candidate.reset();  // it was dead, or somebody else has sent in its name
    }
    challenged_at.reset();
    if (advertised == counted || advertised == own) {
        interval = advertised;
        candidate.reset();
    } else if (candidate != advertised) {
        candidate = advertised;
        candidate_since = now;
    } else if (now >= (advertised > std::min(own, counted)
                           ? candidate_since + own / 2
                           : vrrp::overdue_at(candidate_since, own))) {
        interval = advertised;
        candidate.reset();
    }
}

// Where the one before it says that the next one is due: not every router answers a challenge.
bool Peer::is_on_schedule(TimePoint now, Duration advertised) const {
    const Duration since = now - shown.heard;
    return shown.interval == advertised && since > advertised * 15 / 16 &&
           since < advertised * 17 / 16;
}

Peer::Belief Peer::heard(TimePoint now, const vrrp::Received& received, bool gives_away,
                         Duration own) {
    Belief belief;
    const Duration before = counted_interval(own);
    belief.interval = before;
    const bool goes_on = gave_away && received.priority > vrrp::low_band_top;
    const Duration since = now - shown.heard;
    if (goes_on && received.priority != vrrp::owner_priority && !is_doubted(now) &&
        since < vrrp::reordering_window(before)) {
        return belief;  // it may be older than the offer or the resignation
    }
    belief.contradicts = goes_on && since <= intervals_of_contradiction * before;
    if (belief.contradicts) {
        doubted_until = now + doubt_lasts;
    }
    if (!gives_away) {
        weigh_interval(now, received.interval, own);
        ordinary_at = now;
    } else if (is_doubted(now) && ordinary_at) {
        belief.counts_from = vrrp::overdue_at(*ordinary_at, before);
    }
    belief.interval = counted_interval(own);
    gave_away = gives_away;
    shown.priority = received.priority;
    shown.interval = received.interval;
    shown.heard = now;
    return belief;
}

Peer& Peers::at(TimePoint now, const IpAddress& source) {
    const auto known = std::ranges::find(all_, source, &Peer::source);
    if (known != all_.end()) {
        return *known;
    }
    if (all_.size() == most_peers) {
        const auto worth = [&](const Peer& peer) {
            return std::pair{peer.is_doubted(now), peer.shown.heard};
        };
        all_.erase(std::ranges::min_element(all_, {}, worth));
    }
    Peer& fresh = all_.emplace_back();
    fresh.source = source;
    fresh.shown.address = source.to_string();
    return fresh;
}

void Peers::challenge(TimePoint now, const std::optional<IpAddress>& leader) {
    for (Peer& peer : all_) {
        if (peer.candidate && peer.source != leader) {
            peer.challenged_at = peer.challenged_at.value_or(now);
        }
    }
}

const Peer* Peers::find(const IpAddress& source) const {
    const auto known = std::ranges::find(all_, source, &Peer::source);
    return known == all_.end() ? nullptr : &*known;
}

}  // namespace understudy::core
