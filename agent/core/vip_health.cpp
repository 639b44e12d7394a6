// The part of Vip that depends on checks and on a service.
#include <algorithm>

#include "agent/core/vip.hpp"
#include "agent/core/wording.hpp"

namespace understudy::core {

void Vip::gather_health(TimePoint now, bool holding, const Surroundings& around) {
    facts_.holding = holding;
    facts_.promoting = promoting_;
    facts_.served_elsewhere = promoting_ && hears_offer(now);
    facts_.weight = 0;
    facts_.track_trouble.clear();
    facts_.never_checked = true;
    for (const Dependencies::Check& check : dependencies_.checks) {
        const checks::Monitor& monitor = around.health.monitor(check.index);
        if (around.health.speaks_for(check.index, holding)) {
            facts_.weight += check.weight ? 0 : monitor.weight();
        } else if (check.weight) {
            facts_.weight += *check.weight;
        } else {
            facts_.never_checked = facts_.never_checked && !monitor.has_run();
            facts_.track_trouble += (facts_.track_trouble.empty() ? "" : "; ") +
                                    around.health.in_words(now, check.index);
        }
    }
    facts_.readiness = control::Readiness::hot;
    facts_.service_trouble.clear();
    if (dependencies_.service) {
        const Service& service = around.services.at(*dependencies_.service);
        facts_.readiness = service.readiness(around.health, holding);
        facts_.service_trouble = service.reason(now, around.health, holding);
        if (!facts_.service_trouble.empty()) {
            facts_.never_checked = facts_.never_checked && service.awaits_first_run(around.health);
        }
        facts_.service_stopped = service.is_stopped();
        stop_wanted_ = stop_wanted_ && !service.is_stopped();
        facts_.stops_first = service.stops_first();
        stop_wanted_ = stop_wanted_ || runs_beside_another(now);
    }
    if (!holding || !yields(facts_)) {
        preparing_since_.reset();
    }
    facts_.last_resort = settings_.last_resort;
    if (!holding || !gives_up() || facts_.manual == Manual::yielding) {
        offered_until_.reset();
    } else if (!offered_until_) {
        offered_until_ = now + handover_time();
    }
    facts_.offer_over = offered_until_ && now >= *offered_until_;
    limiter_.end_if_calm(now);
    facts_.flapping.clear();
    if (const auto until = limiter_.held_until()) {
        facts_.flapping = "held in backup: more than " + std::to_string(limiter_.limit()->count) +
                          " transitions within " + in_words(limiter_.limit()->window) +
                          "; for another " + in_words(*until - now) + ", or until failback";
    }
}

// A service that must run on one node only (stop_on_release) runs here, and another node is active:
// this agent has died while it was, or somebody started the service by hand. Who offers the
// addresses, or starts the service itself, is not meant.
bool Vip::runs_beside_another(TimePoint now) const {
    if (!facts_.stops_first || facts_.readiness != control::Readiness::hot ||
        router_.state() != vrrp::State::backup) {
        return false;
    }
    const auto active = active_node(now);
    return active && active->priority > vrrp::low_band_top;
}

// What it holds, it should not hold.
bool Vip::gives_up() const {
    return facts_.manual == Manual::yielding || !facts_.track_trouble.empty() ||
           facts_.readiness != control::Readiness::hot;
}

bool Vip::awaits_promotion() const {
    const bool cold = facts_.readiness == control::Readiness::cold && !facts_.forced;
    return cold || (needs_consent() && !adopting_);
}

// A service that runs on one node only is started when the other one has let go.
bool Vip::awaits_service() const {
    return facts_.readiness == control::Readiness::cold && !facts_.stops_first && !facts_.forced;
}

Demand Vip::demand() const {
    if (!dependencies_.service) {
        return Demand::none;
    }
    if (facts_.drains || consent_ == Consent::asked) {
        return stop_wanted_ ? Demand::stop : Demand::none;
    }
    const bool cold = facts_.readiness == control::Readiness::cold;
    if (facts_.holding && is_active()) {
        if (facts_.stops_first && (yields(facts_) || !facts_.track_trouble.empty())) {
            return facts_.service_stopped ? Demand::none : Demand::stop;
        }
        return cold && facts_.offer_over ? Demand::run : Demand::none;
    }
    if (promoting_ || (cold && facts_.manual == Manual::taken && verdict_.may_lead)) {
        return Demand::run;
    }
    return stop_wanted_ ? Demand::stop : Demand::none;
}

// What a takeover waited for has come, or will not come.
void Vip::end_claim(TimePoint now, const Surroundings& around) {
    if (!claim_waits_) {
        return;
    }
    // While it waited, another takeover may have been faster.
    const auto active = active_node(now);
    const bool outbid = active && active->priority >= takeover_priority && !is_active();
    const bool wanted = facts_.manual == Manual::taken && verdict_.may_lead && !outbid;
    if (wanted && (consent_ == Consent::asked || awaits_service())) {
        return;
    }
    claim_waits_ = false;
    if (wanted) {
        feed(now, vrrp::Claim{}, around);
    } else {
        cause_ += is_active() ? "" : ": no longer";
        if (facts_.manual == Manual::taken) {
            facts_.manual = Manual::none;
            has_moved_ = true;  // the verdict was made for a takeover
        }
    }
    if (!is_active() && consent_ == Consent::given) {
        consent_ = Consent::none;
    }
}

// The service is ready, or will not be: what waited for it goes on. The addresses are here before
// the next advertisement says so.
void Vip::end_promotion(TimePoint now, const Surroundings& around) {
    using control::Readiness;
    end_claim(now, around);
    const bool ready =
        facts_.forced || (facts_.readiness == Readiness::hot && consent_ != Consent::asked);
    if (is_active() && promoting_ && ready) {
        promoting_ = false;
        has_moved_ = true;
        cause_ += settings_.service.empty() ? "" : "; service " + settings_.service + " is ready";
        ledger_.take(now, around.out);
        announce(now, around);
    }
}

}  // namespace understudy::core
