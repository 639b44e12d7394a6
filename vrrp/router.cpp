#include "vrrp/router.hpp"

#include <algorithm>
#include <utility>

namespace understudy::vrrp {

namespace {

// An Active router that was heard within this many of its intervals is taken to be alive.
constexpr int intervals_alive = 2;

bool is_alive(TimePoint now, const std::optional<Heard>& active, Duration interval) {
    return active && now - active->at < intervals_alive * interval;
}

Transition because(Cause cause) {
    Transition transition;
    transition.cause = cause;
    return transition;
}

Transition because(TimePoint now, Cause cause, const std::optional<Heard>& peer) {
    Transition transition = because(cause);
    if (peer) {
        transition.peer = peer->source;
        transition.peer_priority = peer->priority;
        transition.silence = now - peer->at;
    }
    return transition;
}

}  // namespace

Router::Router(RouterSettings settings, Standing standing)
    : settings_(settings), standing_(standing) {}

void Router::handle(TimePoint now, const Event& event, Actions& out) {
    // Whoever slept longer than its peers wait has been replaced: it stands down before it reads or
    // sends anything, and says nothing (no RFC basis: the RFC knows no stopped process and no
    // paused machine).
    if (const auto* active = std::get_if<Active>(&state_);
        active != nullptr && now - active->advertised >= slept_after()) {
        follow(now, because(Cause::slept), nullptr, out);
    }
    std::visit([&](auto& state, const auto& what) { on(now, state, what, out); }, state_, event);
}

// --- Initialize (6.4.1) --------------------------------------------------------------------------

void Router::on(TimePoint now, const Initialize&, const Startup& event, Actions& out) {
    if (standing_.may_lead && standing_.priority == owner_priority) {
        lead(now, because(Cause::owner), false, out);
    } else if (standing_.may_lead && event.adopt) {
        lead(now, because(Cause::adopted), false, out);
    } else {
        Transition why = because(Cause::started);
        why.to = State::backup;
        out.emplace_back(why);
        state_ = backup_from(now);
    }
}

void Router::on(TimePoint, const Initialize&, const Shutdown&, Actions&) {}
void Router::on(TimePoint, const Initialize&, const Advert&, Actions&) {}
void Router::on(TimePoint, const Initialize&, const Claim&, Actions&) {}
void Router::on(TimePoint, const Initialize&, const Agreed&, Actions&) {}
void Router::on(TimePoint, const Initialize&, const TimePassed&, Actions&) {}
void Router::on(TimePoint, const Initialize&, const Resumed&, Actions&) {}
void Router::on(TimePoint, const Initialize&, const StandingChanged& event, Actions&) {
    standing_ = event.standing;
}
void Router::on(TimePoint, const Initialize&, const SettingsChanged& event, Actions&) {
    settings_ = event.settings;
}

// --- Backup (6.4.2) ------------------------------------------------------------------------------

void Router::on(TimePoint, Backup&, const Startup&, Actions&) {}

void Router::on(TimePoint, Backup&, const Shutdown&, Actions& out) {
    Transition why = because(Cause::shut_down);
    why.from = State::backup;
    out.emplace_back(why);
    state_ = Initialize{};
}

void Router::on(TimePoint now, Backup& state, const Advert& advert, Actions& out) {
    if (advert.priority == resignation_priority) {
        resigned(now, state, advert, out);
        return;
    }
    if (is_reordered(now, state, advert)) {
        return;
    }
    // A router that has lost against a better one says so with one last advertisement. It is no
    // offer, since only the Active router can offer the addresses, and it does not make the better
    // one forgotten.
    const bool preempting = settings_.preempt || standing_.priority == owner_priority;
    const bool is_led = is_alive(now, state.active, state.active_interval) &&
                        state.active->source != advert.source &&
                        state.active->priority >= standing_.priority;
    const bool is_disregarded = in_low_band(advert.priority) || preempting;
    const bool is_worse = is_led && is_disregarded && advert.priority < state.active->priority;
    if (is_worse || (in_low_band(advert.priority) && has_rival(now, state, advert))) {
        return;
    }
    state.resigned.reset();
    const bool offered = is_offer(advert.priority);
    const bool lower = advert.priority < standing_.priority;
    if (!standing_.may_lead) {
        accept(now, state, advert);
    } else if (offered) {
        hurry(now, state, advert.counts_from);
    } else if (lower && preempting) {
        // Discarded, as the RFC has it: the timer runs out, and that is the preemption. What was
        // given away before is contradicted.
        state.hurried_at.reset();
        // Not from the RFC: an interval that is believed no longer does not delay the preemption.
        state.active_interval =
            std::min(state.active_interval, std::max(advert.interval, settings_.advert_interval));
        if (!may_preempt_now(now, state)) {
            accept(now, state, advert);
        }
    } else {
        accept(now, state, advert);
        state.preempt_at.reset();
    }
    state.active = Heard{advert.source, advert.priority, now};
    if (offered) {  // what had to stand until later may count now
        lead_if_due(now, state, false, out);
    }
}

// Of another router than the Active one, it proves nothing while that one goes on.
void Router::resigned(TimePoint now, Backup& state, const Advert& advert, Actions& out) {
    TimePoint counts_from = advert.counts_from;
    if (has_rival(now, state, advert)) {
        counts_from = std::max(counts_from, overdue_at(state.active->at, state.active_interval));
    } else {
        state.active = Heard{advert.source, advert.priority, now};
    }
    hurry(now, state, counts_from);
    state.resigned = Resigned{advert.source, now};
    // The time may be over: nobody serves any more while a hook is asked, and nobody else takes
    // what was offered before.
    lead_if_due(now, state, false, out);
}

// An older advertisement that comes after the resignation of its sender must not stretch the
// takeover. Only an owner can be back at once; and a resignation that may be forged is contradicted
// by whatever its sender says.
bool Router::is_reordered(TimePoint now, const Backup& state, const Advert& advert) {
    return state.resigned && state.resigned->source == advert.source &&
           advert.priority != owner_priority && state.not_before <= state.resigned->at &&
           now - state.resigned->at < reordering_window(state.active_interval);
}

// Somebody else is alive and Active, and keeps the addresses.
bool Router::has_rival(TimePoint now, const Backup& state, const Advert& advert) {
    return is_alive(now, state.active, state.active_interval) &&
           state.active->source != advert.source && state.active->priority > low_band_top;
}

void Router::on(TimePoint now, Backup& state, const StandingChanged& event, Actions& out) {
    // The deadline is computed from the priority, so a change shifts the running timer and does not
    // restart it.
    standing_ = event.standing;
    if (standing_.priority == yielding_priority && !state.resigned && state.hurried_at) {
        state.hurried_at.reset();  // who would offer them as well does not take them
        state.timer_start = now;
    }
    state.asked = state.asked && standing_.may_lead;
    lead_if_due(now, state, false, out);
}

void Router::on(TimePoint now, Backup& state, const Claim&, Actions& out) {
    if (standing_.may_lead) {
        const bool alive = is_alive(now, state.active, state.active_interval);
        lead(now, because(now, Cause::claimed, state.active), alive, out);
    }
}

void Router::on(TimePoint now, Backup& state, const Agreed&, Actions& out) {
    lead_if_due(now, state, true, out);
    if (auto* backup = std::get_if<Backup>(&state_)) {
        backup->asked = false;
    }
}

void Router::on(TimePoint now, Backup& state, const TimePassed&, Actions& out) {
    lead_if_due(now, state, false, out);
}

void Router::on(TimePoint now, Backup& state, const Resumed&, Actions&) {
    state.timer_start = now;
    state.hurried_at.reset();
    state.asked = false;
    state.resigned.reset();
}

// Who is in the low band as well, because its service has to be started, takes only what is given
// away.
bool Router::is_offer(Priority priority) const {
    return in_low_band(standing_.priority)
               ? priority == yielding_priority && standing_.priority > yielding_priority
               : in_low_band(priority);
}

// A learned interval is the Active router's, and stays. Where our own one counts, the silence so
// far was measured against another: it proves nothing about the new one.
void Router::on(TimePoint now, Backup& state, const SettingsChanged& event, Actions&) {
    const bool own_counts = settings_.version == Version::v2 || !state.active;
    if (own_counts && event.settings.advert_interval != settings_.advert_interval) {
        state.active_interval = event.settings.advert_interval;
        state.timer_start = now;
        state.hurried_at.reset();
        state.asked = false;
    }
    if (state.preempt_at) {
        *state.preempt_at += event.settings.preempt_delay - settings_.preempt_delay;
    }
    settings_ = event.settings;
}

void Router::lead_if_due(TimePoint now, Backup& state, bool agreed, Actions& out) {
    if (!standing_.may_lead || now < down_at(state)) {
        return;
    }
    const bool alive = is_alive(now, state.active, state.active_interval) && !state.resigned;
    Cause cause = Cause::silence;
    if (state.resigned) {
        cause = Cause::resignation;
    } else if (alive) {
        cause = state.hurried_at ? Cause::yielded_to_us : Cause::preemption;
    }
    Transition why = because(now, cause, state.active);
    if (!state.active) {
        why.silence = now - state.timer_start;
    }
    if (alive && standing_.asks_first && !agreed) {
        if (!state.asked) {
            state.asked = true;
            out.emplace_back(LeadDue{why});
        }
        return;
    }
    lead(now, why, alive, out);
}

// An offer does not set the interval: a short one would end the time in which the router that it
// names can contradict it. Version 2 does not learn the interval at all.
void Router::accept(TimePoint now, Backup& state, const Advert& advert) const {
    if (settings_.version == Version::v3 && !is_offer(advert.priority)) {
        state.active_interval = advert.interval;
    }
    state.timer_start = now;
    state.hurried_at.reset();
    state.asked = false;
}

// Skew_Time instead of Active_Down_Interval, from the first packet on that says so.
void Router::hurry(TimePoint now, Backup& state, TimePoint not_before) {
    state.not_before = state.hurried_at ? std::min(state.not_before, not_before) : not_before;
    state.hurried_at = state.hurried_at.value_or(now);
}

bool Router::may_preempt_now(TimePoint now, Backup& state) const {
    if (!state.preempt_at) {
        state.preempt_at = now + settings_.preempt_delay;
    }
    return now >= *state.preempt_at;
}

// --- Active (6.4.3) ------------------------------------------------------------------------------

void Router::on(TimePoint, Active&, const Startup&, Actions&) {}
void Router::on(TimePoint, Active&, const Claim&, Actions&) {}
void Router::on(TimePoint, Active&, const Agreed&, Actions&) {}
void Router::on(TimePoint, Active&, const Resumed&, Actions&) {}  // handle() looks at this one

void Router::on(TimePoint now, Active&, const Shutdown&, Actions& out) {
    resign(now, because(Cause::shut_down), Initialize{}, out);
}

void Router::on(TimePoint now, Active& state, const Advert& advert, Actions& out) {
    const bool tied = advert.priority == standing_.priority;
    if (tied && !advert.decides_tie) {
        return;
    }
    const bool loses_tie = tied && advert.source > advert.receiver;
    if (advert.priority > standing_.priority || loses_tie) {
        const Heard winner{advert.source, advert.priority, now};
        const Cause cause = tied ? Cause::tie_lost : Cause::higher_priority;
        follow(now, because(now, cause, winner), &advert, out);
        return;
    }
    // Answered at once, but a stream of them (broken peer, attacker) must not become a storm of
    // ours.
    if (advert.priority == yielding_priority) {
        state.offered_until = now + intervals_alive * advert.interval;
    }
    if (now < state.readvert_at) {
        return;
    }
    state.readvert_at = now + readvert_spacing();
    if (advert.priority == resignation_priority) {
        advertise(now, state, out);
    } else if (settings_.version == Version::v3) {
        // New in RFC 9568: silences the challenger and lets bridges relearn. Adver_Timer runs on.
        const TimePoint regular = state.advert_at;
        const auto repeat_after = state.repeat_after;
        advertise(now, state, out);
        state.advert_at = regular;
        state.repeat_after = repeat_after;
    }
    // The rival may have announced the addresses as its own (no RFC basis).
    out.emplace_back(AnnounceAddresses{});
}

void Router::on(TimePoint now, Active& state, const StandingChanged& event, Actions& out) {
    const bool priority_changed = event.standing.priority != standing_.priority;
    const bool leaves_band =
        in_low_band(standing_.priority) && !in_low_band(event.standing.priority);
    standing_ = event.standing;
    if (!standing_.may_lead) {
        resign(now, because(Cause::may_not_lead), backup_from(now), out);
    } else if (leaves_band && now < state.offered_until) {
        // Its service is ready. Who serves meanwhile lets go when it hears that: as in lead(),
        // after traffic has moved.
        state.advert_at = now + handover_overlap;
        state.next_after = After::handover;
    } else if (priority_changed) {
        advertise(now, state, out);
    }
}

void Router::on(TimePoint now, Active& state, const TimePassed&, Actions& out) {
    if (now >= state.advert_at) {
        advertise(now, state, out);
    }
}

// Peers learn the interval from the advertisement: a shorter one is told at once, a longer one when
// they expect to hear of us, and once more, since some believe only what they have heard twice.
void Router::on(TimePoint now, Active& state, const SettingsChanged& event, Actions& out) {
    const Duration before = settings_.advert_interval;
    settings_ = event.settings;
    if (settings_.advert_interval < before) {
        state.repeat_after.reset();
        advertise(now, state, out);
    } else if (settings_.advert_interval > before) {
        state.repeat_after = state.repeat_after.value_or(before);
    }
}

void Router::advertise(TimePoint now, Active& state, Actions& out) const {
    out.emplace_back(
        SendAdvert{standing_.priority, std::exchange(state.next_after, After::nothing)});
    state.advertised = now;
    state.advert_at =
        now + std::exchange(state.repeat_after, std::nullopt).value_or(settings_.advert_interval);
    if (settings_.advert_grid > Duration::zero()) {
        state.advert_at -= state.advert_at.time_since_epoch() % settings_.advert_grid;
    }
}

// --- the order of effects ------------------------------------------------------------------------

// Addresses first: who hears the advertisement or the announcement may rely on them. A living rival
// lets go when it hears the advertisement, so with one the announcement comes before, and the
// advertisement a little later: traffic has moved by then.
void Router::lead(TimePoint now, Transition why, bool rival_alive, Actions& out) {
    why.from = state();
    why.to = State::active;
    Active next;
    next.advertised = now;
    next.readvert_at = now;
    if (const auto* backup = std::get_if<Backup>(&state_);
        rival_alive && backup->active->priority == yielding_priority) {
        next.offered_until = backup->active->at + intervals_alive * backup->active_interval;
    }
    out.emplace_back(why);
    out.emplace_back(TakeAddresses{});
    next.next_after = rival_alive ? After::handover : After::claim;
    if (rival_alive) {
        out.emplace_back(AnnounceAddresses{});
        next.advert_at = now + handover_overlap;
    } else {
        advertise(now, next, out);
        out.emplace_back(AnnounceAddresses{});
    }
    state_ = next;
}

// Somebody else is Active. One last advertisement tells the winner that it had a rival, so that it
// announces its addresses again when ours are gone (no RFC basis). Without a winner (we slept):
// silence.
void Router::follow(TimePoint now, Transition why, const Advert* winner, Actions& out) {
    why.from = State::active;
    why.to = State::backup;
    Backup next = backup_from(now);
    out.emplace_back(why);
    out.emplace_back(ReleaseAddresses{});
    if (winner != nullptr) {
        out.emplace_back(SendAdvert{standing_.priority, After::release});
        accept(now, next, *winner);
        next.active = Heard{winner->source, winner->priority, now};
    }
    state_ = next;
}

// Priority 0 never before the release: who hears it claims the addresses.
void Router::resign(TimePoint, Transition why, Fsm next, Actions& out) {
    why.from = State::active;
    why.to = std::holds_alternative<Initialize>(next) ? State::initialize : State::backup;
    out.emplace_back(why);
    out.emplace_back(ReleaseAddresses{});
    out.emplace_back(SendAdvert{resignation_priority, After::release});
    state_ = next;
}

// --- what is derived -----------------------------------------------------------------------------

Backup Router::backup_from(TimePoint now) const {
    Backup backup;
    backup.active_interval = settings_.advert_interval;
    backup.timer_start = now;
    return backup;
}

TimePoint Router::down_at(const Backup& state) const {
    const TimePoint silent_at = state.timer_start + current_active_down_interval();
    if (!state.hurried_at) {
        return silent_at;
    }
    // An offer is for those outside the low band first.
    const bool comes_second = in_low_band(standing_.priority) && !state.resigned;
    const TimePoint given_at =
        std::max(*state.hurried_at + current_skew_time(), state.not_before) +
        (comes_second ? second_place_delay(settings_.version, state.active_interval)
                      : Duration::zero());
    return std::min(given_at, silent_at);
}

Duration Router::slept_after() const {
    return vrrp::active_down_interval(settings_.version, standing_.priority,
                                      settings_.advert_interval);
}

Duration Router::readvert_spacing() const {
    return std::min<Duration>(settings_.advert_interval / 10, std::chrono::milliseconds{50});
}

State Router::state() const {
    constexpr State names[] = {State::initialize, State::backup, State::active};
    return names[state_.index()];
}

Duration Router::active_interval() const {
    if (const auto* backup = std::get_if<Backup>(&state_)) {
        return backup->active_interval;
    }
    return settings_.advert_interval;
}

Duration Router::current_skew_time() const {
    return skew_time(settings_.version, standing_.priority, active_interval());
}

Duration Router::current_active_down_interval() const {
    return vrrp::active_down_interval(settings_.version, standing_.priority, active_interval());
}

std::optional<TimePoint> Router::active_down_at() const {
    const auto* backup = std::get_if<Backup>(&state_);
    return backup == nullptr ? std::nullopt : std::optional{down_at(*backup)};
}

std::optional<TimePoint> Router::next_deadline() const {
    if (const auto* active = std::get_if<Active>(&state_)) {
        return active->advert_at;
    }
    if (const auto* backup = std::get_if<Backup>(&state_); backup && standing_.may_lead) {
        const TimePoint due = down_at(*backup);
        const bool waits = backup->asked && !backup->resigned && backup->active;
        // Until somebody agrees, or the Active router is no longer alive.
        return waits ? std::max(due, backup->active->at + intervals_alive * backup->active_interval)
                     : due;
    }
    return std::nullopt;
}

}  // namespace understudy::vrrp
