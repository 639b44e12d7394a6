// One virtual router: the state machine of RFC 9568 6.4 (version 3) and RFC 3768 6.4 (version 2).
//
// Takes (now, event), gives actions. It knows no addresses, no sockets and no packets: who owns it
// turns datagrams into Advert, and carries the actions out in order. Extensions without RFC basis
// are marked so.
//
// The table (rows: events, columns: states; one overload of Router::on per cell, "-" is written
// there too):
//
// clang-format off
//                   | Initialize        | Backup                          | Active
//   Startup         | -> Backup, or     | -                               | -
//                   |    Active (owner, |                                 |
//                   |    adoption)      |                                 |
//   Shutdown        | -                 | -> Initialize, silently         | resign -> Initialize
//   TimePassed      | -                 | timer over: lead -> Active,     | advertise; slept: -> Backup
//                   |                   |    or first ask                 |
//   Advert, 0       | -                 | timer := skew                   | advertise at once
//   Advert, offer   | -                 | of the Active router: as 0      | advertise at once, announce
//   Advert, lower   | -                 | preempt: ignored; else accepted | advertise at once, announce
//   Advert, equal   | -                 | accepted                        | the higher address wins
//   Advert, higher  | -                 | accepted                        | follow -> Backup
//   StandingChanged | noted             | noted, the timer shifts         | may not lead: resign -> Backup
//   Resumed         | -                 | the timer begins anew           | slept: -> Backup
//   Claim           | -                 | lead -> Active                  | -
//   SettingsChanged | noted             | noted, own interval: timer anew | shorter interval: advertise
//   Agreed          | -                 | timer over: lead -> Active      | -
// clang-format on
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "base/ip_address.hpp"
#include "base/state_fields.hpp"
#include "base/time.hpp"
#include "vrrp/after.hpp"
#include "vrrp/protocol.hpp"
#include "vrrp/timers.hpp"

namespace understudy::vrrp {

struct RouterSettings {
    Version version = Version::v3;
    Duration advert_interval = default_interval;
    bool preempt = true;
    // After hearing a router of lower priority, how long it is left in peace (no RFC basis).
    Duration preempt_delay{};
    // Adver_Timer ends at a multiple of this, at most so much early, so that many virtual routers
    // advertise in one batch; zero: exactly Advertisement_Interval after the last one (no RFC
    // basis).
    Duration advert_grid{};

    bool operator==(const RouterSettings&) const = default;
};

// --- events --------------------------------------------------------------------------------------

// Packets can be sent and received from now on. `adopt`: this node's addresses are held since
// before a restart of the agent, and no peer can have taken over since (no RFC basis).
struct Startup {
    bool adopt = false;
};

// Packets can no longer be sent and received, or the agent stops.
struct Shutdown {};

// A valid advertisement of another router for this VRID.
struct Advert {
    IpAddress source;
    Priority priority = 0;
    Duration interval{};
    IpAddress receiver;  // our own primary address of that family, which ties are broken against
    // False: an equal priority decides nothing here, since the tie is broken in the other family of
    // the same VIP (no RFC basis: two families that move as one need one verdict).
    bool decides_tie = true;
    // Priority 0, or an offer in the low band: it has to stand until then before it counts, since
    // it may be forged (no RFC basis).
    TimePoint counts_from{};
};

// What local facts allow: the effective priority, and whether this node may be Active at all.
struct Standing {
    Priority priority = default_priority;
    bool may_lead = true;
    // Where another router is alive and Active, LeadDue comes first, and that one goes on until
    // Agreed (no RFC basis).
    bool asks_first = false;

    bool operator==(const Standing&) const = default;
};
struct StandingChanged {
    Standing standing;
};

// The operator wants this node to be Active now, whoever is (no RFC basis).
struct Claim {};

// The answer to LeadDue. It counts now only: who is not due any more is asked again.
struct Agreed {};

struct TimePassed {};

// This process, or the whole machine, did not run for some intervals: comes before whatever waited
// meanwhile. Nobody listened, so the silence proves nothing (no RFC basis).
struct Resumed {};

// The operator wants other settings; the version stays.
struct SettingsChanged {
    RouterSettings settings;
};

using Event = std::variant<Startup, Shutdown, Advert, StandingChanged, Claim, Agreed, TimePassed,
                           Resumed, SettingsChanged>;

// --- actions -------------------------------------------------------------------------------------

struct SendAdvert {
    Priority priority = 0;  // 0: the resignation
    After after = After::nothing;
};
struct TakeAddresses {};
struct ReleaseAddresses {};
// Gratuitous ARP and unsolicited Neighbour Advertisements; always after TakeAddresses.
struct AnnounceAddresses {};

enum class State : std::uint8_t { initialize, backup, active };

enum class Cause : std::uint8_t {
    started,          // Startup
    owner,            // priority 255 goes first
    adopted,          // addresses held since before a restart
    silence,          // no advertisement for the active down interval
    resignation,      // the Active router sent priority 0
    preemption,       // the Active router's priority is lower than ours
    yielded_to_us,    // the Active router advertises in the low band
    claimed,          // Claim
    higher_priority,  // heard while Active
    tie_lost,         // the same priority, from a higher address
    slept,            // this node did not run for longer than its peers wait
    may_not_lead,     // Standing says no
    shut_down,        // Shutdown
};

// The state has changed. Comes before the actions that the new state begins with.
struct Transition {
    State from = State::initialize;
    State to = State::initialize;
    Cause cause = Cause::started;
    IpAddress peer;  // silence, resignation, preemption, yield, higher priority, tie: of whom
    Priority peer_priority = 0;
    Duration silence{};  // since the last advertisement of that peer
};

// The time to take over has come, and Standing::asks_first. Nothing has changed yet.
struct LeadDue {
    Transition why;
};

using Action = std::variant<SendAdvert, TakeAddresses, ReleaseAddresses, AnnounceAddresses,
                            Transition, LeadDue>;
using Actions = std::vector<Action>;

// --- states: each owns its deadlines -------------------------------------------------------------

struct Initialize {};

// What is known of the router whose advertisements count.
struct Heard {
    IpAddress source;
    Priority priority = 0;
    TimePoint at{};
};

// Who sent priority 0. The network may reorder: an advertisement of it that comes right after that
// is void, a later one contradicts it.
struct Resigned {
    IpAddress source;
    TimePoint at{};
};

struct Backup {
    Duration active_interval{};  // Active_Adver_Interval: learned, or our own
    TimePoint timer_start{};     // of Active_Down_Timer
    // The first offer or resignation: Skew_Time after it the wait is over, if not before.
    std::optional<TimePoint> hurried_at;
    TimePoint not_before{};       // of a hurried one: Advert::counts_from
    std::optional<Heard> active;  // the last advertisement, of whatever priority
    std::optional<Resigned> resigned;
    std::optional<TimePoint> preempt_at;  // preempt_delay is over (no RFC basis)
    bool asked = false;                   // LeadDue was sent, and the timer is still over
};

struct Active {
    TimePoint advert_at{};    // Adver_Timer
    TimePoint advertised{};   // our last advertisement, or the claim if there was none yet
    TimePoint readvert_at{};  // losing advertisements are answered again from then on
    // Until then somebody else is alive who has the addresses and offers them (no RFC basis).
    TimePoint offered_until{};
    After next_after = After::nothing;  // of the next advertisement
    // The interval is longer than it was: after the next advertisement, this one once more.
    std::optional<Duration> repeat_after;
};

// --- the machine ---------------------------------------------------------------------------------

// In a planned move, addresses are claimed and announced this long before the first advertisement,
// so that traffic has moved before the rival lets go (no RFC basis).
inline constexpr Duration handover_overlap = std::chrono::milliseconds{2};

class Router {
public:
    Router(RouterSettings settings, Standing standing);

    // Appends to `out`. `now` never goes back.
    void handle(TimePoint now, const Event& event, Actions& out);

    // When handle(TimePassed) is due; nothing: only another event can change anything.
    std::optional<TimePoint> next_deadline() const;

    State state() const;
    const Standing& standing() const { return standing_; }
    // Whether a router that is Active with this priority offers the addresses to this one.
    bool is_offer(Priority priority) const;
    // The values that the running timers are made from; status shows these, not a second formula.
    Duration active_interval() const;
    Duration current_skew_time() const;
    Duration current_active_down_interval() const;
    // Until when a silent Active router is waited for; Backup only.
    std::optional<TimePoint> active_down_at() const;

private:
    friend struct understudy::StateFields;

    using Fsm = std::variant<Initialize, Backup, Active>;

    void on(TimePoint now, const Initialize& state, const Startup& event, Actions& out);
    void on(TimePoint now, const Initialize& state, const Shutdown& event, Actions& out);
    void on(TimePoint now, const Initialize& state, const Advert& event, Actions& out);
    void on(TimePoint now, const Initialize& state, const StandingChanged& event, Actions& out);
    void on(TimePoint now, const Initialize& state, const Claim& event, Actions& out);
    void on(TimePoint now, const Initialize& state, const Agreed& event, Actions& out);
    void on(TimePoint now, const Initialize& state, const TimePassed& event, Actions& out);
    void on(TimePoint now, const Initialize& state, const Resumed& event, Actions& out);
    void on(TimePoint now, const Initialize& state, const SettingsChanged& event, Actions& out);

    void on(TimePoint now, Backup& state, const Startup& event, Actions& out);
    void on(TimePoint now, Backup& state, const Shutdown& event, Actions& out);
    void on(TimePoint now, Backup& state, const Advert& event, Actions& out);
    void on(TimePoint now, Backup& state, const StandingChanged& event, Actions& out);
    void on(TimePoint now, Backup& state, const Claim& event, Actions& out);
    void on(TimePoint now, Backup& state, const Agreed& event, Actions& out);
    void on(TimePoint now, Backup& state, const TimePassed& event, Actions& out);
    void on(TimePoint now, Backup& state, const Resumed& event, Actions& out);
    void on(TimePoint now, Backup& state, const SettingsChanged& event, Actions& out);

    void on(TimePoint now, Active& state, const Startup& event, Actions& out);
    void on(TimePoint now, Active& state, const Shutdown& event, Actions& out);
    void on(TimePoint now, Active& state, const Advert& event, Actions& out);
    void on(TimePoint now, Active& state, const StandingChanged& event, Actions& out);
    void on(TimePoint now, Active& state, const Claim& event, Actions& out);
    void on(TimePoint now, Active& state, const Agreed& event, Actions& out);
    void on(TimePoint now, Active& state, const TimePassed& event, Actions& out);
    void on(TimePoint now, Active& state, const Resumed& event, Actions& out);
    void on(TimePoint now, Active& state, const SettingsChanged& event, Actions& out);

    // The order of effects stands in these three and nowhere else.
    void lead(TimePoint now, Transition why, bool rival_alive, Actions& out);
    void follow(TimePoint now, Transition why, const Advert* winner, Actions& out);
    void resign(TimePoint now, Transition why, Fsm next, Actions& out);

    void accept(TimePoint now, Backup& state, const Advert& advert) const;
    void lead_if_due(TimePoint now, Backup& state, bool agreed, Actions& out);
    void advertise(TimePoint now, Active& state, Actions& out) const;
    void resigned(TimePoint now, Backup& state, const Advert& advert, Actions& out);
    static void hurry(TimePoint now, Backup& state, TimePoint not_before);
    static bool is_reordered(TimePoint now, const Backup& state, const Advert& advert);
    static bool has_rival(TimePoint now, const Backup& state, const Advert& advert);
    bool may_preempt_now(TimePoint now, Backup& state) const;
    Backup backup_from(TimePoint now) const;
    TimePoint down_at(const Backup& state) const;
    Duration slept_after() const;
    Duration readvert_spacing() const;

    RouterSettings settings_;
    Standing standing_;
    Fsm state_;
};

}  // namespace understudy::vrrp
