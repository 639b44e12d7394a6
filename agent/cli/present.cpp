#include "agent/cli/present.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "agent/cli/console.hpp"
#include "agent/cli/present_checks.hpp"
#include "agent/control/json.hpp"

namespace understudy::cli {

namespace {

using control::State;
using control::VipStatus;

const char* colour_of(State state) {
    switch (state) {
        case State::active:
            return "\x1b[32m";
        case State::backup:
            return "\x1b[36m";
        case State::fault:
            return "\x1b[31m";
        case State::init:
        case State::promoting:
            return "\x1b[33m";
    }
    return "";
}

std::string painted(State state, const std::string& text, bool colours) {
    return colours ? colour_of(state) + text + "\x1b[0m" : text;
}

std::string painted_name(State state, bool colours) {
    return painted(state, std::string{control::name_of(state)}, colours);
}

std::string priority_of(const VipStatus& vip) {
    return fmt::format("{}/{}", vip.effective_priority, vip.base_priority);
}

std::string active_of(const VipStatus& vip) {
    const bool here = vip.state == State::active;
    if (!vip.active || vip.active->address.empty()) {
        return here ? "this node" : "-";
    }
    return vip.active->address + (here ? " (this node)" : "");
}

std::string held_of(const VipStatus& vip) {
    const auto held = std::ranges::count_if(vip.addresses, &control::AddressStatus::held);
    return fmt::format("{}/{}", held, vip.addresses.size());
}

std::string utc(TimePoint time) {
    return control::format_utc(WallTime{time.time_since_epoch()});
}

// How long ago; a clock that was set back since then shows as "now".
std::string ago(TimePoint now, TimePoint then) {
    return in_words(std::max(now - then, Duration::zero()));
}

std::string counts(const std::vector<control::DiscardCount>& discarded) {
    std::string text;
    for (const control::DiscardCount& discard : discarded) {
        if (discard.count > 0) {
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", discard.reason, discard.count);
        }
    }
    return text;
}

using Row = std::array<std::string, 7>;
constexpr std::size_t state_column = 1;

// Columns as wide as their widest cell; the last one ends where its text ends.
std::string table(const std::vector<Row>& rows, const std::vector<State>& states, bool colours) {
    std::array<std::size_t, std::tuple_size_v<Row>> widths{};
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths.at(i) = std::max(widths.at(i), row.at(i).size());
        }
    }
    std::string text;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        const Row& row = rows[r];
        for (std::size_t i = 0; i + 1 < row.size(); ++i) {
            const std::string cell = fmt::format("{:<{}}  ", row.at(i), widths.at(i));
            // The first row is the heading.
            text += i == state_column && r > 0 ? painted(states[r - 1], cell, colours) : cell;
        }
        text += row.back() + '\n';
    }
    return text;
}

std::string heading(const control::StatusResponse& status) {
    std::string text = fmt::format("{}: up {}", harmless(status.node), in_words(status.uptime));
    for (const State state :
         {State::active, State::backup, State::promoting, State::init, State::fault}) {
        const auto count = std::ranges::count(status.vips, state, &VipStatus::state);
        if (count > 0) {
            text += fmt::format(", {} {}", count, control::name_of(state));
        }
    }
    if (status.maintenance) {
        text += ", in maintenance";
        text += status.maintenance_until ? " until " + utc(*status.maintenance_until) : "";
    }
    text += '\n';
    if (const std::string foreign = counts(status.discarded); !foreign.empty()) {
        text += fmt::format("discarded, of no VIP here: {}\n", harmless(foreign));
    }
    return text;
}

std::string warnings_of(const control::StatusResponse& status) {
    std::string text;
    if (status.runner && !status.runner->trouble.empty()) {
        text = fmt::format("\nwarning: {}; checks, hooks and services do not run\n",
                           harmless(status.runner->trouble));
    }
    for (const VipStatus& vip : status.vips) {
        for (const std::string& warning : vip.warnings) {
            text += fmt::format("{}{}: warning: {}\n", text.empty() ? "\n" : "", harmless(vip.name),
                                harmless(warning));
        }
    }
    return text;
}

std::string addresses_of(const VipStatus& vip) {
    std::string text;
    for (const control::AddressStatus& address : vip.addresses) {
        const bool elsewhere = address.interface != vip.interface && !address.interface.empty();
        text += fmt::format("  {:<13}{:<24} {}{}{}\n", text.empty() ? "addresses" : "",
                            address.address, address.held ? "held" : "not held",
                            elsewhere ? ", on " + address.interface : "",
                            address.derived ? ", derived from the VRID" : "");
    }
    return text;
}

std::string peers_of(const VipStatus& vip, TimePoint now) {
    std::string text;
    for (const control::PeerStatus& peer : vip.peers) {
        text += fmt::format("  {:<13}{:<24} priority {}, every {}, heard {} ago\n",
                            text.empty() ? "peers" : "", peer.address, peer.priority,
                            in_words(peer.interval), ago(now, peer.heard));
    }
    return text;
}

std::string traffic_of(const VipStatus& vip) {
    const control::VipCounters& counters = vip.counters;
    std::string text = fmt::format("  {:<13}{} sent, {} received\n", "adverts",
                                   counters.adverts_sent, counters.adverts_received);
    if (const std::string discarded = counts(counters.discarded); !discarded.empty()) {
        text += fmt::format("  {:<13}{}\n", "discarded", discarded);
    }
    std::string oddities;
    const auto add = [&](const char* what, std::uint64_t count) {
        if (count > 0) {
            oddities += fmt::format("{}{} {}", oddities.empty() ? "" : ", ", what, count);
        }
    };
    add("send errors", counters.send_errors);
    add("other interval", counters.interval_mismatches);
    add("other addresses", counters.address_mismatches);
    add("addresses put back", counters.address_repairs);
    if (!oddities.empty()) {
        text += fmt::format("  {:<13}{}\n", "trouble", oddities);
    }
    return text;
}

}  // namespace

std::string in_words(Duration duration) {
    using namespace std::chrono;
    const auto whole = [&](auto unit) { return duration / unit; };
    if (duration < milliseconds{1} && duration > Duration::zero()) {
        return fmt::format("{} us", duration.count());
    }
    if (duration < seconds{1}) {
        return fmt::format("{} ms", whole(milliseconds{1}));
    }
    if (duration < seconds{10} && duration % seconds{1} != Duration::zero()) {
        return fmt::format("{}.{} s", whole(seconds{1}), duration % seconds{1} / milliseconds{100});
    }
    if (duration < minutes{1}) {
        return fmt::format("{} s", whole(seconds{1}));
    }
    if (duration < hours{1}) {
        return fmt::format("{} min {} s", whole(minutes{1}), duration % minutes{1} / seconds{1});
    }
    if (duration < days{1}) {
        return fmt::format("{} h {} min", whole(hours{1}), duration % hours{1} / minutes{1});
    }
    return fmt::format("{} d {} h", whole(days{1}), duration % days{1} / hours{1});
}

std::string present_status(const control::StatusResponse& status, TimePoint now, bool colours) {
    std::vector<Row> rows = {{"VIP", "STATE", "FOR", "PRIORITY", "ACTIVE NODE", "HELD", "REASON"}};
    std::vector<State> states;
    for (const VipStatus& vip : status.vips) {
        rows.push_back({harmless(vip.name), std::string{control::name_of(vip.state)},
                        ago(now, vip.since), priority_of(vip), harmless(active_of(vip)),
                        held_of(vip), harmless(vip.reason)});
        states.push_back(vip.state);
    }
    return heading(status) + (states.empty() ? "" : '\n' + table(rows, states, colours)) +
           warnings_of(status) +
           (status.checks.empty() ? "" : '\n' + present_check_states(status.checks, colours));
}

std::string present_vip(const VipStatus& vip, TimePoint now, bool colours) {
    std::string text;
    const auto line = [&](const char* what, const std::string& value) {
        text += fmt::format("  {:<13}{}\n", what, harmless(value));
    };
    line("reason", vip.reason);
    line("interface", fmt::format("{}, VRID {}, VRRP version {}, every {}", vip.interface, vip.vrid,
                                  vip.version, in_words(vip.advert_interval)));
    line("priority", fmt::format("{} (configured {}), {}", vip.effective_priority,
                                 vip.base_priority, control::name_of(vip.readiness)));
    if (!vip.service.empty()) {
        line("service", vip.service);
    }
    line("active node",
         active_of(vip) + (vip.active ? fmt::format(", priority {}", vip.active->priority) : ""));
    text += addresses_of(vip);
    text += peers_of(vip, now);
    text += traffic_of(vip);
    line("timers", fmt::format("skew time {}, active down interval {}", in_words(vip.skew_time),
                               in_words(vip.active_down_interval)));
    for (const std::string& warning : vip.warnings) {
        line("warning", warning);
    }
    for (const std::string& hint : vip.hints) {
        line("hint", hint);
    }
    line("transitions", fmt::format("{}, the last at {}", vip.transitions, utc(vip.since)));
    return fmt::format("{}: {} for {}\n", harmless(vip.name), painted_name(vip.state, colours),
                       ago(now, vip.since)) +
           harmless_text(text);
}

std::string present_line(const VipStatus& vip) {
    return harmless(fmt::format("{}  {}  priority {}  active {}  held {}  {}", vip.name,
                                control::name_of(vip.state), priority_of(vip), active_of(vip),
                                held_of(vip), vip.reason));
}

std::string present_why(const control::WhyResponse& why, bool colours) {
    std::string text =
        fmt::format("{} is {}:\n", harmless(why.vip), painted_name(why.state, colours));
    for (const std::string& reason : why.reasons) {
        text += fmt::format("  {}\n", harmless(reason));
    }
    return text;
}

std::string present_event(const control::StateEvent& event, bool colours) {
    return fmt::format("{}  {}  {} -> {}  {}\n", utc(event.at), harmless(event.vip),
                       control::name_of(event.from), painted_name(event.to, colours),
                       harmless(event.cause));
}

}  // namespace understudy::cli
