// The routers that are heard on the VRID of one VIP, and how far each of them is believed.
//
// VRRP is not authenticated, so one packet proves little (RFC 9568 9). A router that goes on
// advertising contradicts what somebody else sends in its name. No RFC basis: the RFC believes
// every valid advertisement at once, whatever the one before it said.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/control/messages.hpp"
#include "base/ip_address.hpp"
#include "base/state_fields.hpp"
#include "base/time.hpp"
#include "vrrp/advertisement.hpp"

namespace understudy::core {

inline constexpr std::size_t most_peers = 16;
// A router whose offer (priority 1 to 16) or resignation was followed by an ordinary advertisement
// is doubted for this long: its next ones count only when it is silent otherwise.
inline constexpr Duration doubt_lasts = std::chrono::minutes{10};

struct Peer {
    // What an advertisement that was just received may be taken for.
    struct Belief {
        Duration interval{};       // that counts for this router
        TimePoint counts_from{};   // of an offer or a resignation: it has to stand until then
        bool contradicts = false;  // the offer or resignation before it
    };

    IpAddress source;
    control::PeerStatus shown;  // of the last advertisement
    bool gave_away = false;     // that one was an offer to this node, or a resignation
    // Its last one that was neither an offer nor a resignation.
    std::optional<TimePoint> ordinary_at;
    std::optional<Duration> interval;  // believed; nothing: the one configured here
    // Another interval that it advertises, and since when, without a break.
    std::optional<Duration> candidate;
    TimePoint candidate_since{};
    // Since then another router has advertised, and this one has not: one that is alive answers, or
    // gives way.
    std::optional<TimePoint> challenged_at;
    std::optional<TimePoint> had_our_list_at;
    std::optional<TimePoint> doubted_until;

    // Takes note of an advertisement. `gives_away`: it is a resignation, or an offer to this node.
    // `own`: the interval configured here.
    Belief heard(TimePoint now, const vrrp::Received& received, bool gives_away, Duration own);
    // That counts for it.
    Duration counted_interval(Duration own) const { return interval.value_or(own); }
    bool is_doubted(TimePoint now) const { return doubted_until && now < *doubted_until; }

private:
    void weigh_interval(TimePoint now, Duration advertised, Duration own);
    bool is_on_schedule(TimePoint now, Duration advertised) const;
};

class Peers {
public:
    // The one with this address. If there are too many, one that is not doubted and has been silent
    // for longest is forgotten.
    Peer& at(TimePoint now, const IpAddress& source);
    const Peer* find(const IpAddress& source) const;
    // Somebody is Active: `leader`, or this node.
    void challenge(TimePoint now, const std::optional<IpAddress>& leader);
    const std::vector<Peer>& all() const { return all_; }

private:
    friend struct understudy::StateFields;

    std::vector<Peer> all_;  // at most most_peers
};

}  // namespace understudy::core
