// Answers and events, from types to JSON lines; and the one form of time in them.
#include "agent/control/json.hpp"

#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/control/json_line.hpp"
#include "base/overloaded.hpp"

namespace understudy::control {

namespace {

// Keeps the fields in the order in which they are described.
using Document = nlohmann::ordered_json;

// A whole number of milliseconds is written without a fraction.
Document in_milliseconds(Duration duration) {
    const auto us = duration.count();
    if (us % 1000 == 0) {
        return us / 1000;
    }
    return static_cast<double>(us) / 1000.0;
}

Document in_seconds(Duration duration) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration);
    return shortest(static_cast<double>(ms.count()) / 1000.0);
}

std::string utc(TimePoint time, BootOrigin origin) {
    return format_utc(origin + time.time_since_epoch());
}

Document discarded_document(const std::vector<DiscardCount>& counts) {
    Document document = Document::object();
    for (const DiscardCount& discard : counts) {
        document[discard.reason] = discard.count;
    }
    return document;
}

Document counters_document(const VipCounters& counters) {
    return {{"adverts_sent", counters.adverts_sent},
            {"adverts_received", counters.adverts_received},
            {"discarded", discarded_document(counters.discarded)},
            {"priority_zero_sent", counters.priority_zero_sent},
            {"priority_zero_received", counters.priority_zero_received},
            {"send_errors", counters.send_errors},
            {"interval_mismatches", counters.interval_mismatches},
            {"address_mismatches", counters.address_mismatches},
            {"address_repairs", counters.address_repairs},
            {"announcements", counters.announcements}};
}

Document addresses_document(const std::vector<AddressStatus>& addresses) {
    Document document = Document::array();
    for (const AddressStatus& address : addresses) {
        document.push_back({{"address", address.address},
                            {"held", address.held},
                            {"interface", address.interface},
                            {"derived", address.derived}});
    }
    return document;
}

Document peers_document(const std::vector<PeerStatus>& peers, BootOrigin origin) {
    Document document = Document::array();
    for (const PeerStatus& peer : peers) {
        document.push_back({{"address", peer.address},
                            {"priority", peer.priority},
                            {"interval_ms", in_milliseconds(peer.interval)},
                            {"heard", utc(peer.heard, origin)}});
    }
    return document;
}

Document histogram_document(const Histogram& histogram) {
    Document bounds = Document::array();
    for (const double bound : histogram.bounds) {
        bounds.push_back(shortest(bound));
    }
    return {
        {"le", std::move(bounds)}, {"counts", histogram.counts}, {"sum", shortest(histogram.sum)}};
}

Document hooks_document(const std::vector<HookStatus>& hooks, BootOrigin origin) {
    Document document = Document::array();
    for (const HookStatus& hook : hooks) {
        document.push_back({{"name", hook.name},
                            {"result", name_of(hook.result)},
                            {"at", utc(hook.at, origin)},
                            {"detail", hook.detail}});
    }
    return document;
}

Document vip_document(const VipStatus& vip, BootOrigin origin) {
    Document active = nullptr;
    if (vip.active) {
        active = {{"address", vip.active->address}, {"priority", vip.active->priority}};
    }
    return {{"name", vip.name},
            {"state", name_of(vip.state)},
            {"reason", vip.reason},
            {"since", utc(vip.since, origin)},
            {"interface", vip.interface},
            {"vrid", vip.vrid},
            {"version", vip.version},
            {"priority", {{"base", vip.base_priority}, {"effective", vip.effective_priority}}},
            {"advert_interval_ms", in_milliseconds(vip.advert_interval)},
            {"readiness", name_of(vip.readiness)},
            {"service", vip.service},
            {"addresses", addresses_document(vip.addresses)},
            {"active", std::move(active)},
            {"transitions", vip.transitions},
            {"counters", counters_document(vip.counters)},
            {"peers", peers_document(vip.peers, origin)},
            {"skew_time_ms", in_milliseconds(vip.skew_time)},
            {"active_down_interval_ms", in_milliseconds(vip.active_down_interval)},
            {"checksum", vip.checksum},
            {"heartbeat_gap_intervals", histogram_document(vip.heartbeat_gap)},
            {"heartbeat_lateness_s", histogram_document(vip.heartbeat_lateness)},
            {"warnings", vip.warnings},
            {"hints", vip.hints},
            {"hooks", hooks_document(vip.hooks, origin)}};
}

Document event_document(const StateEvent& event, BootOrigin origin) {
    return {{"number", event.number},      {"at", utc(event.at, origin)}, {"vip", event.vip},
            {"from", name_of(event.from)}, {"to", name_of(event.to)},     {"cause", event.cause}};
}

Document check_document(const CheckStatus& check, BootOrigin origin) {
    Document duration = nullptr;
    if (check.duration) {
        duration = in_milliseconds(*check.duration);
    }
    return {{"name", check.name},
            {"type", check.type},
            {"state", name_of(check.state)},
            {"since", utc(check.since, origin)},
            {"detail", check.detail},
            {"runs", check.runs},
            {"failures", check.failures},
            {"duration_ms", std::move(duration)}};
}

Document checks_document(const std::vector<CheckStatus>& checks, BootOrigin origin) {
    Document document = Document::array();
    for (const CheckStatus& check : checks) {
        document.push_back(check_document(check, origin));
    }
    return document;
}

Document document_of(const CheckListResponse& list, BootOrigin origin) {
    Document document = Document::object();
    document["checks"] = checks_document(list.checks, origin);
    return document;
}

Document document_of(const CheckRunResponse& run, BootOrigin origin) {
    Document timings = Document::object();
    const auto add = [&](const char* step, const std::optional<Duration>& time) {
        if (time) {
            timings[step] = in_milliseconds(*time);
        }
    };
    add("lookup", run.timings.lookup);
    add("connect", run.timings.connect);
    add("tls", run.timings.tls);
    add("first_byte", run.timings.first_byte);
    add("total", run.timings.total);
    return {{"check", run.check},
            {"type", run.type},
            {"passed", run.passed},
            {"detail", run.detail},
            {"output", run.output},
            {"timings_ms", std::move(timings)},
            {"status", check_document(run.status, origin)}};
}

Document loop_document(const LoopStatus& loop, BootOrigin origin) {
    Document document = {{"turns", loop.turns},
                         {"budget_ms", in_milliseconds(loop.budget)},
                         {"over_budget", loop.over_budget}};
    if (loop.longest_turn_at) {
        document["longest_turn"] = {{"ms", in_milliseconds(loop.longest_turn)},
                                    {"at", utc(*loop.longest_turn_at, origin)},
                                    {"cause", loop.longest_turn_cause},
                                    {"step", loop.longest_step_in},
                                    {"step_ms", in_milliseconds(loop.longest_step)}};
    }
    if (loop.longest_delay_at) {
        document["longest_delay"] = {{"ms", in_milliseconds(loop.longest_delay)},
                                     {"at", utc(*loop.longest_delay_at, origin)}};
    }
    return document;
}

Document packet_rules_document(const PacketRulesStatus& rules, BootOrigin origin) {
    Document document = {{"trouble", rules.trouble}, {"restored", rules.restored}};
    if (rules.restored_at) {
        document["restored_at"] = utc(*rules.restored_at, origin);
        document["restored_after"] = rules.restored_after;
    }
    document["silenced"] = rules.silenced;
    return document;
}

Document document_of(const StatusResponse& status, BootOrigin origin) {
    Document vips = Document::array();
    for (const VipStatus& vip : status.vips) {
        vips.push_back(vip_document(vip, origin));
    }
    Document document = {{"node", status.node},
                         {"version", status.version},
                         {"uptime_s", in_seconds(status.uptime)},
                         {"maintenance", status.maintenance}};
    if (status.maintenance_until) {
        document["maintenance_until"] = utc(*status.maintenance_until, origin);
    }
    document["vips"] = std::move(vips);
    document["checks"] = checks_document(status.checks, origin);
    document["discarded"] = discarded_document(status.discarded);
    if (status.loop) {
        document["loop"] = loop_document(*status.loop, origin);
    }
    if (status.packet_rules) {
        document["packet_rules"] = packet_rules_document(*status.packet_rules, origin);
    }
    if (status.runner) {
        document["runner"] = {{"trouble", status.runner->trouble},
                              {"restarts", status.runner->restarts}};
    }
    return document;
}

Document document_of(const WhyResponse& why, BootOrigin) {
    return {{"vip", why.vip}, {"state", name_of(why.state)}, {"reasons", why.reasons}};
}

// Not {{"done", text}} alone: a list of one pair of strings is ambiguous to the library's
// initializer.
Document document_of(const DoneResponse& done, BootOrigin) {
    Document document = Document::object();
    document["done"] = done.text;
    return document;
}

Document document_of(const ErrorResponse& error, BootOrigin) {
    return {{"error", error.text}, {"usage", error.usage}};
}

Document document_of(const EventsResponse& response, BootOrigin origin) {
    Document document = Document::object();
    Document& events = document["events"] = Document::array();
    for (const StateEvent& event : response.events) {
        events.push_back(event_document(event, origin));
    }
    return document;
}

Document network_document(const HostNetwork& network) {
    Document addresses = Document::array();
    for (const HostNetwork::Address& address : network.addresses) {
        addresses.push_back({{"interface", address.interface},
                             {"address", address.prefix.to_string()},
                             {"ours", address.ours}});
    }
    Document routes = Document::array();
    for (const HostNetwork::Route& route : network.routes) {
        Document each = {{"route", route.text},
                         {"ipv6", route.family == Family::ipv6},
                         {"interfaces", route.interfaces}};
        if (route.source) {
            each["source"] = route.source->to_string();
        }
        routes.push_back(std::move(each));
    }
    return {{"addresses", std::move(addresses)}, {"routes", std::move(routes)}};
}

Document document_of(const ConfigResponse& config, BootOrigin) {
    Document document = Document::object();
    document["config"] = config.text;
    if (!config.file.empty()) {
        document["file"] = config.file;
    }
    if (config.network) {
        document["network"] = network_document(*config.network);
    }
    return document;
}

Document document_of(const ReloadResponse& reload, BootOrigin) {
    Document changes = Document::array();
    for (const ConfigChange& change : reload.changes) {
        Document each = {{"object", change.object},
                         {"name", change.name},
                         {"key", change.key},
                         {"change", name_of(change.kind)}};
        if (!change.from.empty()) {
            each["from"] = change.from;
        }
        if (!change.to.empty()) {
            each["to"] = change.to;
        }
        changes.push_back(std::move(each));
    }
    Document problems = Document::array();
    for (const ConfigProblem& problem : reload.problems) {
        problems.push_back({{"file", problem.file},
                            {"line", problem.line},
                            {"column", problem.column},
                            {"severity", problem.warning ? "warning" : "error"},
                            {"message", problem.message}});
    }
    return {{"reloaded", reload.reloaded},
            {"changes", std::move(changes)},
            {"restarts", reload.restarts},
            {"diagnostics", std::move(problems)},
            {"lost_routes", reload.lost_routes}};
}

// The whole of `text` as a number.
std::optional<int> digits(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    return whole && text.front() != '-' ? std::optional{value} : std::nullopt;
}

}  // namespace

std::string to_json(const Response& response, BootOrigin origin) {
    return as_line(std::visit(
        [&](const auto& alternative) { return document_of(alternative, origin); }, response));
}

std::string to_json(const StateEvent& event, BootOrigin origin) {
    return as_line(event_document(event, origin));
}

std::string format_utc(WallTime time) {
    using namespace std::chrono;
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{floor<milliseconds>(time - day)};
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                  static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                  static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()),
                  static_cast<int>(clock.subseconds().count()));
    return text.data();
}

std::optional<WallTime> parse_utc(std::string_view text) {
    using namespace std::chrono;
    constexpr std::string_view form = "YYYY-MM-DDTHH:MM:SS.mmmZ";
    if (text.size() != form.size()) {
        return std::nullopt;
    }
    for (const std::size_t mark : {4UL, 7UL, 10UL, 13UL, 16UL, 19UL, 23UL}) {
        if (text[mark] != form[mark]) {
            return std::nullopt;
        }
    }
    const auto year_number = digits(text.substr(0, 4));
    const auto month_number = digits(text.substr(5, 2));
    const auto day_number = digits(text.substr(8, 2));
    const auto hour = digits(text.substr(11, 2));
    const auto minute = digits(text.substr(14, 2));
    const auto second = digits(text.substr(17, 2));
    const auto millisecond = digits(text.substr(20, 3));
    if (!year_number || !month_number || !day_number || !hour || !minute || !second ||
        !millisecond || *hour > 23 || *minute > 59 || *second > 59) {
        return std::nullopt;
    }
    const year_month_day date{year{*year_number}, month{static_cast<unsigned>(*month_number)},
                              day{static_cast<unsigned>(*day_number)}};
    if (!date.ok()) {
        return std::nullopt;
    }
    return WallTime{sys_days{date}} + hours{*hour} + minutes{*minute} +
           std::chrono::seconds{*second} + std::chrono::milliseconds{*millisecond};
}

}  // namespace understudy::control
