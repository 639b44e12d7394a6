#include "agent/core/vip.hpp"

#include <algorithm>

#include "agent/core/narration.hpp"
#include "agent/core/wording.hpp"
#include "base/overloaded.hpp"

namespace understudy::core {

void log(Outbox& out, LogLevel level, std::string text) {
    out.actions.emplace_back(Log{level, std::move(text)});
}

Vip::Vip(const VipSettings& settings, Dependencies dependencies, TimePoint started)
    : settings_(settings),
      dependencies_(std::move(dependencies)),
      router_(router_settings(settings), vrrp::Standing{settings.priority, false}),
      ledger_(settings),
      shown_since_(started),
      limiter_(settings.max_transitions),
      lists_(settings) {
    make_faces();
    facts_.base_priority = settings.priority;
    if (settings.startup_delay > Duration::zero()) {
        facts_.startup_hold = started + settings.startup_delay;
    }
    verdict_ = decide(started, facts_);
}

// --- facts -> verdict -> router ------------------------------------------------------------------

std::string Vip::link_trouble(const KernelView& kernel) const {
    for (const VirtualAddress& address : settings_.addresses) {
        const Link* link = kernel.link_named(address.interface);
        if (link == nullptr) {
            return "interface " + address.interface + " does not exist";
        }
        if (!link->up) {
            return "interface " + address.interface + " is down, or has no carrier";
        }
    }
    return {};
}

std::string Vip::listener_trouble(const Listeners& listeners) const {
    for (const Face& face : faces_) {
        if (std::string trouble = listeners.trouble(face.family, interface_); !trouble.empty()) {
            return std::string{name_of(face.family)} + " advertisements cannot be received on " +
                   settings_.interface + ": " + trouble;
        }
    }
    return {};
}

bool Vip::awaits_sockets(const Listeners& listeners) const {
    const bool otherwise_fine = facts_.observed && facts_.link_trouble.empty() &&
                                facts_.source_trouble.empty() && facts_.listener_trouble.empty();
    return otherwise_fine && !std::ranges::all_of(faces_, [&](const Face& face) {
               return listeners.is_open(face.family, interface_);
           });
}

void Vip::gather(TimePoint now, const Surroundings& around) {
    const Link* link = around.kernel.link_named(settings_.interface);
    interface_ = link == nullptr ? 0 : link->index;
    facts_.observed = facts_.observed || around.kernel.is_complete();
    facts_.link_trouble = link_trouble(around.kernel);
    facts_.source_trouble = source_trouble(around);
    if (waits_for_source(now, facts_.source_trouble, around)) {
        facts_.source_trouble.clear();
    }
    facts_.listener_trouble = listener_trouble(around.listeners);
    facts_.address_trouble = ledger_.trouble(now);
    if (link != nullptr && is_active() && !promoting_ && link->mac != announced_mac_) {
        announce(now, around);
    }
}

// Whether settle() would find anything that time alone has changed. It is too costly for every
// deadline.
bool Vip::facts_are_old(TimePoint now) const {
    const bool held_back = verdict_.shown == control::State::init && facts_.startup_hold;
    return (held_back && now >= *facts_.startup_hold) ||
           ledger_.trouble(now) != facts_.address_trouble ||
           (source_lost_ && facts_.source_trouble.empty() && now >= *source_wait_end()) ||
           (adopt_until_ && now >= *adopt_until_) ||
           (offered_until_ && !facts_.offer_over && now >= *offered_until_) ||
           (refused_until_ && now >= *refused_until_) ||
           (facts_.served_elsewhere && !hears_offer(now)) ||
           (limiter_.held_until() && now >= *limiter_.held_until());
}

// Addresses of a former run of this agent are adopted while no peer can have missed enough
// advertisements: they were renewed together with the last one.
bool Vip::can_adopt(TimePoint now, const KernelView& kernel) {
    const auto renewed = ledger_.last_renewed(kernel);
    adopt_until_.reset();
    if (!renewed || now >= *renewed + 3 * settings_.advert_interval) {
        return false;
    }
    adopt_until_ = *renewed + 3 * settings_.advert_interval;
    return true;
}

// What a node may do differs with and without the addresses: when they have changed hands, the
// facts are looked at again.
void Vip::settle(TimePoint now, const Surroundings& around) {
    constexpr int most_rounds = 3;
    for (int round = 0; round < most_rounds; ++round) {
        has_moved_ = false;
        settle_once(now, around);
        if (!has_moved_) {
            break;
        }
    }
}

void Vip::settle_once(TimePoint now, const Surroundings& around) {
    if (has_ended_) {
        return;
    }
    gather(now, around);
    if (facts_.startup_hold && now >= *facts_.startup_hold) {
        facts_.startup_hold.reset();
    }
    if (router_.state() == vrrp::State::initialize && awaits_sockets(around.listeners)) {
        adopt_until_.reset();  // asked again when the sockets are there
        return;                // neither a fault nor ready: the answer comes with the next event
    }
    bool adopt = false;
    if (facts_.observed && ledger_.is_undecided()) {
        adopt = can_adopt(now, around.kernel);
        if (adopt) {
            facts_.startup_hold.reset();
        } else {
            ledger_.release(now, around.out);
        }
    }
    const bool holding = adopt || (is_active() && !promoting_);
    gather_health(now, holding, around);
    gather_hooks(now, around);
    const Verdict verdict = decide(now, facts_);
    if (around.out.logs(LogLevel::debug)) {
        narrate_decision(settings_.name, verdict_, verdict, facts_, around.out);
    }
    if (router_.state() == vrrp::State::initialize && verdict.can_talk) {
        adopting_ = adopt && verdict.may_lead;
        verdict_ = verdict;
        feed(now, vrrp::StandingChanged{standing_of(verdict)}, around);
        feed(now, vrrp::Startup{adopting_}, around);
        if (ledger_.is_undecided()) {
            ledger_.release(now, around.out);
        }
        adopt_until_.reset();
    } else {
        apply(now, verdict, around);
    }
    end_promotion(now, around);
    show(now, around);
}

vrrp::Standing Vip::standing_of(const Verdict& verdict) const {
    const bool asks_first = settings_.hooks.has(HookKind::promote) && !facts_.forced;
    return {verdict.priority, verdict.may_lead, asks_first};
}

void Vip::apply(TimePoint now, const Verdict& verdict, const Surroundings& around) {
    verdict_ = verdict;
    const vrrp::Standing standing = standing_of(verdict);
    if (!verdict.can_talk) {
        feed(now, vrrp::Shutdown{}, around);
        active_peer_.reset();
    }
    if (router_.standing() != standing) {
        feed(now, vrrp::StandingChanged{standing}, around);
    }
}

void Vip::observe_all(TimePoint now, const Surroundings& around) {
    ledger_.observe_all(now, around.kernel, around.out);
    settle(now, around);
}

void Vip::observe(TimePoint now, InterfaceIndex index, const IpAddress& address,
                  const Surroundings& around) {
    const AddressLedger::Sight sight =
        ledger_.observe(now, around.kernel, index, address, around.out);
    if (sight.lost) {
        log(around.out, LogLevel::warn,
            settings_.name + ": " + address.to_string() +
                " was deleted by somebody else: it is put back");
    }
    if (sight.repaired) {
        announce(now, around);
    }
    // How long it may adopt depends on which addresses are here.
    if (adopt_until_ || facts_are_old(now)) {
        settle(now, around);
    }
}

void Vip::refused(TimePoint now, const AddressRefused& refusal, const Surroundings& around) {
    ledger_.refused(now, refusal);
    settle(now, around);
}

void Vip::time_passed(TimePoint now, const Surroundings& around) {
    if (const auto late = hooks_.time_passed(now)) {
        hook_ended(now, *late, around);
    }
    end_yielding_if_due(now, around);
    const auto heartbeat_due = is_active() ? router_.next_deadline() : std::nullopt;
    if (heartbeat_due && now >= *heartbeat_due) {
        heartbeats_.sent(now - *heartbeat_due);
    }
    feed(now, vrrp::TimePassed{}, around);
    if (ledger_.time_passed(now, around.out)) {
        announce(now, around);
    }
    if (is_active() && announcer_.time_passed(now)) {
        announce_once(around);
    }
    repeat_added(now, around);
    if (has_moved_ || facts_are_old(now)) {
        settle(now, around);
    }
}

// A standby that is held up for a moment, perhaps often, still reads what has waited before its
// timer counts; only after a longer time may some of it be lost.
void Vip::resume(TimePoint now, Duration late, const Surroundings& around) {
    const int intervals = is_active() ? 1 : 3;
    if (late <= intervals * settings_.advert_interval) {
        return;
    }
    feed(now, vrrp::Resumed{}, around);
    if (has_moved_) {
        settle(now, around);
    }
}

// Who gave the addresses away stays behind its peers, but not when all of them are gone: then it
// leads with its own priority, and the low band ends before it advertises.
void Vip::end_yielding_if_due(TimePoint now, const Surroundings& around) {
    const auto down_at = router_.active_down_at();
    if (facts_.stopping || !down_at || now < *down_at) {
        return;
    }
    if (facts_.manual == Manual::yielding) {
        set_manual(now, Manual::none, false, around);
    } else if (facts_.maintenance && facts_.stops_first && !facts_.left_alone) {
        facts_.left_alone = true;
        settle(now, around);
    }
}

void Vip::set_manual(TimePoint now, Manual manual, bool forced, const Surroundings& around) {
    facts_.manual = manual;
    facts_.forced = forced;
    if (manual == Manual::taken && !is_active()) {
        vrrp::Transition wanted;  // what is done for it is shown before it comes
        wanted.cause = vrrp::Cause::claimed;
        cause_ = in_words(wanted);
    }
    if (forced) {
        ledger_.forgive();
    }
    settle(now, around);
}

void Vip::set_maintenance(TimePoint now, bool on, const Surroundings& around) {
    facts_.maintenance = on;
    facts_.left_alone = false;
    set_manual(now, on ? Manual::none : facts_.manual, !on && facts_.forced, around);
}

void Vip::claim(TimePoint now, const Surroundings& around) {
    const bool asks = needs_consent() && !is_active();
    if (asks) {
        ask_consent(around);
    }
    if (asks || awaits_service()) {
        claim_waits_ = true;
        settle(now, around);
        return;
    }
    feed(now, vrrp::Claim{}, around);
    settle(now, around);
}

void Vip::shut_down(TimePoint now, const Surroundings& around) {
    has_ended_ = true;
    adopt_until_.reset();
    feed(now, vrrp::Shutdown{}, around);
    ledger_.release(now, around.out);
    show(now, around);
}

// --- router -> actions ---------------------------------------------------------------------------

void Vip::feed(TimePoint now, const vrrp::Event& event, const Surroundings& around) {
    router_actions_.clear();
    router_.handle(now, event, router_actions_);
    for (const vrrp::Action& action : router_actions_) {
        std::visit(Overloaded{
                       [&](const vrrp::SendAdvert& a) { send_advert(now, a, around); },
                       [&](const vrrp::TakeAddresses&) {
                           if (!promoting_) {
                               ledger_.take(now, around.out);
                           }
                       },
                       [&](const vrrp::ReleaseAddresses&) {
                           hook_after_release(around);
                           promoting_ = false;
                           announcer_.stop();
                           end_added();
                           ledger_.release(now, around.out);
                       },
                       [&](const vrrp::AnnounceAddresses&) {
                           if (!promoting_) {
                               announce(now, around);
                           }
                       },
                       [&](const vrrp::Transition& a) { execute(now, a, around); },
                       [&](const vrrp::LeadDue& a) {
                           cause_ = in_words(a.why);
                           has_moved_ = true;
                           ask_consent(around);
                       },
                   },
                   action);
    }
}

void Vip::execute(TimePoint now, const vrrp::Transition& transition, const Surroundings& around) {
    has_moved_ = true;
    cause_ = in_words(transition);
    if (around.out.logs(LogLevel::debug)) {
        narrate_election(settings_.name, transition, router_, around.out);
    }
    if (transition.to == vrrp::State::active) {
        promoting_ = awaits_promotion();
        if (promoting_ && needs_consent()) {
            ask_consent(around);
        }
        if (consent_ == Consent::given) {
            tell_consent();
        }
        active_peer_.reset();
        stop_wanted_ = false;
        drain_ = yields(facts_) ? Drain::waived : Drain::none;
    } else {
        consent_ = Consent::none;
        hooks_.forget(HookKind::promote);
        if (transition.from == vrrp::State::active) {
            facts_.left_alone = false;
            stop_wanted_ = facts_.stops_first && !facts_.service_stopped;
        }
    }
    const bool changes_hands =
        transition.from == vrrp::State::active || transition.to == vrrp::State::active;
    const bool by_hand = facts_.manual != Manual::none || facts_.maintenance;
    if (changes_hands && !by_hand && !adopting_ && limiter_.count(now)) {
        log(around.out, LogLevel::error,
            settings_.name + ": more than " + std::to_string(limiter_.limit()->count) +
                " transitions within " + in_words(limiter_.limit()->window) +
                ": once in backup it is held there until it has been quiet for as long, or until "
                "failback");
    }
    const bool lost = transition.cause == vrrp::Cause::higher_priority ||
                      transition.cause == vrrp::Cause::tie_lost;
    // For a second attempt a service would be started beside another node's that must run alone.
    const bool cannot_go_on = transition.from == vrrp::State::active && facts_.stops_first;
    if (facts_.manual == Manual::taken && (lost || cannot_go_on)) {
        // Somebody with a better claim ended the takeover, forced or not.
        facts_.manual = Manual::none;
        facts_.forced = false;
    }
    show(now, around);
}

void Vip::announce(TimePoint now, const Surroundings& around) {
    announce_once(around);
    announcer_.start(now);
    end_added();  // they are among all of them
}

void Vip::announce_once(const Surroundings& around, bool only_added) {
    if (source_lost_) {
        return;  // they were let go
    }
    for (const AddressLedger::Entry& entry : ledger_.entries()) {
        if (only_added && !entry.added) {
            continue;
        }
        const Link* link = around.kernel.link(entry.index);
        const bool held = entry.ours || entry.adding_until;  // or just asked for
        if (link != nullptr && link->up && held) {
            around.out.actions.emplace_back(
                Announce{entry.index, link->mac, entry.wanted.prefix.address});
            ++counters_.announcements;
        }
        if (link != nullptr && link->index == interface_) {
            announced_mac_ = link->mac;
        }
    }
}

// The state that people see is derived; a change of it is one event.
void Vip::show(TimePoint now, const Surroundings& around) {
    const control::State leading = promoting_ ? control::State::promoting : control::State::active;
    const control::State state = is_active() ? leading : verdict_.shown;
    if (state == shown_) {
        return;
    }
    control::StateEvent event;
    event.at = now;
    event.vip = settings_.name;
    event.from = shown_;
    event.to = state;
    const bool decided_here = state == control::State::fault || state == control::State::init;
    event.cause = decided_here && !verdict_.reason.empty() ? verdict_.reason : cause_;
    last_cause_shown_ = event.cause;
    enter({event.to, event.from, event.cause}, around);
    around.events.append(std::move(event), around.out);
    shown_ = state;
    shown_since_ = now;
    if (!adopting_) {
        ++transitions_;
    }
    adopting_ = false;
}

std::optional<TimePoint> Vip::next_deadline() const {
    std::optional<TimePoint> earliest = has_ended_ ? std::nullopt : router_.next_deadline();
    const auto consider = [&](const std::optional<TimePoint>& at) {
        if (at) {
            earliest = earliest ? std::min(*earliest, *at) : *at;
        }
    };
    consider(ledger_.next_deadline());
    consider(hooks_.next_deadline());
    if (has_ended_) {
        return earliest;
    }
    consider(refused_until_);
    consider(announcer_.next_deadline());
    consider(added_announcer_.next_deadline());
    consider(adopt_until_);
    if (facts_.source_trouble.empty()) {
        consider(source_wait_end());
    }
    consider(limiter_.held_until());
    if (facts_.served_elsewhere) {
        consider(offer_counts_until());
    }
    if (!facts_.offer_over) {
        consider(offered_until_);
    }
    if (verdict_.shown == control::State::init) {
        consider(facts_.startup_hold);
    }
    return earliest;
}

}  // namespace understudy::core
