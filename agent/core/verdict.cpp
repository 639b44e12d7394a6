#include "agent/core/verdict.hpp"

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
    if (!facts.address_trouble.empty() && !facts.forced) {
        return listening(State::fault, facts.address_trouble, facts.base_priority);
    }
    // Who may lead differs in priority only.
    if (facts.manual == Manual::yielding) {
        return eligible(vrrp::yielding_priority,
                        facts.stopping
                            ? "the agent stops: gives the addresses away"
                            : "failover was asked for: stays behind its peers until failback");
    }
    if (facts.base_priority == vrrp::owner_priority) {
        return eligible(vrrp::owner_priority, "");
    }
    if (facts.manual == Manual::taken) {
        return eligible(takeover_priority, "takeover was asked for: priority 254 until failback");
    }
    return eligible(facts.base_priority, "");
}

}  // namespace understudy::core
