// May this node be Active for a VIP, with which priority, and why (not): a table of rules in order
// of precedence. Every change of state that is not an election goes through here; there is no other
// path.
#pragma once

#include <optional>
#include <string>

#include "agent/control/messages.hpp"
#include "agent/core/configuration.hpp"
#include "base/time.hpp"
#include "vrrp/protocol.hpp"

namespace understudy::core {

// What the operator asked for by hand.
enum class Manual : std::uint8_t {
    none,
    yielding,  // failover, or the agent stops: give it away, then stay behind whoever has it
    taken,     // takeover: priority 254 until failback
};
inline constexpr vrrp::Priority takeover_priority = 254;

// The local facts about one VIP. A text that is not empty is a reason against.
struct Facts {
    bool observed = false;                  // the kernel's links and addresses are known
    std::string link_trouble;               // an interface is missing, or down
    std::string source_trouble;             // there is no address to send from
    std::string listener_trouble;           // the receiving side does not work
    std::optional<TimePoint> startup_hold;  // startup_delay: listen only, until then
    std::string address_trouble;  // the kernel refuses an address, or somebody else put it there
    Manual manual = Manual::none;
    bool forced = false;       // takeover --force
    bool maintenance = false;  // of the whole node
    // In maintenance, and no peer took over what was released for it (see yields()).
    bool left_alone = false;
    bool stopping = false;
    vrrp::Priority base_priority = vrrp::default_priority;

    // --- checks and the service ---
    bool holding = false;           // active, with the addresses
    bool promoting = false;         // active, without them: the service is being started
    bool served_elsewhere = false;  // meanwhile, by who gives them away
    bool never_checked = false;     // the trouble below is only that no check has run yet
    std::string track_trouble;      // a check without weight is down
    int weight = 0;                 // of all checks with one
    control::Readiness readiness = control::Readiness::hot;
    std::string service_trouble;  // why it is not hot
    LastResort last_resort = LastResort::hold;
    // Its peers have had the time to take what this node should not have.
    bool offer_over = false;
    // The service has to stop before the addresses are released (stop_on_release).
    bool stops_first = false;
    bool service_stopped = false;
    std::string flapping;  // too many transitions: held in backup

    // --- hooks ---
    bool asks = false;    // on_promote runs, or is about to
    std::string refusal;  // it said no
    bool drains = false;  // on_release runs, or is about to, before the addresses are given away
};

// What this node holds is to go to a peer. In maintenance it stays that way, also when this node
// has to take the addresses again because nobody else is there; but a service that has to stop
// before they can go would then be stopped and started for ever: it is left alone.
inline bool yields(const Facts& facts) {
    return facts.manual == Manual::yielding ||
           (facts.maintenance && facts.manual != Manual::taken && !facts.left_alone);
}

// A cold node's priority on the wire: in the low band, ordered like the configured ones.
constexpr vrrp::Priority cold_priority(vrrp::Priority base) {
    return static_cast<vrrp::Priority>(1 + base / vrrp::low_band_top);
}

struct Verdict {
    bool can_talk = false;  // the router may run: packets can be sent and received
    bool may_lead = false;
    vrrp::Priority priority = vrrp::default_priority;
    control::State shown = control::State::init;  // unless the router is Active
    std::string reason;                           // empty: nothing but the election decides

    bool operator==(const Verdict&) const = default;
};

Verdict decide(TimePoint now, const Facts& facts);

}  // namespace understudy::core
