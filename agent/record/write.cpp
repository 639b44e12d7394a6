// Headers and events as lines.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/config/render.hpp"
#include "agent/control/json.hpp"
#include "agent/control/json_line.hpp"
#include "agent/record/record.hpp"
#include "agent/record/state.hpp"
#include "agent/record/without_output.hpp"
#include "base/overloaded.hpp"

namespace understudy::record {

namespace {

using Document = nlohmann::ordered_json;

std::string bounded(const std::string& text) {
    return text.substr(0, longest_text);
}

std::string hex(std::span<const std::byte> bytes) {
    constexpr char digits[] = "0123456789abcdef";
    bytes = bytes.first(std::min(bytes.size(), longest_payload));
    std::string text;
    text.reserve(2 * bytes.size());
    for (const std::byte byte : bytes) {
        const auto value = std::to_integer<unsigned>(byte);
        text += digits[value >> 4U];
        text += digits[value & 0xfU];
    }
    return text;
}

std::string name_of(Family family) {
    return family == Family::ipv4 ? "ipv4" : "ipv6";
}

void write(Document& line, const char* event, const core::Listener& listener) {
    line["event"] = event;
    line["family"] = name_of(listener.family);
    line["interface"] = listener.interface;
    line["multicast"] = listener.multicast;
}

void write(Document& line, const char* event, int interface, const IpPrefix& prefix) {
    line["event"] = event;
    line["interface"] = interface;
    line["prefix"] = prefix.to_string();
}

void write(Document& line, const core::AddressSeen& e) {
    write(line, "address", e.index, e.prefix);
    line["ours"] = e.ours;
    line["tentative"] = e.tentative;
    const auto mark = [&](const char* name, bool flag) {
        if (flag) {
            line[name] = true;
        }
    };
    mark("duplicate", e.duplicate);
    mark("deprecated", e.deprecated);
    mark("secondary", e.secondary);
    if (e.age) {
        line["age_us"] = e.age->count();
    }
    if (e.remaining) {
        line["remaining_us"] = e.remaining->count();
    }
}

void write(Document& line, const core::DatagramReceived& e) {
    line["event"] = "datagram";
    line["interface"] = e.interface;
    line["source"] = e.datagram.source.to_string();
    line["destination"] = e.datagram.destination.to_string();
    line["ttl"] = e.datagram.ttl;
    line["payload"] = hex(e.datagram.payload);
}

// Neither its output nor its timings, by which nothing is decided.
void write(Document& line, const core::CheckFinished& e) {
    line["event"] = "check";
    line["check"] = e.check;
    line["run"] = e.run;
    line["passed"] = e.outcome.passed;
    line["detail"] = bounded(without_output(e.outcome.detail));
    if (e.outcome.weight) {
        line["weight"] = *e.outcome.weight;
    }
}

void write(Document& line, const core::LinkSeen& e) {
    line["event"] = "link";
    line["interface"] = e.index;
    line["name"] = bounded(e.name);
    line["up"] = e.up;
    line["mac"] = e.mac.to_string();
}

void write(Document& line, const core::SendFailed& e) {
    line["event"] = "send_failed";
    line["interface"] = e.interface;
    line["family"] = name_of(e.family);
    line["vrid"] = e.vrid;
    line["error"] = bounded(e.error);
}

void write(Document& line, const core::ConfigurationChanged& e) {
    line["event"] = "reload";
    line["config"] = config::render(without_secrets(*e.configuration));
    line["other_questions"] = e.other_questions;
    line["other_commands"] = e.other_commands;
}

void write(Document& line, const core::Event& event) {
    std::visit(
        Overloaded{
            [&](const core::TimePassed&) { line["event"] = "time"; },
            [&](const core::StopRequested&) { line["event"] = "stop"; },
            [&](const core::LinkSeen& e) { write(line, e); },
            [&](const core::LinkGone& e) {
                line["event"] = "link_gone";
                line["interface"] = e.index;
            },
            [&](const core::AddressSeen& e) { write(line, e); },
            [&](const core::AddressGone& e) { write(line, "address_gone", e.index, e.prefix); },
            [&](const core::ObservationStarted&) { line["event"] = "observation_started"; },
            [&](const core::ObservationComplete&) { line["event"] = "observation_complete"; },
            [&](const core::ListenerOpened& e) { write(line, "listener_opened", e.listener); },
            [&](const core::ListenerFailed& e) {
                write(line, "listener_failed", e.listener);
                line["error"] = bounded(e.error);
            },
            [&](const core::DatagramReceived& e) { write(line, e); },
            [&](const core::SendFailed& e) { write(line, e); },
            [&](const core::AddressRefused& e) {
                write(line, "address_refused", e.index, e.prefix);
                line["exists"] = e.exists;
                line["error"] = bounded(e.error);
            },
            [&](const core::CheckFinished& e) { write(line, e); },
            [&](const core::ProberStarted&) { line["event"] = "prober_started"; },
            [&](const core::ServiceCommandFinished& e) {
                line["event"] = "service";
                line["service"] = e.service;
                line["order"] = e.order;
                line["done"] = e.done;
                line["detail"] = bounded(without_output(e.detail));
            },
            [&](const core::HookFinished& e) {
                line["event"] = "hook";
                line["order"] = e.order;
                line["done"] = e.done;
                line["detail"] = bounded(without_output(e.detail));
            },
            [&](const core::CommandReceived& e) {
                line["event"] = "command";
                line["client"] = e.client;
                line["request"] = Document::parse(control::to_json(e.request));
            },
            [&](const core::ClientGone& e) {
                line["event"] = "client_gone";
                line["client"] = e.client;
            },
            [&](const core::ConfigurationChanged& e) { write(line, e); },
        },
        event);
}

}  // namespace

std::string to_line(const Header& header) {
    return control::as_line({{"understudy_journal", format_version},
                             {"version", header.version},
                             {"node", header.node},
                             {"start_us", header.start.time_since_epoch().count()},
                             {"started", control::format_utc(header.started)},
                             {"config", header.configuration}});
}

std::string to_line(std::uint64_t before, TimePoint at, core::Node node) {
    Document line = Document::object();
    line["state_before"] = before;
    line["us"] = at.time_since_epoch().count();
    line["form"] = state_form;
    line["config"] = config::render(without_secrets(node.configuration()));
    line["state"] = state_of(std::move(node));
    return control::as_line(line);
}

std::string to_line(std::uint64_t number, TimePoint at, const core::Event& event,
                    const Decisions& decisions) {
    Document line = Document::object();
    line["n"] = number;
    line["us"] = at.time_since_epoch().count();
    write(line, event);
    if (decisions.actions > 0) {
        line["actions"] = decisions.actions;
        line["digest"] = fmt::format("{:016x}", decisions.digest);
    }
    return control::as_line(line);
}

}  // namespace understudy::record
