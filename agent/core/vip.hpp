// One VIP: its virtual router, its addresses, its announcements, and what is known of its peers.
//
// Both families of a VIP share one election (no RFC basis: the RFC has a router for each). An
// advertisement is sent in each family, and one that is heard in either counts; so the two cannot
// end on different nodes.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/control/messages.hpp"
#include "agent/core/address_ledger.hpp"
#include "agent/core/address_lists.hpp"
#include "agent/core/announcer.hpp"
#include "agent/core/configuration.hpp"
#include "agent/core/disagreements.hpp"
#include "agent/core/event_log.hpp"
#include "agent/core/health.hpp"
#include "agent/core/heartbeat_record.hpp"
#include "agent/core/hooks.hpp"
#include "agent/core/kernel_view.hpp"
#include "agent/core/listeners.hpp"
#include "agent/core/peers.hpp"
#include "agent/core/service.hpp"
#include "agent/core/transition_limiter.hpp"
#include "agent/core/verdict.hpp"
#include "base/state_fields.hpp"
#include "vrrp/advertisement.hpp"
#include "vrrp/router.hpp"

namespace understudy::core {

// What every step needs from its surroundings.
struct Surroundings {
    const KernelView& kernel;
    const Listeners& listeners;
    const Health& health;
    const std::vector<Service>& services;
    const std::set<IpAddress>& virtual_addresses;  // that it does not own: never a source
    EventLog& events;
    HookDesk& hooks;
    Outbox& out;
};

// Where the checks and the service of a VIP are.
struct Dependencies {
    struct Check {
        std::size_t index = 0;
        std::optional<int> weight;
    };
    std::vector<Check> checks;
    std::optional<std::size_t> service;
};

// A complaint about the same thing is logged once, then at most this often.
inline constexpr Duration log_spacing = std::chrono::seconds{60};
// A holder whose own address is away waits so long for it, at most an interval: a network manager
// that sets an interface anew takes it away for 10 to 20 ms. Its VIP is let go meanwhile. Put back
// first, it would become the interface's primary IPv4 address, and the own address would go with it
// when it is released.
inline constexpr Duration longest_source_wait = std::chrono::milliseconds{100};

class Vip {
public:
    Vip(const VipSettings& settings, Dependencies dependencies, TimePoint started);

    // --- facts that change ---
    // Links, listeners, addresses that are not virtual, or commands have changed: what follows?
    void settle(TimePoint now, const Surroundings& around);
    // As settle(), after comparing every virtual address with the kernel.
    void observe_all(TimePoint now, const Surroundings& around);
    void observe(TimePoint now, InterfaceIndex index, const IpAddress& address,
                 const Surroundings& around);
    void refused(TimePoint now, const AddressRefused& refusal, const Surroundings& around);
    // A datagram for this VRID, interface and family.
    void receive(TimePoint now, const vrrp::Datagram& datagram, const Surroundings& around);
    void send_failed(TimePoint now, const std::string& error, const Surroundings& around);
    void time_passed(TimePoint now, const Surroundings& around);
    // This process did not run for so long: before anything else that has happened meanwhile.
    void resume(TimePoint now, Duration late, const Surroundings& around);

    // --- a reload ---
    // Other settings of the same virtual router (reload.hpp). Removes at once what is held and not
    // named any more; what is new comes with the next observe_all(). The running timers, the peers,
    // the counters and the manual state stay.
    void configure(TimePoint now, const VipSettings& settings, const Surroundings& around);
    void depend_on(Dependencies dependencies) { dependencies_ = std::move(dependencies); }
    // After observe_all(): announces what was added, and nothing else.
    void announce_added(TimePoint now, const Surroundings& around);
    void end_added();
    // What another VIP of this node holds from now on is no longer a matter of this one.
    std::vector<AddressLedger::Entry> pass_on(const std::set<Place>& places) {
        return ledger_.pass_on(places);
    }
    void receive(AddressLedger::Entry entry) { ledger_.receive(std::move(entry)); }
    // Asked to go, and not told to be gone yet.
    std::vector<AddressGone> leaving(TimePoint now) const { return ledger_.leaving(now); }
    bool is_holding() const { return is_active() && !promoting_; }
    // This agent has released whatever was held before: nothing is adopted.
    void begin_anew(TimePoint now, bool maintenance, Outbox& out) {
        facts_.maintenance = maintenance;
        ledger_.release(now, out);
    }

    // --- commands ---
    void set_manual(TimePoint now, Manual manual, bool forced, const Surroundings& around);
    // Ends what was asked for before, when it begins.
    void set_maintenance(TimePoint now, bool on, const Surroundings& around);
    // Takes the addresses, or first starts the service that has to be there.
    void claim(TimePoint now, const Surroundings& around);
    // Ends what keeps this node from leading: too many transitions.
    // What it waits for after failures: it may try again at once.
    void forgive() {
        refused_until_.reset();
        refusal_pause_ = Duration::zero();
        limiter_.forgive();
        ledger_.forgive();
    }
    void stopping() { facts_.stopping = true; }
    // Leaves the election: releases and resigns if active.
    void shut_down(TimePoint now, const Surroundings& around);

    // --- hooks ---
    // Begins what is to run next. True: it has ended at once, because a reload has struck it.
    bool run_hooks(TimePoint now, const Surroundings& around);
    // Returns whether it was one of this VIP.
    bool hook_finished(TimePoint now, const HookFinished& event, const Surroundings& around);
    // on_release runs before the addresses are given away.
    bool drains() const { return facts_.drains; }
    bool has_ended() const { return has_ended_; }
    bool has_hooks_left() const { return !hooks_.is_idle(); }
    // How long on_promote, or on_release, may keep a planned move waiting.
    Duration consent_time(TimePoint now) const;
    Duration drain_time(TimePoint now) const;

    // --- what is known ---
    const VipSettings& settings() const { return settings_; }
    InterfaceIndex interface() const { return interface_; }
    const Dependencies& dependencies() const { return dependencies_; }
    // Of its service.
    Demand demand() const;
    // A takeover that waits for the service.
    bool claim_waits() const { return claim_waits_; }
    bool can_be_forced() const {
        return verdict_.can_talk && verdict_.shown == control::State::fault;
    }
    control::State state() const { return shown_; }
    bool is_active() const { return router_.state() == vrrp::State::active; }
    const Facts& facts() const { return facts_; }
    // Who is Active, as far as this node knows: itself, or the last one heard.
    std::optional<control::ActiveNode> active_node(TimePoint now) const;
    // Longest time that a hot peer can need to take over what is given away.
    Duration handover_time() const;
    // As handover_time(), or until a cold one has begun to start its service.
    Duration answer_time(const std::vector<Service>& services) const;
    // While a cold peer starts its service, to take over what this node gives away: when it has
    // been silent for so long that it no longer does, unless it is heard before.
    std::optional<TimePoint> awaited_until(TimePoint now) const;
    std::optional<TimePoint> next_deadline() const;
    control::VipStatus status(TimePoint now) const;
    control::WhyResponse why(TimePoint now) const;

private:
    friend struct understudy::StateFields;

    // other: configured, or deprecated when it was chosen. kept: deprecated since, and said so.
    enum class SourceUse : std::uint8_t { other, preferred, kept };
    struct Face {
        Family family = Family::ipv4;
        std::vector<std::byte> addresses;  // the advertised ones, in network order
        std::size_t address_count = 0;
        std::optional<IpAddress> source;  // the last one, if it is away
        SourceUse source_use = SourceUse::other;
    };
    struct Complaint {
        std::optional<TimePoint> logged;
        std::uint64_t suppressed = 0;
    };

    void make_faces();
    std::string link_trouble(const KernelView& kernel) const;
    std::string source_trouble(const Surroundings& around);
    std::string configured_source_trouble(Face& face, const IpAddress& configured,
                                          const Surroundings& around) const;
    std::string chosen_source_trouble(Face& face, const Surroundings& around) const;
    void note_source(Face& face, const ObservedAddress& chosen, const Surroundings& around) const;
    bool is_own(const Face& face, const IpAddress& address, const Surroundings& around) const;
    bool names_no_host(const Face& face, const IpAddress& address,
                       const Surroundings& around) const;
    bool waits_for_source(TimePoint now, const std::string& trouble, const Surroundings& around);
    std::optional<TimePoint> source_wait_end() const;
    std::string listener_trouble(const Listeners& listeners) const;
    bool awaits_sockets(const Listeners& listeners) const;
    bool runs_beside_another(TimePoint now) const;
    void settle_once(TimePoint now, const Surroundings& around);
    void gather(TimePoint now, const Surroundings& around);
    // `holding`: this node has the addresses, or is about to adopt them.
    void gather_health(TimePoint now, bool holding, const Surroundings& around);
    bool gives_up() const;
    bool awaits_promotion() const;
    bool awaits_service() const;
    void end_claim(TimePoint now, const Surroundings& around);
    void end_promotion(TimePoint now, const Surroundings& around);

    bool needs_consent() const;
    void ask_consent(const Surroundings& around);
    void tell_consent() { cause_ += "; on_promote has agreed"; }
    void decide_consent(TimePoint now, const HookQueue::Ended& ended, const Surroundings& around);
    void gather_hooks(TimePoint now, const Surroundings& around);
    void hook_ended(TimePoint now, const HookQueue::Ended& ended, const Surroundings& around);
    void hook_after_release(const Surroundings& around);
    RunHook order_for(const HookQueue::Due& due, const HookDesk& desk) const;
    void enter(StateEntered entered, const Surroundings& around);
    bool can_adopt(TimePoint now, const KernelView& kernel);
    bool facts_are_old(TimePoint now) const;
    vrrp::Standing standing_of(const Verdict& verdict) const;
    void apply(TimePoint now, const Verdict& verdict, const Surroundings& around);
    void end_yielding_if_due(TimePoint now, const Surroundings& around);

    void feed(TimePoint now, const vrrp::Event& event, const Surroundings& around);
    void execute(TimePoint now, const vrrp::Transition& transition, const Surroundings& around);
    void send_advert(TimePoint now, const vrrp::SendAdvert& advert, const Surroundings& around);
    void announce(TimePoint now, const Surroundings& around);
    void announce_once(const Surroundings& around, bool only_added = false);
    void repeat_added(TimePoint now, const Surroundings& around);
    void show(TimePoint now, const Surroundings& around);

    std::optional<vrrp::Discard> refuse(const Face& face, const vrrp::Datagram& datagram,
                                        const Surroundings& around) const;
    std::optional<vrrp::Discard> refuse(const vrrp::Received& received) const;
    void discard(TimePoint now, const Face& face, vrrp::Discard reason,
                 const vrrp::Datagram& datagram, const Surroundings& around);
    void note_gap(TimePoint now, const Peer& peer);
    bool is_remembered(TimePoint now, const IpAddress& source) const;
    Peer::Belief note_peer(TimePoint now, const IpAddress& source, const vrrp::Received& received,
                           bool has_our_list, const Surroundings& around);
    void note_contradiction(TimePoint now, const IpAddress& source,
                            const control::PeerStatus& before, const Surroundings& around);
    void note_active(TimePoint now, const Face& face, const IpAddress& source,
                     const vrrp::Received& received);
    void note_differences(TimePoint now, const Face& face, const vrrp::Received& received,
                          const IpAddress& source, const Surroundings& around);
    bool hears_offer(TimePoint now) const;
    std::optional<TimePoint> offer_counts_until() const;
    bool prepares(TimePoint now, const Peer& peer) const;
    TimePoint prepares_until(const Peer& peer) const;
    bool is_preparing(TimePoint now, const vrrp::Received& received, const Surroundings& around);
    bool holds_for_nobody() const;
    void hold_back(TimePoint now, const IpAddress& server, const Surroundings& around);
    void note_rivals(TimePoint now, const Surroundings& around);
    std::optional<Disagreements::ActiveHere> active_here() const;
    std::vector<std::string> hints(TimePoint now) const;
    bool decides_tie(TimePoint now, const Face& face, const vrrp::Received& received);
    vrrp::ChecksumForm checksum_form() const;
    static bool may_complain(TimePoint now, Complaint& complaint);
    void complain(TimePoint now, Complaint& complaint, std::string text,
                  const Surroundings& around);

    VipSettings settings_;
    Dependencies dependencies_;
    vrrp::Router router_;
    vrrp::Actions router_actions_;  // reused
    AddressLedger ledger_;
    Announcer announcer_;
    Announcer added_announcer_;  // of addresses that a reload has added
    std::vector<Face> faces_;
    InterfaceIndex interface_ = 0;
    MacAddress announced_mac_;
    std::optional<TimePoint> source_lost_;  // while active, with the addresses let go

    Facts facts_;
    Verdict verdict_;
    control::State shown_ = control::State::init;
    TimePoint shown_since_;
    std::string cause_;  // of the router's last transition
    std::string last_cause_shown_;
    bool has_ended_ = false;  // shut down for good
    bool has_moved_ = false;  // the router's state has changed since the facts were looked at
    // The router is active, and the addresses wait for the service.
    bool promoting_ = false;
    bool claim_waits_ = false;                // a takeover, for the service
    bool stop_wanted_ = false;                // of the service, since the addresses were lost
    std::optional<TimePoint> offered_until_;  // what this node should not have
    // A cold peer starts its service to take over what this node gives away.
    std::optional<TimePoint> preparing_since_;
    TransitionLimiter limiter_;
    std::optional<TimePoint> adopt_until_;  // addresses of a former run are here, and still good
    bool adopting_ = false;                 // the change from init to active is no transition
    std::uint64_t transitions_ = 0;

    enum class Consent : std::uint8_t { none, asked, given };
    // waived: taken while they were to be given away (maintenance), so there is nothing to end.
    enum class Drain : std::uint8_t { none, asked, done, waived };
    HookQueue hooks_;
    StateEntered entered_;             // what is shown
    Consent consent_ = Consent::none;  // of on_promote
    std::string refusal_;              // why on_promote said no
    std::optional<TimePoint> refused_until_;
    Duration refusal_pause_{};   // the last one; doubles
    Drain drain_ = Drain::none;  // by on_release, since the addresses are to be given away

    AddressLists lists_;
    Peers peers_;
    std::optional<IpAddress> active_peer_;  // the source of the last valid advertisement
    std::optional<TimePoint> first_family_heard_;
    std::optional<vrrp::ChecksumForm> peer_form_;
    std::optional<TimePoint> tie_in_ipv4_at_;
    control::VipCounters counters_;
    HeartbeatRecord heartbeats_;
    std::array<std::uint64_t, vrrp::discard_kinds> discarded_{};
    std::array<Complaint, vrrp::discard_kinds> discard_complaints_{};
    Complaint interval_complaint_;
    Complaint addresses_complaint_;
    Complaint send_complaint_;
    Complaint rival_complaint_;
    Complaint contradiction_complaint_;
    Disagreements disagreements_;
};

vrrp::RouterSettings router_settings(const VipSettings& settings);

// One journal line.
void log(Outbox& out, LogLevel level, std::string text);

}  // namespace understudy::core
