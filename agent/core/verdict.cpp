#include "agent/core/verdict.hpp"

#include <algorithm>

#include "agent/core/wording.hpp"

namespace understudy::core {

namespace {

Verdict silent(control::State shown, std::string reason, vrrp::Priority priority) {
    Verdict verdict;
    verdict.shown = shown;
    verdict.priority = priority;
    verdict.reason = std::move(reason);
    return verdict;
}

Verdict listening(control::State shown, std::string reason, vrrp::Priority priority) {
    Verdict verdict = silent(shown, std::move(reason), priority);
    verdict.can_talk = true;
    return verdict;
}

Verdict eligible(vrrp::Priority priority, std::string reason) {
    Verdict verdict = listening(control::State::backup, std::move(reason), priority);
    verdict.may_lead = true;
    return verdict;
}

vrrp::Priority hot_priority(const Facts& facts) {
    const int base = facts.base_priority;
    const int floor = std::min<int>(base, vrrp::low_band_top + 1);
    const int ceiling = std::max<int>(base, takeover_priority);
    return static_cast<vrrp::Priority>(std::clamp(base + facts.weight, floor, ceiling));
}

// Who may lead with everything in order differs in priority only.
Verdict contender(const Facts& facts) {
    if (facts.base_priority == vrrp::owner_priority && facts.weight == 0) {
        return eligible(vrrp::owner_priority, "");
    }
    if (facts.manual == Manual::taken) {
        return eligible(takeover_priority, "takeover requested: priority 254 until failback");
    }
    const vrrp::Priority priority = hot_priority(facts);
    return eligible(
        priority,
        facts.weight == 0 ? "" : "checks change the priority by " + std::to_string(facts.weight));
}

Verdict yielding(const Facts& facts) {
    return eligible(vrrp::yielding_priority,
                    facts.stopping ? "the agent is stopping: offers the addresses to its peers"
                    : facts.manual == Manual::yielding
                        ? "failover requested: stays behind its peers until failback"
                        : "maintenance: stays behind its peers until `understudy maintenance off`");
}

// Active with the addresses. Whatever is wrong, they are first offered to the peers, so that one of
// them can take over without a gap.
Verdict holder(const Facts& facts) {
    using control::Readiness;
    using control::State;
    const bool trouble = !facts.track_trouble.empty() || facts.readiness != Readiness::hot;
    const bool gives = yields(facts);
    if (!trouble && !gives) {
        return contender(facts);
    }
    const std::string& reason =
        facts.track_trouble.empty() ? facts.service_trouble : facts.track_trouble;
    if (facts.drains) {
        return eligible(hot_priority(facts), "on_release runs before the addresses are given away");
    }
    if (facts.stops_first && (gives || !facts.track_trouble.empty())) {
        // It must not run on two nodes: nobody is asked to take over before it has stopped.
        return facts.service_stopped
                   ? listening(gives ? State::backup : State::fault,
                               gives ? "the service has stopped: gives the addresses away" : reason,
                               facts.base_priority)
                   : eligible(hot_priority(facts),
                              "stops the service before it gives the addresses away");
    }
    if (facts.manual == Manual::yielding || !trouble) {
        return yielding(facts);
    }
    if (!facts.offer_over) {
        return eligible(vrrp::yielding_priority, reason + "; offers the addresses to its peers");
    }
    if (!facts.track_trouble.empty()) {
        return listening(State::fault, reason, facts.base_priority);
    }
    if (facts.readiness == Readiness::cold) {
        return eligible(cold_priority(hot_priority(facts)), reason + "; nobody took over");
    }
    if (facts.last_resort == LastResort::hold) {
        return eligible(vrrp::yielding_priority,
                        reason +
                            "; nobody took over, and a bad service on a reachable address "
                            "beats none (last_resort = hold)");
    }
    return listening(State::fault, reason, facts.base_priority);
}

// Without the addresses: a standby, or one that starts its service to take them.
Verdict aspirant(const Facts& facts) {
    using control::Readiness;
    using control::State;
    if (!facts.track_trouble.empty() || facts.readiness == Readiness::unready) {
        return listening(facts.never_checked ? State::init : State::fault,
                         facts.track_trouble.empty() ? facts.service_trouble : facts.track_trouble,
                         facts.base_priority);
    }
    if (!facts.refusal.empty()) {
        return listening(State::fault, facts.refusal, facts.base_priority);
    }
    if (!facts.flapping.empty()) {
        return listening(State::backup, facts.flapping, facts.base_priority);
    }
    if (yields(facts)) {
        // It has nothing to give away: who serves meanwhile must not follow it.
        return facts.served_elsewhere
                   ? listening(State::backup, "leaves the addresses to who has them",
                               facts.base_priority)
                   : yielding(facts);
    }
    if (facts.readiness == Readiness::hot) {
        Verdict verdict = contender(facts);
        if (facts.asks) {
            verdict.shown = State::promoting;
            verdict.reason = "on_promote runs before the addresses are taken";
        }
        return verdict;
    }
    const bool wanted = facts.manual == Manual::taken;
    Verdict verdict = eligible(
        wanted && facts.promoting && !facts.served_elsewhere ? takeover_priority
                                                             : cold_priority(hot_priority(facts)),
        "cold standby of " + std::to_string(facts.base_priority) + ": " + facts.service_trouble);
    verdict.shown = wanted ? State::promoting : State::backup;
    return verdict;
}

}  // namespace

Verdict decide(TimePoint now, const Facts& facts) {
    using control::State;
    const vrrp::Priority base = facts.base_priority;
    // What cannot talk cannot take part at all.
    if (!facts.observed) {
        return silent(State::init, "the interfaces have not been read yet", base);
    }
    if (!facts.link_trouble.empty()) {
        return silent(State::fault, facts.link_trouble, base);
    }
    if (!facts.source_trouble.empty()) {
        return silent(State::fault, facts.source_trouble, base);
    }
    if (!facts.listener_trouble.empty()) {
        return silent(State::fault, facts.listener_trouble, base);
    }
    // What may not lead still listens, so that it knows who is Active.
    if (facts.startup_hold && now < *facts.startup_hold) {
        return listening(
            State::init,
            "startup_delay: listens only, for another " + in_words(*facts.startup_hold - now),
            facts.base_priority);
    }
    if (!facts.address_trouble.empty()) {
        return listening(State::fault, facts.address_trouble, base);
    }
    if (facts.forced) {
        return contender(facts);
    }
    return facts.holding ? holder(facts) : aspirant(facts);
}

}  // namespace understudy::core
