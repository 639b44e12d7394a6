// How a seed becomes a scenario.
#include <algorithm>

#include "tests/sim/random.hpp"
#include "tests/sim/scenario.hpp"

namespace understudy::sim {

namespace {

using namespace std::chrono_literals;

Cluster make_cluster(Random& random) {
    Cluster cluster;
    cluster.seed = random.next();
    cluster.version = random.chance(12) ? 2 : 3;
    if (cluster.version == 3) {
        cluster.ipv6 = random.chance(30);
        cluster.ipv4 = !cluster.ipv6 || random.chance(60);
    }
    cluster.unicast = random.chance(25);
    cluster.vips = random.chance(25) ? 2 : 1;
    cluster.shared = cluster.vips == 2 && random.chance(50);
    cluster.latency = random.between(20us, 500us);
    return cluster;
}

// Many small intervals would cost most of the time and show little that longer ones do not.
Duration make_interval(Random& random) {
    return random.one_of<Duration>({20ms, 100ms, 200ms, 200ms, 250ms, 500ms, 500ms, 1s, 1s, 1s});
}

std::vector<NodePlan> make_nodes(Random& random, const Cluster& cluster) {
    const int count = random.one_of({2, 2, 2, 3, 3, 4, 5});
    const Duration interval = cluster.version == 2 ? Duration{1s} : make_interval(random);
    const bool mixed_intervals = cluster.version == 3 && random.chance(15);
    const bool equal_priorities = random.chance(15);
    const bool preempts = random.chance(75);
    const bool has_tracks = random.chance(40);
    const std::string service =
        random.one_of<std::string>({"none", "none", "none", "hot", "automatic", "cold", "mixed"});
    const bool stops_on_release = random.chance(30) && !cluster.shared;  // it is for one VIP only
    const bool releases_last = random.chance(20);
    const bool is_limited = random.chance(8);
    const bool asks = random.chance(10);
    const bool drains = random.chance(10);
    std::vector<NodePlan> nodes;
    for (int i = 0; i < count; ++i) {
        NodePlan node;
        node.priority = equal_priorities ? 100 : 220 - 30 * i - random.between(0, 20);
        node.interval = mixed_intervals ? make_interval(random) : interval;
        node.preempt = preempts;
        node.preempt_delay = random.chance(10) ? random.between(500ms, 3s) : Duration{};
        node.startup_delay = random.chance(10) ? random.between(500ms, 3s) : Duration{};
        node.lease = random.chance(30) ? Duration{random.between(3, 6) * 1s} : Duration{};
        node.service =
            service == "mixed" ? random.one_of<std::string>({"hot", "automatic", "cold"}) : service;
        node.stop_on_release = stops_on_release && node.service != "hot";
        node.releases_last = releases_last;
        node.track = has_tracks ? random.one_of({1, 1, -20, -60}) : 0;
        node.max_transitions = is_limited ? 4 : 0;
        node.asks = asks;
        node.drains = drains;
        nodes.push_back(node);
    }
    return nodes;
}

Duration make_length(Random& random) {
    switch (random.below(4)) {
        case 0:
            return random.between(1ms, 100ms);
        case 1:
            return random.between(100ms, 1s);
        case 2:
            return random.between(1s, 4s);
        default:
            return random.between(4s, 12s);
    }
}

int make_value(Random& random, FaultKind kind, int nodes) {
    switch (kind) {
        case FaultKind::partition:
            return random.between(1, (1 << nodes) - 2);
        case FaultKind::loss:
            return random.one_of({5, 30, 50, 90});
        case FaultKind::duplicate:
            return random.one_of({10, 50, 100});
        case FaultKind::jitter:
            return random.one_of({1'000, 10'000, 50'000, 300'000});
        case FaultKind::slow_kernel:
            return random.one_of({500, 5'000, 100'000});
        case FaultKind::maintenance:
            return random.one_of({0, 1});
        case FaultKind::reload:
            return random.between(1, variants - 1);
        case FaultKind::slow_renewals:
            return random.one_of({1'000, 50'000, 300'000, 600'000});
        case FaultKind::stranger:
            return random.one_of({255, 200, 100, 1, 0});
        case FaultKind::forged:
            return random.between(0, forgeries - 1);
        default:
            return 0;
    }
}

// What this cluster can suffer, each as often as it is to happen.
std::vector<FaultKind> choices(const std::vector<NodePlan>& nodes) {
    using enum FaultKind;
    std::vector<FaultKind> kinds = {
        crash,          crash,     crash,     stop,      stop,     freeze,
        freeze,         link_down, link_down, cut,       cut,      isolate,
        isolate,        partition, loss,      duplicate, jitter,   slow_kernel,
        refuse,         foreign,   deaf,      recreate,  overrun,  delete_address,
        delete_address, failover,  failover,  takeover,  failback, force,
        maintenance,    reload,    reload,    homeless,  homeless, slow_renewals,
        stranger,       stranger,  forged,    forged,    forged};
    if (std::ranges::any_of(nodes, [](const NodePlan& node) { return node.track != 0; })) {
        kinds.insert(kinds.end(), {check_fails, check_fails, check_fails, quiet_prober});
    }
    if (std::ranges::any_of(nodes, [](const NodePlan& node) { return node.service != "none"; })) {
        kinds.insert(kinds.end(), {service_dies, service_dies, service_dies, service_dies,
                                   bad_start, bad_start, quiet_prober});
    }
    if (std::ranges::any_of(nodes, [](const NodePlan& node) { return node.asks || node.drains; })) {
        kinds.insert(kinds.end(), {bad_hook, bad_hook, failover, takeover});
    }
    return kinds;
}

void add_faults(Scenario& scenario, Random& random, int count) {
    const std::vector<FaultKind> kinds = choices(scenario.nodes);
    const Duration last = scenario.cluster.faults_until - 1ms;
    const int nodes = static_cast<int>(scenario.nodes.size());
    for (int i = 0; i < count; ++i) {
        Fault fault;
        fault.at = random.between(1ms, last);
        fault.kind = kinds[random.below(kinds.size())];
        fault.node = random.between(0, nodes - 1);
        if (fault.kind == FaultKind::cut) {
            fault.peer = (fault.node + random.between(1, nodes - 1)) % nodes;
        }
        if (lasts(fault.kind)) {
            fault.length = make_length(random);
        }
        // The waits between attempts double: what follows a longer one would not end in time.
        if (fault.kind == FaultKind::refuse) {
            fault.length = std::min<Duration>(fault.length, 3s);
        }
        fault.length = std::min(fault.length, last - fault.at);
        fault.value = make_value(random, fault.kind, nodes);
        scenario.faults.push_back(fault);
    }
    std::ranges::stable_sort(scenario.faults, {}, &Fault::at);
}

}  // namespace

Scenario make_scenario(std::uint64_t seed) {
    Random random(seed);
    Scenario scenario;
    scenario.cluster = make_cluster(random);
    scenario.nodes = make_nodes(random, scenario.cluster);
    add_faults(scenario, random, random.one_of({1, 2, 4, 8, 16, 24}));
    return scenario;
}

Scenario make_long_scenario(std::uint64_t seed, int hours) {
    constexpr int faults_an_hour = 180;
    Random random(seed);
    Scenario scenario;
    scenario.cluster = make_cluster(random);
    scenario.cluster.faults_until = std::chrono::hours{hours};
    scenario.cluster.ends = scenario.cluster.faults_until + 20s;
    scenario.nodes = make_nodes(random, scenario.cluster);
    add_faults(scenario, random, hours * faults_an_hour);
    return scenario;
}

}  // namespace understudy::sim
