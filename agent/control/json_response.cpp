// Answers, from JSON lines to types: what the client does with what the agent sent.
#include <utility>

#include "agent/control/json.hpp"
#include "agent/control/json_fields.hpp"

namespace understudy::control {

namespace {

using namespace fields;

// No answer nests deeper than the counts of discards in the counters of a VIP.
constexpr int deepest_response = 8;

void read_discarded(const Json& object, std::vector<DiscardCount>& counts) {
    const auto field = object.find("discarded");
    if (field == object.end()) {
        return;
    }
    expect_object(*field);
    for (const auto& [reason, count] : field->items()) {
        counts.push_back({reason, 0});
        read_count(*field, reason.c_str(), counts.back().count);
    }
}

void read_counters(const Json& vip, VipCounters& counters) {
    const auto field = vip.find("counters");
    if (field == vip.end()) {
        return;
    }
    expect_object(*field);
    read_count(*field, "adverts_sent", counters.adverts_sent);
    read_count(*field, "adverts_received", counters.adverts_received);
    read_count(*field, "priority_zero_sent", counters.priority_zero_sent);
    read_count(*field, "priority_zero_received", counters.priority_zero_received);
    read_count(*field, "send_errors", counters.send_errors);
    read_count(*field, "interval_mismatches", counters.interval_mismatches);
    read_count(*field, "address_mismatches", counters.address_mismatches);
    read_count(*field, "address_repairs", counters.address_repairs);
    read_count(*field, "announcements", counters.announcements);
    read_discarded(*field, counters.discarded);
}

AddressStatus read_address(const Json& object) {
    expect_object(object);
    AddressStatus address;
    read(object, "address", address.address);
    read(object, "interface", address.interface);
    read(object, "held", address.held);
    read(object, "derived", address.derived);
    return address;
}

PeerStatus read_peer(const Json& object, BootOrigin origin) {
    expect_object(object);
    PeerStatus peer;
    read(object, "address", peer.address);
    read_int(object, "priority", peer.priority);
    read_duration(object, "interval_ms", 1e3, peer.interval);
    read_time(object, "heard", origin, peer.heard);
    return peer;
}

HookStatus read_hook(const Json& object, BootOrigin origin) {
    constexpr std::array results = {HookResult::running, HookResult::done, HookResult::failed};
    expect_object(object);
    HookStatus hook;
    read(object, "name", hook.name);
    read_name(object, "result", results, hook.result);
    read_time(object, "at", origin, hook.at);
    read(object, "detail", hook.detail);
    return hook;
}

void read_standing(const Json& object, VipStatus& vip) {
    if (const auto field = object.find("priority"); field != object.end()) {
        expect_object(*field);
        read_int(*field, "base", vip.base_priority);
        read_int(*field, "effective", vip.effective_priority);
    }
    if (const auto field = object.find("active"); field != object.end() && !field->is_null()) {
        expect_object(*field);
        vip.active.emplace();
        read(*field, "address", vip.active->address);
        read_int(*field, "priority", vip.active->priority);
    }
}

void read_histogram(const Json& vip, const char* key, Histogram& histogram) {
    const auto field = vip.find(key);
    if (field == vip.end()) {
        return;
    }
    expect_object(*field);
    read(*field, "le", histogram.bounds);
    read_list(*field, "counts", [&](const Json& count) {
        if (!count.is_number_unsigned()) {
            throw Misfit(std::string{key} + " has a count that is none");
        }
        histogram.counts.push_back(count.get<std::uint64_t>());
    });
    read(*field, "sum", histogram.sum);
    const bool empty = histogram.counts.empty() && histogram.bounds.empty();
    if (!empty && histogram.counts.size() != histogram.bounds.size() + 1) {
        throw Misfit(std::string{key} + " has not one count more than bounds");
    }
}

VipStatus read_vip(const Json& object, BootOrigin origin) {
    expect_object(object);
    VipStatus vip;
    read(object, "name", vip.name);
    read_state(object, "state", vip.state);
    read(object, "reason", vip.reason);
    read_time(object, "since", origin, vip.since);
    read(object, "interface", vip.interface);
    read_int(object, "vrid", vip.vrid);
    read_int(object, "version", vip.version);
    read_standing(object, vip);
    read_duration(object, "advert_interval_ms", 1e3, vip.advert_interval);
    read_readiness(object, "readiness", vip.readiness);
    read(object, "service", vip.service);
    read_list(object, "addresses",
              [&](const Json& each) { vip.addresses.push_back(read_address(each)); });
    read_count(object, "transitions", vip.transitions);
    read_counters(object, vip.counters);
    read_list(object, "peers",
              [&](const Json& each) { vip.peers.push_back(read_peer(each, origin)); });
    read_duration(object, "skew_time_ms", 1e3, vip.skew_time);
    read_duration(object, "active_down_interval_ms", 1e3, vip.active_down_interval);
    read(object, "checksum", vip.checksum);
    read_histogram(object, "heartbeat_gap_intervals", vip.heartbeat_gap);
    read_histogram(object, "heartbeat_lateness_s", vip.heartbeat_lateness);
    read(object, "warnings", vip.warnings);
    read(object, "hints", vip.hints);
    read_list(object, "hooks",
              [&](const Json& each) { vip.hooks.push_back(read_hook(each, origin)); });
    return vip;
}

CheckStatus read_check(const Json& object, BootOrigin origin) {
    expect_object(object);
    CheckStatus check;
    read(object, "name", check.name);
    read(object, "type", check.type);
    read_check_state(object, "state", check.state);
    read_time(object, "since", origin, check.since);
    read(object, "detail", check.detail);
    read_count(object, "runs", check.runs);
    read_count(object, "failures", check.failures);
    if (const auto field = object.find("duration_ms"); field != object.end() && !field->is_null()) {
        read_duration(object, "duration_ms", 1e3, check.duration.emplace());
    }
    return check;
}

std::vector<CheckStatus> read_checks(const Json& object, BootOrigin origin) {
    std::vector<CheckStatus> checks;
    read_list(object, "checks",
              [&](const Json& each) { checks.push_back(read_check(each, origin)); });
    return checks;
}

CheckRunResponse read_check_run(const Json& object, BootOrigin origin) {
    CheckRunResponse run;
    read(object, "check", run.check);
    read(object, "type", run.type);
    read(object, "passed", run.passed);
    read(object, "detail", run.detail);
    read(object, "output", run.output);
    if (const auto timings = object.find("timings_ms"); timings != object.end()) {
        expect_object(*timings);
        const auto step = [&](const char* key, std::optional<Duration>& time) {
            if (timings->contains(key)) {
                read_duration(*timings, key, 1e3, time.emplace());
            }
        };
        step("lookup", run.timings.lookup);
        step("connect", run.timings.connect);
        step("tls", run.timings.tls);
        step("first_byte", run.timings.first_byte);
        step("total", run.timings.total);
    }
    if (const auto status = object.find("status"); status != object.end()) {
        run.status = read_check(*status, origin);
    }
    return run;
}

LoopStatus read_loop(const Json& object, BootOrigin origin) {
    expect_object(object);
    LoopStatus loop;
    read_count(object, "turns", loop.turns);
    read_duration(object, "budget_ms", 1e3, loop.budget);
    read_count(object, "over_budget", loop.over_budget);
    if (const auto turn = object.find("longest_turn"); turn != object.end()) {
        expect_object(*turn);
        read_duration(*turn, "ms", 1e3, loop.longest_turn);
        read_time(*turn, "at", origin, loop.longest_turn_at.emplace());
        read(*turn, "cause", loop.longest_turn_cause);
        read(*turn, "step", loop.longest_step_in);
        read_duration(*turn, "step_ms", 1e3, loop.longest_step);
    }
    if (const auto delay = object.find("longest_delay"); delay != object.end()) {
        expect_object(*delay);
        read_duration(*delay, "ms", 1e3, loop.longest_delay);
        read_time(*delay, "at", origin, loop.longest_delay_at.emplace());
    }
    return loop;
}

PacketRulesStatus read_packet_rules(const Json& object, BootOrigin origin) {
    expect_object(object);
    PacketRulesStatus rules;
    read(object, "trouble", rules.trouble);
    read_count(object, "restored", rules.restored);
    if (object.contains("restored_at")) {
        read_time(object, "restored_at", origin, rules.restored_at.emplace());
    }
    read(object, "restored_after", rules.restored_after);
    read_count(object, "silenced", rules.silenced);
    return rules;
}

StatusResponse read_status(const Json& object, BootOrigin origin) {
    StatusResponse status;
    read(object, "node", status.node);
    read(object, "version", status.version);
    read_duration(object, "uptime_s", 1e6, status.uptime);
    read(object, "maintenance", status.maintenance);
    if (object.contains("maintenance_until")) {
        read_time(object, "maintenance_until", origin, status.maintenance_until.emplace());
    }
    read_list(object, "vips",
              [&](const Json& each) { status.vips.push_back(read_vip(each, origin)); });
    status.checks = read_checks(object, origin);
    read_discarded(object, status.discarded);
    if (const auto loop = object.find("loop"); loop != object.end()) {
        status.loop = read_loop(*loop, origin);
    }
    if (const auto rules = object.find("packet_rules"); rules != object.end()) {
        status.packet_rules = read_packet_rules(*rules, origin);
    }
    if (const auto runner = object.find("runner"); runner != object.end()) {
        expect_object(*runner);
        read(*runner, "trouble", status.runner.emplace().trouble);
        read_count(*runner, "restarts", status.runner->restarts);
    }
    return status;
}

StateEvent read_event(const Json& object, BootOrigin origin) {
    expect_object(object);
    StateEvent event;
    read_count(object, "number", event.number);
    read_time(object, "at", origin, event.at);
    read(object, "vip", event.vip);
    read_state(object, "from", event.from);
    read_state(object, "to", event.to);
    read(object, "cause", event.cause);
    return event;
}

HostNetwork read_network(const Json& object) {
    expect_object(object);
    HostNetwork network;
    read_list(object, "addresses", [&](const Json& each) {
        expect_object(each);
        std::string prefix;
        HostNetwork::Address& address = network.addresses.emplace_back();
        read(each, "interface", address.interface);
        read(each, "address", prefix);
        read(each, "ours", address.ours);
        const auto parsed = IpPrefix::parse(prefix);
        if (!parsed) {
            throw Misfit("address is none");
        }
        address.prefix = *parsed;
    });
    read_list(object, "routes", [&](const Json& each) {
        expect_object(each);
        bool is_v6 = false;
        std::string source;
        HostNetwork::Route& route = network.routes.emplace_back();
        read(each, "route", route.text);
        read(each, "ipv6", is_v6);
        route.family = is_v6 ? Family::ipv6 : Family::ipv4;
        read(each, "interfaces", route.interfaces);
        read(each, "source", source);
        route.source = IpAddress::parse(source);
    });
    return network;
}

ReloadResponse read_reload(const Json& object) {
    ReloadResponse reload;
    read(object, "reloaded", reload.reloaded);
    read(object, "restarts", reload.restarts);
    read_list(object, "changes", [&](const Json& each) {
        expect_object(each);
        ConfigChange& change = reload.changes.emplace_back();
        read(each, "object", change.object);
        read(each, "name", change.name);
        read(each, "key", change.key);
        constexpr std::array kinds = {ChangeKind::added, ChangeKind::removed, ChangeKind::changed};
        read_name(each, "change", kinds, change.kind);
        read(each, "from", change.from);
        read(each, "to", change.to);
    });
    read_list(object, "diagnostics", [&](const Json& each) {
        expect_object(each);
        ConfigProblem& problem = reload.problems.emplace_back();
        read(each, "file", problem.file);
        read_int(each, "line", problem.line);
        read_int(each, "column", problem.column);
        std::string severity;
        read(each, "severity", severity);
        problem.warning = severity == "warning";
        read(each, "message", problem.message);
    });
    read(object, "lost_routes", reload.lost_routes);
    return reload;
}

// Each kind of answer has a field that no other one has.
Response read_response(const Json& object, BootOrigin origin) {
    expect_object(object);
    if (object.contains("error")) {
        ErrorResponse error;
        read(object, "error", error.text);
        read(object, "usage", error.usage);
        return error;
    }
    if (object.contains("done")) {
        return DoneResponse{object.at("done").get<std::string>()};
    }
    if (object.contains("vips")) {
        return read_status(object, origin);
    }
    if (object.contains("passed")) {
        return read_check_run(object, origin);
    }
    if (object.contains("checks")) {
        return CheckListResponse{read_checks(object, origin)};
    }
    if (object.contains("reasons")) {
        WhyResponse why;
        read(object, "vip", why.vip);
        read_state(object, "state", why.state);
        read(object, "reasons", why.reasons);
        return why;
    }
    if (object.contains("config")) {
        ConfigResponse config{object.at("config").get<std::string>(), {}, {}};
        read(object, "file", config.file);
        if (const auto network = object.find("network"); network != object.end()) {
            config.network = read_network(*network);
        }
        return config;
    }
    if (object.contains("reloaded")) {
        return read_reload(object);
    }
    EventsResponse response;
    if (object.contains("number")) {
        response.events.push_back(read_event(object, origin));
        return response;
    }
    if (!object.contains("events")) {
        throw Misfit("it is none of the known kinds");
    }
    read_list(object, "events",
              [&](const Json& each) { response.events.push_back(read_event(each, origin)); });
    return response;
}

}  // namespace

std::expected<Response, std::string> parse_response(std::string_view line, BootOrigin origin) {
    if (line.size() > longest_response) {
        return std::unexpected("the answer is too long");
    }
    try {
        bool deep = false;
        const auto watch_depth = [&](int depth, Json::parse_event_t, Json&) {
            deep = deep || depth > deepest_response;
            return !deep;
        };
        const Json document = Json::parse(line, watch_depth);
        if (deep) {
            return std::unexpected("the answer nests too deep");
        }
        return read_response(document, origin);
    } catch (const Json::parse_error&) {
        return std::unexpected("the answer is not valid JSON");
    } catch (const Json::exception&) {
        return std::unexpected("the answer has a field of an unexpected type");
    } catch (const Misfit& misfit) {
        return std::unexpected("the answer is not understood: " + std::string{misfit.what()});
    }
}

}  // namespace understudy::control
