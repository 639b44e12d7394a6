#include "agent/core/narration.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "agent/core/vip.hpp"
#include "agent/core/wording.hpp"
#include "base/overloaded.hpp"
#include "vrrp/advertisement.hpp"

namespace understudy::core {

namespace {

std::string link_name(const KernelView& kernel, InterfaceIndex index) {
    const Link* link = kernel.link(index);
    return link == nullptr ? "interface " + std::to_string(index) : link->name;
}

std::string socket_name(const KernelView& kernel, const Listener& listener) {
    return std::string{name_of(listener.family)} + (listener.multicast ? " multicast" : "") +
           " socket on " + link_name(kernel, listener.interface);
}

std::string_view state_name(vrrp::State state) {
    return state == vrrp::State::active   ? "Active"
           : state == vrrp::State::backup ? "Backup"
                                          : "Initialize";
}

std::string check_name(const Configuration& configuration, std::size_t check) {
    return check < configuration.checks.size() ? "check " + configuration.checks[check].name
                                               : "check " + std::to_string(check);
}

std::string run_name(std::uint32_t run) {
    return Health::is_by_hand(run) ? "run by hand" : "run " + std::to_string(run);
}

// The header alone: version 2 may carry a password behind the addresses.
std::string header_in_words(std::span<const std::byte> payload) {
    const std::string size = std::to_string(payload.size()) + " bytes";
    constexpr std::size_t header = 8;
    if (payload.size() < header) {
        return size;
    }
    const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(payload[i]); };
    const auto number = [](unsigned value) { return std::to_string(value); };
    const unsigned version = at(0) >> 4U;
    const std::string interval =
        version == 2 ? number(at(5)) + " s" : number(((at(4) & 0x0fU) << 8U) | at(5)) + "0 ms";
    return "version " + number(version) + ", type " + number(at(0) & 0x0fU) + ", VRID " +
           number(at(1)) + ", priority " + number(at(2)) + ", " + number(at(3)) +
           " addresses, interval " + interval + ", " + size;
}

std::string ours_in_words(const AddressSeen& seen) {
    return std::string{seen.ours ? " (of understudy)" : ""} +
           (seen.tentative ? " (tentative)" : "");
}

void narrate_link(const LinkSeen& seen, const KernelView& kernel, Outbox& out) {
    const Link* known = kernel.link(seen.index);
    if (known == nullptr || known->name != seen.name || known->up != seen.up ||
        known->mac != seen.mac) {
        log(out, LogLevel::debug,
            "netlink: link " + seen.name + " (" + std::to_string(seen.index) + ") is " +
                (seen.up ? "up" : "down or without carrier") + ", MAC " + seen.mac.to_string());
    }
}

void narrate_address(const AddressSeen& seen, const KernelView& kernel, Outbox& out) {
    const ObservedAddress* known = kernel.find(seen.index, seen.prefix);
    const std::string what = seen.prefix.to_string() + " on " + link_name(kernel, seen.index);
    if (known == nullptr || known->ours != seen.ours || known->tentative != seen.tentative) {
        log(out, LogLevel::debug, "netlink: " + what + " is there" + ours_in_words(seen));
    } else if (out.logs(LogLevel::trace)) {
        log(out, LogLevel::trace, "netlink: " + what + " has a new lifetime");
    }
}

// The rest says what it is about itself, or with the state that follows from it.
void narrate_kernel(const Event& event, const KernelView& kernel, Outbox& out) {
    const auto tell = [&](const std::string& text) {
        log(out, LogLevel::debug, "netlink: " + text);
    };
    std::visit(
        Overloaded{
            [&](const LinkSeen& e) { narrate_link(e, kernel, out); },
            [&](const LinkGone& e) { tell("link " + link_name(kernel, e.index) + " is gone"); },
            [&](const AddressSeen& e) { narrate_address(e, kernel, out); },
            [&](const AddressGone& e) {
                tell(e.prefix.to_string() + " is gone from " + link_name(kernel, e.index));
            },
            [&](const ObservationStarted&) { tell("reads all links and addresses"); },
            [&](const ObservationComplete&) { tell("has read all links and addresses"); },
            [&](const AddressRefused& e) {
                tell("the kernel refused " + e.prefix.to_string() + " on " +
                     link_name(kernel, e.index) + ": " + e.error);
            },
            [](const auto&) {},
        },
        event);
}

void narrate_wire(const Event& event, const KernelView& kernel, const Configuration& configuration,
                  Outbox& out) {
    const auto tell = [&](const std::string& text) { log(out, LogLevel::trace, text); };
    std::visit(
        Overloaded{
            [&](const DatagramReceived& e) {
                tell("received on " + link_name(kernel, e.interface) + " from " +
                     e.datagram.source.to_string() + " to " + e.datagram.destination.to_string() +
                     ", TTL " + std::to_string(e.datagram.ttl) + ": " +
                     header_in_words(e.datagram.payload));
            },
            [&](const CheckFinished& e) {
                tell(check_name(configuration, e.check) + ": " + run_name(e.run) +
                     (e.outcome.passed ? " passed" : " failed") +
                     (e.outcome.timings.total ? " after " + in_words(*e.outcome.timings.total)
                                              : "") +
                     ": " + e.outcome.detail);
            },
            [](const auto&) {},
        },
        event);
}

// A line for an action, and its level; empty: the action has a line of its own anyway.
Log line_for(const Action& action, const KernelView& kernel, const Configuration& configuration,
             const Outbox& out) {
    const auto debug = [](std::string text) { return Log{LogLevel::debug, std::move(text)}; };
    const auto trace = [](std::string text) { return Log{LogLevel::trace, std::move(text)}; };
    const auto on = [&](InterfaceIndex index) { return " on " + link_name(kernel, index); };
    const auto lease = [](Duration time) {
        return time > Duration::zero() ? " for " + in_words(time) : std::string{};
    };
    return std::visit(
        Overloaded{
            [&](const AddAddress& a) {
                return debug("netlink: adds " + a.prefix.to_string() + on(a.interface) +
                             lease(a.lease));
            },
            [&](const RemoveAddress& a) {
                return debug("netlink: removes " + a.prefix.to_string() + on(a.interface));
            },
            [&](const RenewAddress& a) {
                return trace("netlink: renews " + a.prefix.to_string() + on(a.interface) +
                             lease(a.lease));
            },
            [&](const OpenListener& a) {
                return debug("opens the " + socket_name(kernel, a.listener));
            },
            [&](const CloseListener& a) {
                return debug("closes the " + socket_name(kernel, a.listener));
            },
            [&](const RunHook& a) {
                return debug(a.vip + ": runs " + core::name_of(a.kind) + ", for at most " +
                             in_words(a.timeout));
            },
            [&](const SendAdvert& a) {
                return trace("sends" + on(a.interface) + " from " + a.source.to_string() + " to " +
                             a.destination.to_string() + ": " +
                             header_in_words(out.payload(a.payload)));
            },
            [&](const Announce& a) {
                return trace("announces " + a.address.to_string() + on(a.interface) + " with MAC " +
                             a.mac.to_string());
            },
            [&](const RunCheck& a) {
                return trace(check_name(configuration, a.check) + ": " + run_name(a.run) +
                             " starts");
            },
            [](const auto&) { return Log{}; },
        },
        action);
}

}  // namespace

void narrate(const Event& event, const KernelView& kernel, const Configuration& configuration,
             Outbox& out) {
    narrate_kernel(event, kernel, out);
    if (out.logs(LogLevel::trace)) {
        narrate_wire(event, kernel, configuration, out);
    }
}

void narrate_actions(std::size_t first, const KernelView& kernel,
                     const Configuration& configuration, Outbox& out) {
    std::vector<Action> lines;
    for (std::size_t i = first; i < out.actions.size(); ++i) {
        Log line = line_for(out.actions[i], kernel, configuration, out);
        if (!line.text.empty() && out.logs(line.level)) {
            lines.emplace_back(std::move(line));
        }
    }
    std::ranges::move(lines, std::back_inserter(out.actions));
}

// --- decisions -----------------------------------------------------------------------------------

namespace {

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

std::string in_words(const Facts& facts) {
    std::vector<std::string> words{"base priority " + std::to_string(facts.base_priority)};
    const auto add = [&](bool holds, std::string word) {
        if (holds) {
            words.push_back(std::move(word));
        }
    };
    const auto trouble = [&](const char* name, const std::string& text) {
        add(!text.empty(), std::string{name} + ": " + text);
    };
    add(!facts.observed, "links not read yet");
    trouble("link", facts.link_trouble);
    trouble("source", facts.source_trouble);
    trouble("socket", facts.listener_trouble);
    trouble("address", facts.address_trouble);
    add(facts.startup_hold.has_value(), "startup_delay");
    add(facts.manual == Manual::yielding, "failover");
    add(facts.manual == Manual::taken, facts.forced ? "forced takeover" : "takeover");
    add(facts.maintenance, facts.left_alone ? "maintenance, left alone" : "maintenance");
    add(facts.stopping, "stopping");
    add(facts.holding, "holding the addresses");
    add(facts.promoting, "promoting");
    add(facts.served_elsewhere, "served elsewhere");
    trouble(facts.never_checked ? "not checked yet" : "checks", facts.track_trouble);
    add(facts.weight != 0, "weight of the checks " + std::to_string(facts.weight));
    add(true, "readiness " + std::string{control::name_of(facts.readiness)});
    trouble("service", facts.service_trouble);
    add(facts.offer_over, "offer over");
    add(facts.stops_first, facts.service_stopped ? "service stopped" : "service stops first");
    trouble("flapping", facts.flapping);
    add(facts.asks, "on_promote is asked");
    trouble("on_promote", facts.refusal);
    add(facts.drains, "on_release runs");
    return join(words);
}

}  // namespace

void narrate_decision(const std::string& vip, const Verdict& former, const Verdict& verdict,
                      const Facts& facts, Outbox& out) {
    if (verdict == former) {
        return;
    }
    const char* right = verdict.may_lead   ? "may lead"
                        : verdict.can_talk ? "may not lead, and listens"
                                           : "may not lead, and is silent";
    log(out, LogLevel::debug,
        vip + ": decision: " + right + ", priority " + std::to_string(verdict.priority) +
            (verdict.reason.empty() ? "" : ", because " + verdict.reason) + " [" + in_words(facts) +
            "]");
}

void narrate_election(const std::string& vip, const vrrp::Transition& transition,
                      const vrrp::Router& router, Outbox& out) {
    const vrrp::Standing standing = router.standing();
    log(out, LogLevel::debug,
        vip + ": election: " + std::string{state_name(transition.from)} + " -> " +
            std::string{state_name(transition.to)} + ": " + in_words(transition) +
            " [own priority " + std::to_string(standing.priority) +
            (standing.may_lead ? "" : ", may not lead") + ", skew time " +
            in_words(router.current_skew_time()) + ", Active_Down_Interval " +
            in_words(router.current_active_down_interval()) + "]");
}

// --- checks --------------------------------------------------------------------------------------

void narrate_run(const checks::Monitor& monitor, const CheckBefore& before, bool passed,
                 Outbox& out) {
    const bool changed = monitor.state() != before.state;
    if (!changed && monitor.contrary() == before.contrary && monitor.weight() == before.weight) {
        return;
    }
    const checks::CheckSettings& settings = monitor.settings();
    std::string effect;
    if (changed) {
        effect = passed ? "it is up now" : "it is down now";
    } else if (monitor.contrary() > 0) {
        effect = std::to_string(monitor.contrary()) + " of " +
                 std::to_string(passed ? settings.rise : settings.fall) +
                 " in a row before it is " + (passed ? "up" : "down");
    } else if (monitor.contrary() != before.contrary) {
        effect = passed ? "it stays up" : "it stays down";
    } else {
        effect = "its weight is " + std::to_string(monitor.weight()) + " now";
    }
    log(out, LogLevel::debug,
        "check " + settings.name + ": a run " + (passed ? "passed, " : "failed, ") + effect + ": " +
            monitor.detail());
}

}  // namespace understudy::core
