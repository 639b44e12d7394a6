// The part of Vip that depends on hooks: programs of the operator that are told of its states, may
// refuse that it takes the addresses, and run before it gives them away.
#include <algorithm>

#include "agent/core/vip.hpp"
#include "agent/core/wording.hpp"

namespace understudy::core {

namespace {

// After on_promote has said no, somebody else may have the addresses; if nobody wants them, it is
// asked again after this long, and each time after twice as long.
constexpr Duration first_refusal_pause = std::chrono::seconds{10};
constexpr Duration longest_refusal_pause = std::chrono::minutes{5};
// The kernel takes no longer one in the environment than 128 KiB, and no program wants it.
constexpr std::size_t longest_address_list = 32 * 1024;
constexpr std::size_t longest_reason = 400;

std::string address_list(const VipSettings& settings) {
    std::string text;
    for (const VirtualAddress& address : settings.addresses) {
        const std::string one = address.prefix.to_string();
        if (text.size() + 1 + one.size() > longest_address_list) {
            break;
        }
        text += (text.empty() ? "" : " ") + one;
    }
    return text;
}

// The words that keepalived calls its notify scripts with.
std::string keepalived_word(control::State state, bool stopping) {
    if (stopping) {
        return "STOP";
    }
    return state == control::State::active   ? "MASTER"
           : state == control::State::backup ? "BACKUP"
                                             : "FAULT";
}

}  // namespace

// --- what runs -----------------------------------------------------------------------------------

void Vip::enter(StateEntered entered, const Surroundings& around) {
    entered_ = entered;
    hooks_.enter(settings_.hooks, std::move(entered));
    around.hooks.stirred = true;
}

RunHook Vip::order_for(const HookQueue::Due& due, const HookDesk& desk) const {
    const StateEntered& entered = due.entered ? *due.entered : entered_;
    const std::string priority = std::to_string(router_.standing().priority);
    RunHook order;
    order.order = desk.last_order;
    order.vip = settings_.name;
    order.kind = due.kind;
    order.timeout = settings_.hooks.timeout;
    order.command = settings_.hooks.command(due.kind);
    if (settings_.hooks.keepalived_arguments && due.entered) {
        const bool stops = facts_.stopping && entered.state == control::State::backup;
        for (const std::string& word : {std::string{"INSTANCE"}, settings_.name,
                                        keepalived_word(entered.state, stops), priority}) {
            order.command.push_back(word);
        }
    }
    const auto set = [&](const char* name, const std::string& value) {
        order.environment.push_back(std::string{"UNDERSTUDY_"} + name + '=' + value);
    };
    set("HOOK", name_of(due.kind));
    set("NODE", desk.node);
    set("VIP", settings_.name);
    set("STATE", std::string{control::name_of(entered.state)});
    set("PREVIOUS_STATE", std::string{control::name_of(entered.previous)});
    set("REASON", entered.reason.substr(0, longest_reason));
    set("PRIORITY", priority);
    set("INTERFACE", settings_.interface);
    set("VRID", std::to_string(settings_.vrid));
    set("ADDRESSES", address_list(settings_));
    return order;
}

bool Vip::run_hooks(TimePoint now, const Surroundings& around) {
    const auto due = hooks_.begin(now, settings_.hooks, around.hooks);
    if (due && settings_.hooks.has(due->kind)) {
        around.out.actions.emplace_back(order_for(*due, around.hooks));
    } else if (due) {  // a reload has struck it: nobody says no
        hook_finished(now, {around.hooks.last_order, true, ""}, around);
        return true;
    }
    return false;
}

bool Vip::hook_finished(TimePoint now, const HookFinished& event, const Surroundings& around) {
    const auto ended = hooks_.finished(now, event);
    if (ended) {
        hook_ended(now, *ended, around);
    }
    return ended.has_value();
}

void Vip::hook_ended(TimePoint now, const HookQueue::Ended& ended, const Surroundings& around) {
    around.hooks.stirred = true;
    const std::string what = settings_.name + ": " + name_of(ended.kind);
    if (ended.done) {
        log(around.out, LogLevel::info, what + ": done after " + in_words(ended.took));
    } else {
        log(around.out, LogLevel::warn,
            what + ": failed after " + in_words(ended.took) + ": " + ended.detail);
    }
    if (hooks_.waits(ended.kind)) {
        return;  // asked for again since it began
    }
    if (ended.kind == HookKind::promote && consent_ == Consent::asked) {
        decide_consent(now, ended, around);
    } else if (ended.kind == HookKind::release && drain_ == Drain::asked) {
        drain_ = Drain::done;  // also if it failed: nothing keeps the addresses here
        settle(now, around);
    }
}

// --- on_promote ----------------------------------------------------------------------------------

bool Vip::needs_consent() const {
    return settings_.hooks.has(HookKind::promote) && !facts_.forced && consent_ != Consent::given;
}

void Vip::ask_consent(const Surroundings& around) {
    if (consent_ == Consent::none) {
        consent_ = Consent::asked;
        hooks_.ask(HookKind::promote);
        around.hooks.stirred = true;
    }
}

void Vip::decide_consent(TimePoint now, const HookQueue::Ended& ended, const Surroundings& around) {
    if (ended.done) {
        consent_ = Consent::given;
        refusal_pause_ = Duration::zero();
        if (is_active()) {
            tell_consent();
        } else if (!claim_waits_) {
            feed(now, vrrp::Agreed{}, around);
            cause_ += is_active() ? "" : ": no longer";
        }
    } else {
        consent_ = Consent::none;
        refusal_ = ended.detail;
        refusal_pause_ = refusal_pause_ == Duration::zero()
                             ? first_refusal_pause
                             : std::min(2 * refusal_pause_, longest_refusal_pause);
        refused_until_ = now + refusal_pause_;
    }
    settle(now, around);
    if (consent_ == Consent::given && !promoting_ && !claim_waits_) {
        consent_ = Consent::none;  // it was for this once
    }
}

Duration Vip::consent_time(TimePoint now) const {
    return settings_.hooks.has(HookKind::promote) ? hooks_.longest_wait(now, settings_.hooks)
                                                  : Duration::zero();
}

// --- on_release ----------------------------------------------------------------------------------

Duration Vip::drain_time(TimePoint now) const {
    return settings_.hooks.has(HookKind::release) && is_active()
               ? hooks_.longest_wait(now, settings_.hooks)
               : Duration::zero();
}

// Before, where nothing but a wish takes the addresses away from here. What a former agent left is
// not this one's to end.
void Vip::gather_hooks(TimePoint now, const Surroundings& around) {
    if (refused_until_ && now >= *refused_until_) {
        refused_until_.reset();
    }
    facts_.refusal = refused_until_ ? "on_promote said no: " + refusal_ + "; asked again after " +
                                          in_words(*refused_until_ - now)
                                    : "";
    const bool healthy =
        facts_.track_trouble.empty() && facts_.readiness == control::Readiness::hot;
    const bool leaves = is_holding() && yields(facts_);
    if (leaves && healthy && drain_ == Drain::none && settings_.hooks.has(HookKind::release)) {
        drain_ = Drain::asked;
        hooks_.ask(HookKind::release);
        around.hooks.stirred = true;
    }
    if (is_holding() && !leaves && drain_ != Drain::none) {
        if (drain_ != Drain::waived) {  // nobody took them: what on_release ended begins again
            enter({control::State::active, control::State::active, "the addresses stay here"},
                  around);
        }
        drain_ = Drain::none;
        hooks_.forget(HookKind::release);
    }
    facts_.drains = drain_ == Drain::asked && healthy;
    facts_.asks = consent_ == Consent::asked;
}

// Otherwise afterwards: to wait would mean two holders, or a bad one.
void Vip::hook_after_release(const Surroundings& around) {
    const bool drained = drain_ == Drain::asked || drain_ == Drain::done;
    if (!promoting_ && !drained && settings_.hooks.has(HookKind::release)) {
        hooks_.ask(HookKind::release);
        around.hooks.stirred = true;
    }
    drain_ = Drain::none;
}

}  // namespace understudy::core
