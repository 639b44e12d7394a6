// The part of Vip that tells what it knows.
#include <algorithm>

#include "agent/core/vip.hpp"
#include "agent/core/wording.hpp"

namespace understudy::core {

namespace {

// By then a peer that was started together with this node would be there too.
constexpr Duration alone_for_long = std::chrono::seconds{60};
constexpr Duration scheduling_margin = std::chrono::milliseconds{100};
// The lowest priority that takes over from the low band at once.
constexpr vrrp::Priority lowest_taker = vrrp::low_band_top + 1;
// And from within it.
constexpr vrrp::Priority lowest_cold_taker = vrrp::yielding_priority + 1;

}  // namespace

Duration Vip::handover_time() const {
    // A peer's on_promote runs first; it is as patient with it as this node with its own.
    const Duration consent = settings_.hooks.has(HookKind::promote)
                                 ? settings_.hooks.timeout + hook_grace
                                 : Duration::zero();
    return vrrp::skew_time(settings_.version, lowest_taker, settings_.advert_interval) +
           scheduling_margin + consent;
}

Duration Vip::answer_time(const std::vector<Service>& services) const {
    if (!dependencies_.service) {
        return handover_time();
    }
    const ServiceSettings& service = services.at(*dependencies_.service).settings();
    if (!service.can_be_started() || service.stop_on_release || service.standby == Standby::hot) {
        return handover_time();
    }
    const auto skew = [this](vrrp::Priority priority) {
        return vrrp::skew_time(settings_.version, priority, settings_.advert_interval);
    };
    return handover_time() - skew(lowest_taker) + skew(lowest_cold_taker) +
           vrrp::second_place_delay(settings_.version, settings_.advert_interval);
}

std::optional<control::ActiveNode> Vip::active_node(TimePoint now) const {
    if (is_active()) {
        const std::string self = faces_.front().source ? faces_.front().source->to_string() : "";
        return control::ActiveNode{self, router_.standing().priority};
    }
    if (!active_peer_) {
        return std::nullopt;
    }
    const Peer* peer = peers_.find(*active_peer_);
    if (peer == nullptr || peer->shown.priority == vrrp::resignation_priority ||
        now - peer->shown.heard > router_.current_active_down_interval()) {
        return std::nullopt;
    }
    return control::ActiveNode{peer->shown.address, peer->shown.priority};
}

control::VipStatus Vip::status(TimePoint now) const {
    control::VipStatus status;
    status.name = settings_.name;
    status.state = shown_;
    status.since = shown_since_;
    status.interface = settings_.interface;
    status.vrid = settings_.vrid;
    status.version = static_cast<int>(settings_.version);
    status.base_priority = settings_.priority;
    status.effective_priority = router_.standing().priority;
    status.advert_interval = settings_.advert_interval;
    status.readiness = facts_.readiness;
    status.service = settings_.service;
    for (const AddressLedger::Entry& entry : ledger_.entries()) {
        const bool held =
            entry.ours || (entry.foreign && settings_.priority == vrrp::owner_priority);
        status.addresses.push_back(
            {entry.wanted.prefix.to_string(), entry.wanted.interface, held, entry.wanted.derived});
    }
    status.active = active_node(now);
    status.reason = why(now).reasons.front();
    status.transitions = transitions_;
    for (const Peer& peer : peers_.all()) {
        status.peers.push_back(peer.shown);
    }
    status.skew_time = router_.current_skew_time();
    status.active_down_interval = router_.current_active_down_interval();
    status.checksum =
        checksum_form() == vrrp::ChecksumForm::message_only ? "rfc9568" : "pseudo-header";
    status.hooks = hooks_.status();
    status.counters = counters_;
    status.counters.address_repairs = ledger_.repairs();
    for (std::size_t i = 0; i < discarded_.size(); ++i) {
        status.counters.discarded.push_back(
            {std::string{vrrp::name_of(static_cast<vrrp::Discard>(i))}, discarded_.at(i)});
    }
    status.heartbeat_gap = heartbeats_.gaps();
    status.heartbeat_lateness = heartbeats_.lateness();
    status.warnings = disagreements_.warnings(now, active_here());
    status.hints = hints(now);
    return status;
}

std::optional<Disagreements::ActiveHere> Vip::active_here() const {
    if (!is_active() || shown_ != control::State::active) {
        return std::nullopt;
    }
    return Disagreements::ActiveHere{shown_since_, router_.standing().priority};
}

std::vector<std::string> Vip::hints(TimePoint now) const {
    const auto here = active_here();
    if (!here || now - here->since < alone_for_long || !peers_.all().empty()) {
        return {};
    }
    std::string peers;
    const bool unicast = settings_.is_unicast();
    for (const IpAddress& peer : unicast ? settings_.unicast_peers : settings_.peers) {
        peers += (!peers.empty() ? ", "
                  : unicast      ? ", of unicast_peer "
                                 : ", of peer ") +
                 peer.to_string();
    }
    return {"no peer heard yet" + peers +
            " (a standby is silent): run `understudy status` on the peer"};
}

control::WhyResponse Vip::why(TimePoint now) const {
    control::WhyResponse why{settings_.name, shown_, {}};
    const auto active = active_node(now);
    if (shown_ == control::State::active || shown_ == control::State::promoting) {
        why.reasons.push_back(cause_);
    } else if (shown_ == control::State::backup) {
        why.reasons.push_back(active ? active->address + " is active with priority " +
                                           std::to_string(active->priority)
                                     : "no active router is heard; waits " +
                                           in_words(router_.current_active_down_interval()));
    }
    if (!verdict_.reason.empty()) {
        why.reasons.push_back(verdict_.reason);
    }
    if (why.reasons.empty()) {
        why.reasons.push_back(last_cause_shown_);
    }
    // Otherwise the verdict says so.
    if (facts_.maintenance && (facts_.forced || !yields(facts_))) {
        why.reasons.push_back("this node is in maintenance");
    }
    if (shown_ == control::State::backup || shown_ == control::State::active) {
        why.reasons.push_back("priority here: " + std::to_string(router_.standing().priority) +
                              " (configured: " + std::to_string(settings_.priority) + ")");
    }
    if (shown_ == control::State::fault && active) {
        why.reasons.push_back(active->address + " is active with priority " +
                              std::to_string(active->priority));
    }
    if (shown_ == control::State::backup) {
        why.reasons.push_back("takes over after " +
                              in_words(router_.current_active_down_interval()) + " of silence" +
                              (settings_.preempt ? "" : "; does not preempt"));
    }
    for (const control::HookStatus& hook : hooks_.status()) {
        const std::string since = in_words(now - hook.at);
        if (hook.result == control::HookResult::running) {
            why.reasons.push_back("hook " + hook.name + " has been running for " + since);
        } else if (hook.result == control::HookResult::failed) {
            why.reasons.push_back("hook " + hook.name + " failed " + since +
                                  " ago: " + hook.detail);
        }
    }
    if (!last_cause_shown_.empty() && last_cause_shown_ != why.reasons.front()) {
        why.reasons.push_back("last change " + in_words(now - shown_since_) +
                              " ago: " + last_cause_shown_);
    }
    for (const std::string& warning : disagreements_.warnings(now, active_here())) {
        why.reasons.push_back("warning: " + warning);
    }
    return why;
}

}  // namespace understudy::core
