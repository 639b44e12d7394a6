#include "agent/metrics/agent_metrics.hpp"

#include <algorithm>
#include <array>

namespace understudy::metrics {

namespace {

using control::CheckState;
using control::CheckStatus;
using control::Readiness;
using control::State;
using control::StatusResponse;
using control::VipCounters;
using control::VipStatus;

constexpr std::array states = {State::init, State::backup, State::promoting, State::active,
                               State::fault};
constexpr std::array readinesses = {Readiness::hot, Readiness::cold, Readiness::unready};
constexpr std::array check_states = {CheckState::unknown, CheckState::up, CheckState::down};

double seconds(Duration duration) {
    return static_cast<double>(duration.count()) / 1e6;
}

double timestamp(TimePoint time) {
    return seconds(time.time_since_epoch());
}

std::uint64_t count(int value) {
    return static_cast<std::uint64_t>(std::max(value, 0));
}

// One sample for each VIP, as `write` makes it.
template <class Each, class Write>
void family(Exposition& out, const Family& family, const std::vector<Each>& all, Write write) {
    if (all.empty()) {
        return;
    }
    out.begin(family);
    for (const Each& each : all) {
        write(each);
    }
}

void add_up(Exposition& out, bool up) {
    out.begin({"understudy_up", Kind::gauge, "Whether the agent of this node answers.", ""});
    out.flag({}, up);
    out.begin({"keepalived_up", Kind::gauge,
               "The same, under the name that exporters for keepalived use.", ""});
    out.flag({}, up);
}

void add_node(Exposition& out, const StatusResponse& status) {
    out.begin({"understudy_build", Kind::info, "The version of the agent.", ""});
    out.sample({{"version", status.version}}, std::uint64_t{1});
    out.begin({"understudy_node", Kind::info, "The name of the node.", ""});
    out.sample({{"node", status.node}}, std::uint64_t{1});
    out.begin(
        {"understudy_uptime_seconds", Kind::gauge, "Since the agent was started.", "seconds"});
    out.sample({}, seconds(status.uptime));
    out.begin({"understudy_maintenance", Kind::gauge,
               "1 while the node gives everything away for maintenance.", ""});
    out.flag({}, status.maintenance);
    if (status.maintenance_until) {
        out.begin({"understudy_maintenance_until_timestamp_seconds", Kind::gauge,
                   "When maintenance ends by itself, in seconds since 1970.", "seconds"});
        out.sample({}, timestamp(*status.maintenance_until));
    }
    out.begin({"understudy_discarded_datagrams", Kind::counter,
               "Datagrams that belong to no VIP of this node, by reason.", ""});
    for (const control::DiscardCount& discard : status.discarded) {
        out.sample({{"reason", discard.reason}}, discard.count);
    }
}

void add_loop(Exposition& out, const control::LoopStatus& loop) {
    out.begin({"understudy_loop_turns", Kind::counter,
               "Events that the agent's loop has dealt with.", ""});
    out.sample({}, loop.turns);
    out.begin({"understudy_loop_turns_over_budget", Kind::counter,
               "Those that kept it for longer than the budget of a heartbeat.", ""});
    out.sample({}, loop.over_budget);
    out.begin({"understudy_loop_longest_turn_seconds", Kind::gauge,
               "The longest that one event has kept the agent's loop, by what took longest.",
               "seconds"});
    out.sample({{"cause", loop.longest_turn_cause}, {"step", loop.longest_step_in}},
               seconds(loop.longest_turn));
    out.begin({"understudy_loop_longest_delay_seconds", Kind::gauge,
               "The longest that a timer of the agent's loop came too late.", "seconds"});
    out.sample({}, seconds(loop.longest_delay));
}

void add_packet_rules(Exposition& out, const control::PacketRulesStatus& rules) {
    out.begin({"understudy_packet_rules_broken", Kind::gauge,
               "1 while the agent's rules in nf_tables do not do all that they should.", ""});
    out.flag({}, !rules.trouble.empty());
    out.begin({"understudy_packet_rules_restored", Kind::counter,
               "How often somebody else had deleted or changed them.", ""});
    out.sample({}, rules.restored);
    out.begin({"understudy_packet_rules_silenced", Kind::counter,
               "Announcements of an address that was being given away, without a takeover.", ""});
    out.sample({}, rules.silenced);
}

void add_runner(Exposition& out, const control::RunnerStatus& runner) {
    out.begin({"understudy_runner_up", Kind::gauge,
               "1 while the process that starts checks, hooks and services runs.", ""});
    out.flag({}, runner.trouble.empty());
    out.begin({"understudy_runner_restarts", Kind::counter,
               "How often it had died and was started again.", ""});
    out.sample({}, runner.restarts);
}

void add_standing(Exposition& out, const std::vector<VipStatus>& vips) {
    family(out, {"understudy_vip", Kind::info, "What is configured for the VIP.", ""}, vips,
           [&](const VipStatus& vip) {
               out.sample({{"vip", vip.name},
                           {"interface", vip.interface},
                           {"vrid", std::to_string(vip.vrid)},
                           {"version", std::to_string(vip.version)},
                           {"service", vip.service}},
                          std::uint64_t{1});
           });
    family(out,
           {"understudy_vip_state", Kind::gauge,
            "1 for the state that the VIP is in on this node, 0 for the others.", ""},
           vips, [&](const VipStatus& vip) {
               for (const State state : states) {
                   out.flag({{"vip", vip.name}, {"state", name_of(state)}}, vip.state == state);
               }
           });
    family(out,
           {"understudy_vip_state_timestamp_seconds", Kind::gauge,
            "When that state was entered, in seconds since 1970.", "seconds"},
           vips,
           [&](const VipStatus& vip) { out.sample({{"vip", vip.name}}, timestamp(vip.since)); });
    family(out,
           {"understudy_vip_readiness", Kind::gauge,
            "1 for what the service of the VIP is on this node, 0 for the others.", ""},
           vips, [&](const VipStatus& vip) {
               for (const Readiness readiness : readinesses) {
                   out.flag({{"vip", vip.name}, {"readiness", name_of(readiness)}},
                            vip.readiness == readiness);
               }
           });
    family(
        out, {"understudy_vip_base_priority", Kind::gauge, "The priority as configured.", ""}, vips,
        [&](const VipStatus& vip) { out.sample({{"vip", vip.name}}, count(vip.base_priority)); });
    family(out,
           {"understudy_vip_effective_priority", Kind::gauge,
            "The priority in the election now; 1 to 16: wants to be relieved.", ""},
           vips, [&](const VipStatus& vip) {
               out.sample({{"vip", vip.name}}, count(vip.effective_priority));
           });
}

void add_addresses(Exposition& out, const std::vector<VipStatus>& vips) {
    family(out, {"understudy_vip_addresses", Kind::gauge, "Addresses of the VIP.", ""}, vips,
           [&](const VipStatus& vip) {
               out.sample({{"vip", vip.name}}, std::uint64_t{vip.addresses.size()});
           });
    family(out,
           {"understudy_vip_addresses_held", Kind::gauge,
            "Addresses of the VIP that are on this node now.", ""},
           vips, [&](const VipStatus& vip) {
               const auto held =
                   std::ranges::count(vip.addresses, true, &control::AddressStatus::held);
               out.sample({{"vip", vip.name}}, static_cast<std::uint64_t>(held));
           });
}

void add_timing(Exposition& out, const std::vector<VipStatus>& vips) {
    family(out,
           {"understudy_vip_advert_interval_seconds", Kind::gauge,
            "The advertisement interval as configured.", "seconds"},
           vips, [&](const VipStatus& vip) {
               out.sample({{"vip", vip.name}}, seconds(vip.advert_interval));
           });
    family(out,
           {"understudy_vip_active_down_interval_seconds", Kind::gauge,
            "Silence for so long makes this node take over.", "seconds"},
           vips, [&](const VipStatus& vip) {
               out.sample({{"vip", vip.name}}, seconds(vip.active_down_interval));
           });
    family(out,
           {"understudy_vip_heartbeat_gap_intervals", Kind::histogram,
            "Time between two advertisements of the active router, in intervals that it "
            "advertises; a standby takes over between 3 and 4.",
            "intervals"},
           vips,
           [&](const VipStatus& vip) { out.histogram({{"vip", vip.name}}, vip.heartbeat_gap); });
    family(out,
           {"understudy_vip_heartbeat_lateness_seconds", Kind::histogram,
            "How long after its time an advertisement of this node was sent.", "seconds"},
           vips, [&](const VipStatus& vip) {
               out.histogram({{"vip", vip.name}}, vip.heartbeat_lateness);
           });
}

void add_peers(Exposition& out, const std::vector<VipStatus>& vips) {
    const auto each = [&](auto write) {
        return [&out, write](const VipStatus& vip) {
            for (const control::PeerStatus& peer : vip.peers) {
                out.sample({{"vip", vip.name}, {"peer", peer.address}}, write(peer));
            }
        };
    };
    if (std::ranges::all_of(vips, [](const VipStatus& vip) { return vip.peers.empty(); })) {
        return;
    }
    family(out,
           {"understudy_vip_peer_heard_timestamp_seconds", Kind::gauge,
            "When this router was last heard; a standby is silent. Seconds since 1970.", "seconds"},
           vips, each([](const control::PeerStatus& peer) { return timestamp(peer.heard); }));
    family(
        out,
        {"understudy_vip_peer_priority", Kind::gauge, "The priority that it advertised last.", ""},
        vips, each([](const control::PeerStatus& peer) { return count(peer.priority); }));
}

struct CounterFamily {
    std::string_view name;
    std::string_view help;
    std::uint64_t VipCounters::* counter;
};

constexpr std::array<CounterFamily, 9> counter_families = {{
    {"understudy_vip_adverts_sent", "Advertisements sent.", &VipCounters::adverts_sent},
    {"understudy_vip_adverts_received", "Advertisements accepted.", &VipCounters::adverts_received},
    {"understudy_vip_priority_zero_sent", "Resignations sent.", &VipCounters::priority_zero_sent},
    {"understudy_vip_priority_zero_received", "Resignations heard.",
     &VipCounters::priority_zero_received},
    {"understudy_vip_send_errors", "Advertisements that the kernel refused to send.",
     &VipCounters::send_errors},
    {"understudy_vip_interval_mismatches", "Advertisements heard with another interval than ours.",
     &VipCounters::interval_mismatches},
    {"understudy_vip_address_mismatches", "Advertisements heard with other addresses than ours.",
     &VipCounters::address_mismatches},
    {"understudy_vip_address_repairs", "Addresses put back after somebody else had removed them.",
     &VipCounters::address_repairs},
    {"understudy_vip_announcements",
     "Gratuitous ARP and unsolicited neighbour advertisements asked for.",
     &VipCounters::announcements},
}};

void add_counters(Exposition& out, const std::vector<VipStatus>& vips) {
    family(out, {"understudy_vip_transitions", Kind::counter, "Changes of state.", ""}, vips,
           [&](const VipStatus& vip) { out.sample({{"vip", vip.name}}, vip.transitions); });
    for (const CounterFamily& counter : counter_families) {
        family(out, {counter.name, Kind::counter, counter.help, ""}, vips,
               [&](const VipStatus& vip) {
                   out.sample({{"vip", vip.name}}, vip.counters.*counter.counter);
               });
    }
    family(out,
           {"understudy_vip_discarded_datagrams", Kind::counter,
            "Datagrams for this VIP that were not accepted, by the first reason found.", ""},
           vips, [&](const VipStatus& vip) {
               for (const control::DiscardCount& discard : vip.counters.discarded) {
                   out.sample({{"vip", vip.name}, {"reason", discard.reason}}, discard.count);
               }
           });
}

void add_checks(Exposition& out, const std::vector<CheckStatus>& checks) {
    family(out, {"understudy_check", Kind::info, "What is configured for the check.", ""}, checks,
           [&](const CheckStatus& check) {
               out.sample({{"check", check.name}, {"type", check.type}}, std::uint64_t{1});
           });
    family(out,
           {"understudy_check_state", Kind::gauge,
            "1 for the state that the check is in, 0 for the others.", ""},
           checks, [&](const CheckStatus& check) {
               for (const CheckState state : check_states) {
                   out.flag({{"check", check.name}, {"state", name_of(state)}},
                            check.state == state);
               }
           });
    family(out,
           {"understudy_check_state_timestamp_seconds", Kind::gauge,
            "When that state was entered, in seconds since 1970.", "seconds"},
           checks, [&](const CheckStatus& check) {
               out.sample({{"check", check.name}}, timestamp(check.since));
           });
    family(out, {"understudy_check_runs", Kind::counter, "Runs of the check that ended.", ""},
           checks,
           [&](const CheckStatus& check) { out.sample({{"check", check.name}}, check.runs); });
    family(out, {"understudy_check_failures", Kind::counter, "Runs of the check that failed.", ""},
           checks,
           [&](const CheckStatus& check) { out.sample({{"check", check.name}}, check.failures); });
    family(out,
           {"understudy_check_duration_seconds", Kind::gauge, "How long the last run took.",
            "seconds"},
           checks, [&](const CheckStatus& check) {
               if (check.duration) {
                   out.sample({{"check", check.name}}, seconds(*check.duration));
               }
           });
}

// As the exporters for keepalived count them: 0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT. Who is still
// being promoted does not have the addresses.
std::uint64_t keepalived_number(State state) {
    switch (state) {
        case State::init:
            return 0;
        case State::backup:
        case State::promoting:
            return 1;
        case State::active:
            return 2;
        case State::fault:
            return 3;
    }
    return 0;
}

void add_for_keepalived(Exposition& out, const std::vector<VipStatus>& vips) {
    family(out,
           {"keepalived_vrrp_state", Kind::gauge,
            "0 init, 1 backup, 2 active, 3 fault: the name that exporters for keepalived use.", ""},
           vips, [&](const VipStatus& vip) {
               for (const control::AddressStatus& address : vip.addresses) {
                   const std::string bare = address.address.substr(0, address.address.find('/'));
                   out.sample({{"iname", vip.name},
                               {"intf", address.interface},
                               {"vrid", std::to_string(vip.vrid)},
                               {"ip_address", bare}},
                              keepalived_number(vip.state));
               }
           });
}

}  // namespace

std::string text_of(const StatusResponse& status, Format format) {
    Exposition out{format};
    add_up(out, true);
    add_node(out, status);
    if (status.loop) {
        add_loop(out, *status.loop);
    }
    if (status.packet_rules) {
        add_packet_rules(out, *status.packet_rules);
    }
    if (status.runner) {
        add_runner(out, *status.runner);
    }
    add_standing(out, status.vips);
    add_addresses(out, status.vips);
    add_timing(out, status.vips);
    add_peers(out, status.vips);
    add_counters(out, status.vips);
    add_checks(out, status.checks);
    add_for_keepalived(out, status.vips);
    return out.finish();
}

std::string text_without_agent(Format format) {
    Exposition out{format};
    add_up(out, false);
    return out.finish();
}

}  // namespace understudy::metrics
