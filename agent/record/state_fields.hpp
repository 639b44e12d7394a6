// What the state of a Node consists of: for each class its fields, once for both directions.
//
// Every list begins by naming all members (a structured binding, so that one which is added does
// not compile until somebody has thought of it) and hands to the archive, in one call, those that
// are state. The others are made from the configuration, or from what is read.
//
// An archive writes or reads. It has `reads`, and require(), by which the reading one refuses what
// no Node is in and what the core relies on. Text for people goes through the writer's filter for
// what must not be written down; names, which are compared, stand in a Name.
#pragma once

#include "agent/core/node_impl.hpp"
#include "base/state_fields.hpp"

namespace understudy {

namespace record {

struct Name {
    std::string& text;
};

// A sequence as long as the configuration has it.
template <class Sequence>
struct Each {
    Sequence& all;
};

}  // namespace record

struct StateFields {
    // --- enumerations: the last value of each ---
    static constexpr auto last(Family) { return Family::ipv6; }
    static constexpr auto last(control::State) { return control::State::fault; }
    static constexpr auto last(control::Readiness) { return control::Readiness::unready; }
    static constexpr auto last(control::HookResult) { return control::HookResult::failed; }
    static constexpr auto last(checks::CheckState) { return checks::CheckState::down; }
    static constexpr auto last(vrrp::After) { return vrrp::After::release; }
    static constexpr auto last(vrrp::ChecksumForm) { return vrrp::ChecksumForm::pseudo_header; }
    static constexpr auto last(core::HookKind) { return core::HookKind::release; }
    static constexpr auto last(core::Manual) { return core::Manual::taken; }
    static constexpr auto last(core::LastResort) { return core::LastResort::release; }
    static constexpr auto last(core::Disagreement) { return core::Disagreement::contradicted; }
    static constexpr auto last(core::AddressLedger::Want) {
        return core::AddressLedger::Want::absent;
    }
    static constexpr auto last(core::Service::Phase) { return core::Service::Phase::stopping; }
    static constexpr auto last(core::Vip::Consent) { return core::Vip::Consent::given; }
    static constexpr auto last(core::Vip::SourceUse) { return core::Vip::SourceUse::kept; }
    static constexpr auto last(core::Vip::Drain) { return core::Vip::Drain::waived; }

    // --- vrrp ---
    template <class Archive>
    static void list(Archive& archive, vrrp::Router& self) {
        auto& [settings, standing, state] = self;
        archive(standing, state);
    }
    template <class Archive>
    static void list(Archive& archive, vrrp::Standing& self) {
        auto& [priority, may_lead, asks_first] = self;
        archive(priority, may_lead, asks_first);
    }
    template <class Archive>
    static void list(Archive& archive, vrrp::Initialize&) {
        archive();
    }
    template <class Archive>
    static void list(Archive& archive, vrrp::Heard& self) {
        auto& [source, priority, at] = self;
        archive(source, priority, at);
    }
    template <class Archive>
    static void list(Archive& archive, vrrp::Resigned& self) {
        auto& [source, at] = self;
        archive(source, at);
    }
    template <class Archive>
    static void list(Archive& archive, vrrp::Backup& self) {
        auto& [interval, timer_start, hurried_at, not_before, active, resigned, preempt_at, asked] =
            self;
        archive(interval, timer_start, hurried_at, not_before, active, resigned, preempt_at, asked);
    }
    template <class Archive>
    static void list(Archive& archive, vrrp::Active& self) {
        auto& [advert_at, advertised, readvert_at, offered_until, next_after, repeat_after] = self;
        archive(advert_at, advertised, readvert_at, offered_until, next_after, repeat_after);
    }

    // --- checks and services ---
    template <class Archive>
    static void list(Archive& archive, checks::Monitor::Running& self) {
        auto& [run, started, give_up_at] = self;
        archive(run, started, give_up_at);
    }
    template <class Archive>
    static void list(Archive& archive, checks::Monitor& self) {
        auto& [settings, state, since, detail, runs, failures, duration, weight, contrary, hurried,
               last_run, running, last_start, next_start, last_word] = self;
        archive(state, since, detail, runs, failures, duration, weight, contrary, hurried, last_run,
                running, last_start, next_start, last_word);
        constexpr int most = 1000;  // of all of them a sum is made
        archive.require(weight >= -most && weight <= most, "a weight");
    }
    template <class Archive>
    static void list(Archive& archive, core::Health::Visit& self) {
        auto& [client, check, run, give_up_at] = self;
        archive(client, check, run, give_up_at);
    }
    template <class Archive>
    static void list(Archive& archive, core::Health& self) {
        auto& [monitors, places, timetable, planned, visits, last_visit, heard] = self;
        archive(record::Each{monitors}, visits, last_visit, heard);
        for (const core::Health::Visit& visit : visits) {
            archive.require(visit.check < monitors.size(), "the number of a check");
        }
        if constexpr (Archive::reads) {
            timetable.clear();
            planned.clear();
            self.plan_all();
        }
    }
    template <class Archive>
    static void list(Archive& archive, core::Service& self) {
        using Phase = core::Service::Phase;
        auto& [settings, checks, index, phase, deadline, order, stopped, failure] = self;
        archive(phase, deadline, order, stopped, failure);
        archive.require(phase == Phase::idle || deadline, "a phase with its deadline");
    }

    // --- the kernel, and sockets ---
    template <class Archive>
    static void list(Archive& archive, core::Link& self) {
        auto& [index, name, up, mac] = self;
        archive(index, record::Name{name}, up, mac);
    }
    template <class Archive>
    static void list(Archive& archive, core::ObservedAddress& self) {
        auto& [prefix, ours, tentative, duplicate, deprecated, secondary, order, renewed] = self;
        archive(prefix, ours, tentative, duplicate, deprecated, secondary, order, renewed);
    }
    template <class Archive>
    static void list(Archive& archive, core::KernelView& self) {
        auto& [links, addresses, stale_links, stale_addresses, next_order, complete] = self;
        archive(links, addresses, stale_links, stale_addresses, next_order, complete);
    }
    template <class Archive>
    static void list(Archive& archive, core::Listener& self) {
        auto& [family, interface, multicast] = self;
        archive(family, interface, multicast);
    }
    template <class Archive>
    static void list(Archive& archive, core::Listeners::Status& self) {
        auto& [open, error, retry_at] = self;
        archive(open, error, retry_at);
    }
    template <class Archive>
    static void list(Archive& archive, core::Listeners& self) {
        auto& [status] = self;
        archive(status);
    }

    // --- a VIP ---
    template <class Archive>
    static void list(Archive& archive, core::AddressLedger::Entry& self) {
        auto& [wanted, added, index, ours, foreign, held_before, adding_until, removing_until,
               add_again_at] = self;
        archive(added, index, ours, foreign, held_before, adding_until, removing_until,
                add_again_at);
    }
    template <class Archive>
    static void list(Archive& archive, core::AddressLedger& self) {
        auto& [entries, by_address, lease, renewal_period, owner, want, renewed, repairs, refusal,
               retry_at, retry_after] = self;
        archive(record::Each{entries}, want, renewed, repairs, refusal, retry_at, retry_after);
    }
    template <class Archive>
    static void list(Archive& archive, core::Announcer& self) {
        auto& [done, next] = self;
        archive(done, next);
    }
    template <class Archive>
    static void list(Archive& archive, core::TransitionLimiter& self) {
        auto& [limit, changes, calm_at] = self;
        archive(changes, calm_at);
        archive.require(limit || !calm_at, "held by a limit that is configured");
    }
    template <class Archive>
    static void list(Archive& archive, control::HookStatus& self) {
        auto& [name, result, at, detail] = self;
        archive(record::Name{name}, result, at, detail);
    }
    template <class Archive>
    static void list(Archive& archive, core::StateEntered& self) {
        auto& [state, previous, reason] = self;
        archive(state, previous, reason);
    }
    template <class Archive>
    static void list(Archive& archive, core::HookQueue::Running& self) {
        auto& [kind, order, begun, limit] = self;
        archive(kind, order, begun, limit);
    }
    template <class Archive>
    static void list(Archive& archive, core::HookQueue& self) {
        auto& [running, release, promote, entered, last] = self;
        archive(running, release, promote, entered, last);
    }
    template <class Archive>
    static void list(Archive& archive, core::HookDesk& self) {
        auto& [node, last_order, stirred] = self;
        archive(last_order, stirred);
    }
    template <class Archive>
    static void list(Archive& archive, core::Facts& self) {
        auto& [observed, link_trouble, source_trouble, listener_trouble, startup_hold,
               address_trouble, manual, forced, maintenance, left_alone, stopping, base_priority,
               holding, promoting, served_elsewhere, never_checked, track_trouble, weight,
               readiness, service_trouble, last_resort, offer_over, stops_first, service_stopped,
               flapping, asks, refusal, drains] = self;
        archive(observed, link_trouble, source_trouble, listener_trouble, startup_hold,
                address_trouble, manual, forced, maintenance, left_alone, stopping, holding,
                promoting, served_elsewhere, never_checked, track_trouble, weight, readiness,
                service_trouble, last_resort, offer_over, stops_first, service_stopped, flapping,
                asks, refusal, drains);
        constexpr int most = 1'000'000;  // the priority is added to it
        archive.require(weight >= -most && weight <= most, "a sum of weights");
    }
    template <class Archive>
    static void list(Archive& archive, core::Verdict& self) {
        auto& [can_talk, may_lead, priority, shown, reason] = self;
        archive(can_talk, may_lead, priority, shown, reason);
    }
    template <class Archive>
    static void list(Archive& archive, core::Vip::Face& self) {
        auto& [family, addresses, address_count, source, source_use] = self;
        archive(source, source_use);
        archive.require(!source || source->family() == family, "a source of this family");
    }
    template <class Archive>
    static void list(Archive& archive, core::Peers& self) {
        auto& [all] = self;
        archive(all);
        archive.require(all.size() <= core::most_peers, "as many peers as are remembered");
    }
    template <class Archive>
    static void list(Archive& archive, core::Peer& self) {
        auto& [source, shown, gave_away, ordinary_at, interval, candidate, candidate_since,
               challenged_at, had_our_list_at, doubted_until] = self;
        archive(source, shown, gave_away, ordinary_at, interval, candidate, candidate_since,
                challenged_at, had_our_list_at, doubted_until);
        archive.require(!interval || *interval >= vrrp::interval_step, "an interval");
    }
    template <class Archive>
    static void list(Archive& archive, control::PeerStatus& self) {
        auto& [address, priority, interval, heard] = self;
        archive(address, priority, interval, heard);
        archive.require(interval >= vrrp::interval_step, "an interval");
    }
    template <class Archive>
    static void list(Archive& archive, core::Vip::Complaint& self) {
        auto& [logged, suppressed] = self;
        archive(logged, suppressed);
    }
    template <class Archive>
    static void list(Archive& archive, control::VipCounters& self) {
        auto& [adverts_sent, adverts_received, zero_sent, zero_received, send_errors, intervals,
               addresses, repairs, announcements, discarded] = self;  // the last when shown
        archive(adverts_sent, adverts_received, zero_sent, zero_received, send_errors, intervals,
                addresses, repairs, announcements);
    }
    template <class Archive, std::size_t size, const std::array<std::int64_t, size>& bounds>
    static void list(Archive& archive, core::Histogram<size, bounds>& self) {
        auto& [counts, sum] = self;
        archive(counts, sum);
    }
    template <class Archive>
    static void list(Archive& archive, core::HeartbeatRecord& self) {
        auto& [gaps, lateness] = self;
        archive(gaps, lateness);
    }
    template <class Archive>
    static void list(Archive& archive, core::Disagreements::Entry& self) {
        auto& [source, kind, at, mark, text] = self;
        archive(source, kind, at, mark, text);
    }
    template <class Archive>
    static void list(Archive& archive, core::Disagreements::Speaker& self) {
        auto& [source, at, counted, interval, priority, row] = self;
        archive(source, at, counted, interval, priority, row);
    }
    template <class Archive>
    static void list(Archive& archive, core::Disagreements& self) {
        auto& [entries, speakers] = self;
        archive(entries, speakers);
    }
    template <class Archive>
    static void list(Archive& archive, core::AddressLists& self) {
        auto& [own, derived, former, judged] = self;
        archive(former);
    }
    template <class Archive>
    static void list(Archive& archive, core::Vip& self) {
        auto& [settings, dependencies, router, router_actions, ledger, announcer, added_announcer,
               faces, interface, announced_mac, source_lost, facts, verdict, shown, shown_since,
               cause, last_cause_shown, has_ended, has_moved, promoting, claim_waits, stop_wanted,
               offered_until, preparing_since, limiter, adopt_until, adopting, transitions, hooks,
               entered, consent, refusal, refused_until, refusal_pause, drain, lists, peers,
               active_peer, first_family_heard, peer_form, tie_in_ipv4_at, counters, heartbeats,
               discarded, discard_complaints, interval_complaint, addresses_complaint,
               send_complaint, rival_complaint, contradiction_complaint, disagreements] = self;
        archive(router, ledger, announcer, added_announcer, record::Each{faces}, interface,
                announced_mac, source_lost, facts, verdict, shown, shown_since, cause,
                last_cause_shown, has_ended, has_moved, promoting, claim_waits, stop_wanted,
                offered_until, preparing_since, limiter, adopt_until, adopting, transitions, hooks,
                entered, consent, refusal, refused_until, refusal_pause, drain, lists, peers,
                active_peer, first_family_heard, peer_form, tie_in_ipv4_at, counters, heartbeats,
                discarded, discard_complaints, interval_complaint, addresses_complaint,
                send_complaint, rival_complaint, contradiction_complaint, disagreements);
    }

    // --- the Node ---
    template <class Archive>
    static void list(Archive& archive, control::StateEvent& self) {
        auto& [number, at, vip, from, to, cause] = self;
        archive(number, at, record::Name{vip}, from, to, cause);
    }
    template <class Archive>
    static void list(Archive& archive, core::EventLog& self) {
        auto& [kept, next_number] = self;
        archive(kept, next_number);
    }
    template <class Archive>
    static void list(Archive& archive, core::Node::Impl::Waiting& self) {
        auto& [client, vips, deadline, timeout, maintenance, drains] = self;
        archive(client, vips, deadline, timeout, maintenance, drains);
        archive.require(!vips.empty(), "who waits for something");
    }
    template <class Archive>
    static void list(Archive& archive, core::Node::Impl::Farewell& self) {
        auto& [until, patience, limit, drains] = self;
        archive(until, patience, limit, drains);
    }
    template <class Archive>
    static void list(Archive& archive, core::Node::Impl& self) {
        auto& [configuration, started, handled, shortest_interval, virtual_addresses, kernel,
               listeners, health, services, events, hooks, vips, vips_of_address, vips_of_wire,
               discarded, maintenance, maintenance_until, waiting, taking, stopping, hurries,
               exited, farewells] = self;
        archive(started, handled, kernel, listeners, health, record::Each{services}, events, hooks,
                record::Each{vips}, vips_of_wire, discarded, maintenance, maintenance_until,
                waiting, taking, stopping, hurries, exited, farewells);
        const std::size_t end = vips.size();
        for (const auto* all : {&waiting, &taking}) {
            for (const core::Node::Impl::Waiting& one : *all) {
                archive.require(std::ranges::all_of(one.vips, [&](auto i) { return i < end; }),
                                "the number of a VIP");
            }
        }
        for (const auto& [wire, vip] : vips_of_wire) {
            archive.require(vip < end, "the number of a VIP");
        }
        const std::size_t ending = stopping ? end : 0;
        archive.require(farewells.size() == ending, "as many farewells as VIPs");
    }
    template <class Archive>
    static void list(Archive& archive, core::Node& self) {
        list(archive, *self.impl_);
    }
    static const auto& links(const core::Node& node) { return node.impl_->kernel_.links_; }
};

}  // namespace understudy
