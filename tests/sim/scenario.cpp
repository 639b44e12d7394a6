#include "tests/sim/scenario.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>
#include <utility>

#include "tests/sim/virtual_host.hpp"

namespace understudy::sim {

namespace {

using namespace std::chrono_literals;

constexpr std::array kinds = {
    "crash",       "stop",     "freeze",      "link_down",      "cut",           "isolate",
    "partition",   "loss",     "duplicate",   "jitter",         "slow_kernel",   "refuse",
    "foreign",     "deaf",     "check_fails", "service_dies",   "bad_start",     "quiet_prober",
    "maintenance", "bad_hook", "reload",      "homeless",       "slow_renewals", "stranger",
    "forged",      "recreate", "overrun",     "delete_address", "failover",      "takeover",
    "force",       "failback"};

// --- text ----------------------------------------------------------------------------------------

// Every field by its name, in one place for writing and reading.
template <class Visit>
void visit_fields(Cluster& cluster, const Visit& visit) {
    visit("seed", cluster.seed);
    visit("version", cluster.version);
    visit("ipv4", cluster.ipv4);
    visit("ipv6", cluster.ipv6);
    visit("unicast", cluster.unicast);
    visit("vips", cluster.vips);
    visit("shared", cluster.shared);
    visit("latency", cluster.latency);
    visit("faults_until", cluster.faults_until);
    visit("ends", cluster.ends);
}
template <class Visit>
void visit_fields(NodePlan& node, const Visit& visit) {
    visit("priority", node.priority);
    visit("interval", node.interval);
    visit("preempt", node.preempt);
    visit("preempt_delay", node.preempt_delay);
    visit("startup_delay", node.startup_delay);
    visit("lease", node.lease);
    visit("service", node.service);
    visit("stop_on_release", node.stop_on_release);
    visit("releases_last", node.releases_last);
    visit("track", node.track);
    visit("max_transitions", node.max_transitions);
    visit("asks", node.asks);
    visit("drains", node.drains);
}
template <class Visit>
void visit_fields(Fault& fault, const Visit& visit) {
    visit("node", fault.node);
    visit("peer", fault.peer);
    visit("for", fault.length);
    visit("value", fault.value);
}

void write(std::ostream& out, const Duration& value) {
    out << value.count() << "us";
}
template <class T>
void write(std::ostream& out, const T& value) {
    out << value;
}

void read(std::istream& in, Duration& value) {
    Duration::rep count = 0;
    std::string unit;
    in >> count >> unit;
    value = Duration{count};
    if (unit != "us") {
        in.setstate(std::ios::failbit);
    }
}
template <class T>
void read(std::istream& in, T& value) {
    in >> value;
}

template <class T>
std::string fields_of(T object) {
    std::ostringstream out;
    T standard{};
    std::vector<std::string> standard_values;
    visit_fields(standard, [&](const char*, auto& value) {
        std::ostringstream one;
        write(one, value);
        standard_values.push_back(one.str());
    });
    std::size_t place = 0;
    visit_fields(object, [&](const char* name, auto& value) {
        std::ostringstream one;
        write(one, value);
        if (one.str() != standard_values[place++]) {
            out << ' ' << name << '=' << one.str();
        }
    });
    return out.str();
}

template <class T>
bool set_field(T& object, const std::string& name, const std::string& text) {
    bool done = false;
    visit_fields(object, [&](const char* known, auto& value) {
        if (name == known) {
            std::istringstream in(text);
            read(in, value);
            done = !in.fail();
        }
    });
    return done;
}

template <class T>
bool set_fields(T& object, std::istream& words) {
    std::string word;
    while (words >> word) {
        const auto equals = word.find('=');
        if (equals == std::string::npos ||
            !set_field(object, word.substr(0, equals), word.substr(equals + 1))) {
            return false;
        }
    }
    return true;
}

bool parse_line(Scenario& scenario, const std::string& line) {
    std::istringstream words(line);
    std::string kind;
    if (!(words >> kind) || kind.starts_with('#')) {
        return true;
    }
    if (kind == "cluster") {
        return set_fields(scenario.cluster, words);
    }
    if (kind == "node") {
        return set_fields(scenario.nodes.emplace_back(), words);
    }
    Fault fault;
    std::string time;
    if (kind != "at" || !(words >> time >> kind)) {
        return false;
    }
    std::istringstream at(time);
    read(at, fault.at);
    const auto found = std::ranges::find(kinds, kind);
    if (at.fail() || found == kinds.end()) {
        return false;
    }
    fault.kind = static_cast<FaultKind>(found - kinds.begin());
    scenario.faults.push_back(fault);
    return set_fields(scenario.faults.back(), words);
}

}  // namespace

std::string to_text(const Fault& fault) {
    return "at " + std::to_string(fault.at.count()) + "us " +
           kinds.at(static_cast<std::size_t>(fault.kind)) + fields_of(fault);
}

std::string to_text(const Scenario& scenario) {
    std::string text = "cluster" + fields_of(scenario.cluster) + "\n";
    for (const NodePlan& node : scenario.nodes) {
        text += "node" + fields_of(node) + "\n";
    }
    for (const Fault& fault : scenario.faults) {
        text += to_text(fault) + "\n";
    }
    return text;
}

std::expected<Scenario, std::string> parse(const std::string& text) {
    Scenario scenario;
    std::istringstream lines(text);
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
        if (!parse_line(scenario, line)) {
            return std::unexpected("line " + std::to_string(number) + ": not understood: " + line);
        }
    }
    const auto count = static_cast<int>(scenario.nodes.size());
    const bool sound =
        count > 0 && std::ranges::all_of(scenario.faults, [&](const Fault& fault) {
            return fault.node >= 0 && fault.node < count && fault.peer >= 0 && fault.peer < count;
        });
    if (!sound) {
        return std::unexpected("no node, or a fault at one that does not exist");
    }
    std::ranges::stable_sort(scenario.faults, {}, &Fault::at);
    return scenario;
}

bool lasts(FaultKind kind) {
    return kind < FaultKind::recreate;
}

bool speaks(FaultKind kind) {
    return kind == FaultKind::stranger || kind == FaultKind::forged;
}

std::vector<Moment> moments_of(const Scenario& scenario) {
    constexpr Duration said_every = 700ms;
    using Step = Moment::Step;
    std::vector<Moment> all;
    for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
        const Fault& fault = scenario.faults[i];
        all.push_back({fault.at, i, Step::begins});
        if (!lasts(fault.kind)) {
            continue;
        }
        for (Duration at = said_every; speaks(fault.kind) && at < fault.length; at += said_every) {
            all.push_back({fault.at + at, i, Step::goes_on});
        }
        all.push_back({fault.at + fault.length, i, Step::ends});
    }
    std::ranges::stable_sort(all, {}, &Moment::at);
    return all;
}

// --- the dice ------------------------------------------------------------------------------------

std::string name_of_vip(int vip) {
    return vip == 0 ? "web" : "db";
}

bool has_service(const Scenario& scenario, int vip) {
    return vip == 0 || scenario.cluster.shared;
}

std::string name_of_node(int node) {
    return "lb" + std::to_string(node + 1);
}

std::vector<IpPrefix> addresses_of(const Scenario& scenario, int vip) {
    std::vector<IpPrefix> prefixes;
    const std::string host = std::to_string(100 + vip);
    if (scenario.cluster.ipv4) {
        prefixes.push_back(*IpPrefix::parse("192.0.2." + host + "/24"));
    }
    if (scenario.cluster.ipv6) {
        prefixes.push_back(*IpPrefix::parse("fe80::5e00:" + host + "/64"));
        prefixes.push_back(*IpPrefix::parse("2001:db8::" + host + "/64"));
    }
    return prefixes;
}

// --- configuration -------------------------------------------------------------------------------

namespace {

void add_check(core::Configuration& configuration, const std::string& name) {
    checks::CheckSettings check;
    check.name = name;
    check.type = "file";
    check.question = checks::File{};
    check.interval = 500ms;
    check.fast_interval = 100ms;
    check.rise = 2;
    check.fall = 2;
    configuration.checks.push_back(check);
}

void add_service(core::Configuration& configuration, const NodePlan& plan) {
    core::ServiceSettings service;
    service.name = "app";
    service.checks = {"app"};
    service.stop_on_release = plan.stop_on_release;
    service.start_timeout = 3s;
    service.stop_timeout = 2s;
    service.standby = plan.service == "hot"    ? core::Standby::hot
                      : plan.service == "cold" ? core::Standby::cold
                                               : core::Standby::automatic;
    if (plan.service != "hot") {
        service.unit = "app.service";
    }
    configuration.services.push_back(service);
    add_check(configuration, "app");
}

void add_hooks(core::VipSettings& vip, const NodePlan& plan) {
    const auto add = [&](core::HookKind kind, bool wanted) {
        if (wanted) {
            vip.hooks.commands.at(static_cast<std::size_t>(kind)) = {"/usr/local/bin/hook"};
        }
    };
    add(core::HookKind::promote, plan.asks);
    add(core::HookKind::release, plan.drains);
    add(core::HookKind::active, plan.asks || plan.drains);
    vip.hooks.timeout = 1s;
}

core::VipSettings vip_of(const Scenario& scenario, const NodePlan& plan, std::size_t node,
                         int number) {
    core::VipSettings vip;
    vip.name = name_of_vip(number);
    vip.interface = "eth0";
    vip.vrid = static_cast<vrrp::Vrid>(51 + number);
    vip.version = scenario.cluster.version == 2 ? vrrp::Version::v2 : vrrp::Version::v3;
    // The second VIP prefers the nodes the other way round.
    vip.priority = static_cast<vrrp::Priority>(number == 0 ? plan.priority : 255 - plan.priority);
    vip.advert_interval = plan.interval;
    vip.preempt = plan.preempt;
    vip.preempt_delay = plan.preempt_delay;
    vip.startup_delay = plan.startup_delay;
    vip.lease = plan.lease > 0s ? plan.lease : core::default_lease(plan.interval);
    for (const IpPrefix& prefix : addresses_of(scenario, number)) {
        vip.addresses.push_back({prefix, "eth0", true, false});
    }
    if (scenario.cluster.unicast) {
        for (std::size_t peer = 0; peer < scenario.nodes.size(); ++peer) {
            const int host = static_cast<int>(peer) + 1;
            auto& list = peer == node ? vip.unicast_sources : vip.unicast_peers;
            if (scenario.cluster.ipv4) {
                list.push_back(VirtualHost::address(Family::ipv4, host));
            }
            if (scenario.cluster.ipv6) {
                list.push_back(VirtualHost::address(Family::ipv6, host));
            }
        }
    }
    if (plan.track != 0) {
        vip.tracks.push_back(
            {"tracked", plan.track < 0 ? std::optional{plan.track} : std::nullopt});
    }
    if (plan.service != "none" && has_service(scenario, number)) {
        vip.service = "app";
        vip.last_resort = plan.releases_last ? core::LastResort::release : core::LastResort::hold;
    }
    if (number == 0) {
        add_hooks(vip, plan);
    }
    if (plan.max_transitions > 0) {
        vip.max_transitions = {static_cast<unsigned>(plan.max_transitions), 10s};
    }
    return vip;
}

NodePlan varied(NodePlan plan, Variant variant) {
    if (variant == Variant::priority) {
        plan.priority = std::min(plan.priority + 11, 254);
    } else if (variant == Variant::preempt) {
        plan.preempt = !plan.preempt;
    } else if (variant == Variant::lease) {
        plan.lease = plan.lease > 0s ? Duration{} : Duration{5s};
    }
    return plan;
}

}  // namespace

core::Configuration configuration_of(const Scenario& scenario, std::size_t node, Variant variant) {
    const NodePlan plan = varied(scenario.nodes.at(node), variant);
    core::Configuration configuration;
    configuration.agent.name = name_of_node(static_cast<int>(node));
    configuration.agent.stop_timeout = 3s;
    const int vips = variant == Variant::one_vip_less ? 1 : scenario.cluster.vips;
    for (int vip = 0; vip < vips; ++vip) {
        configuration.vips.push_back(vip_of(scenario, plan, node, vip));
    }
    if (variant == Variant::address) {
        configuration.vips.front().addresses.push_back(
            {added_address(scenario), "eth0", false, false});
    }
    if (plan.track != 0) {
        add_check(configuration, "tracked");
    }
    if (plan.service != "none") {
        add_service(configuration, plan);
    }
    if (variant == Variant::check_interval) {
        for (checks::CheckSettings& check : configuration.checks) {
            check.interval = 300ms;
        }
    }
    return configuration;
}

IpPrefix added_address(const Scenario& scenario) {
    return *IpPrefix::parse(scenario.cluster.ipv4 ? "192.0.2.200/24" : "2001:db8::200/64");
}

}  // namespace understudy::sim
