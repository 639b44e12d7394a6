// One history before it happens: a cluster, and what will go wrong with it when. Made from a seed,
// or read from a file that somebody wrote or an earlier run saved.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "agent/core/configuration.hpp"
#include "base/time.hpp"

namespace understudy::sim {

// What all nodes share.
struct Cluster {
    std::uint64_t seed = 0;  // of the wire's dice
    int version = 3;
    bool ipv4 = true;
    bool ipv6 = false;
    bool unicast = false;
    int vips = 1;                                      // 1 or 2
    bool shared = false;                               // the second one needs the service as well
    Duration latency = std::chrono::microseconds{50};  // of the wire
    Duration faults_until = std::chrono::seconds{40};  // then everything is healed
    Duration ends = std::chrono::seconds{60};
};

struct NodePlan {
    int priority = 100;
    Duration interval = std::chrono::seconds{1};
    bool preempt = true;
    Duration preempt_delay{};
    Duration startup_delay{};
    Duration lease{};
    std::string service = "none";  // none, hot, automatic, cold
    bool stop_on_release = false;
    bool releases_last = false;  // last_resort = release
    int track = 0;               // 0: none; 1: without a weight; below: its weight
    int max_transitions = 0;     // within ten seconds; 0: no limit
    bool asks = false;           // the first VIP has an on_promote
    bool drains = false;         // and an on_release
};

enum class FaultKind : std::uint8_t {
    // --- for a time ---
    crash,        // kill -9; started again at the end
    stop,         // SIGTERM; started again at the end
    freeze,       // SIGSTOP and SIGCONT
    link_down,    // no carrier
    cut,          // from `node` to `peer`, one way
    isolate,      // `node` from all, both ways
    partition,    // the nodes whose bits are set in `value` from the others
    loss,         // `value` percent of all datagrams
    duplicate,    // `value` percent of them come twice
    jitter,       // up to `value` microseconds later, so they overtake each other
    slow_kernel,  // what it tells comes `value` microseconds later
    refuse,       // the kernel takes no address
    foreign,      // somebody else puts an address of the VIP on this node
    deaf,         // the sockets break
    check_fails,  // the tracked check
    service_dies,
    bad_start,      // a start of the service does not make it ready
    quiet_prober,   // no outcome comes from it
    maintenance,    // its end is told by the operator, or was told beforehand (`value` 1)
    bad_hook,       // hooks are slow, and say no
    reload,         // another configuration, then the former one again; `value` is a Variant
    homeless,       // somebody takes the node's own addresses away, and puts them back
    slow_renewals,  // a lifetime is set `value` microseconds later
    stranger,       // another cluster has the VRID of the first VIP; `value` is its priority
    forged,         // somebody sends in the name of others; `value` is a Forgery
    // --- at once ---
    recreate,  // the interface
    overrun,   // of the netlink socket
    delete_address,
    failover,
    takeover,
    force,  // takeover --force
    failback,
};

// How the configuration of a node differs while it is not the one that the node began with.
enum class Variant : std::uint8_t {
    none,
    priority,        // higher by 11
    preempt,         // the other way round
    lease,           // five seconds instead of the default, or the default
    address,         // one more (extra_address)
    one_vip_less,    // the second one is gone, if there are two
    check_interval,  // shorter
};
inline constexpr int variants = 7;

// What a machine without an agent advertises for the first VIP.
enum class Forgery : std::uint8_t {
    // --- in the name of the node that holds it, time and again ---
    offer,
    resignation,
    long_interval,
    short_interval,
    // --- in the name of nobody ---
    strange_offer,
    strange_resignation,
    strange_owner,  // once, with a long interval
};
inline constexpr int forgeries = 7;

struct Fault {
    Duration at{};  // since the beginning
    FaultKind kind = FaultKind::crash;
    int node = 0;       // from 0
    int peer = 0;       // of a cut
    Duration length{};  // zero for those that happen at once
    int value = 0;
};

struct Scenario {
    Cluster cluster;
    std::vector<NodePlan> nodes;
    std::vector<Fault> faults;  // by time
};

// A cluster of 2 to 5 nodes and mixed faults: one for one seed.
Scenario make_scenario(std::uint64_t seed);
// The same for so many hours, with a fault every 20 s on average.
Scenario make_long_scenario(std::uint64_t seed, int hours);

// One line for each part; parse() understands what to_text() writes, and tells the line otherwise.
std::string to_text(const Scenario& scenario);
std::string to_text(const Fault& fault);
std::expected<Scenario, std::string> parse(const std::string& text);

// What the operator of that node would have written.
core::Configuration configuration_of(const Scenario& scenario, std::size_t node,
                                     Variant variant = Variant::none);
// What Variant::address adds to the first VIP.
IpPrefix added_address(const Scenario& scenario);
// The prefixes of a VIP (from 0) of the scenario.
std::vector<IpPrefix> addresses_of(const Scenario& scenario, int vip);
std::string name_of_vip(int vip);  // "web", "db"
// Whether it needs the service, where there is one.
bool has_service(const Scenario& scenario, int vip);
std::string name_of_node(int node);  // "lb1" ...
// Whether the fault lasts, or happens at once.
bool lasts(FaultKind kind);
// Whether it says something time and again while it lasts.
bool speaks(FaultKind kind);

// What is to be done when.
struct Moment {
    enum class Step : std::uint8_t { begins, goes_on, ends };
    Duration at{};
    std::size_t fault = 0;  // its place
    Step step = Step::begins;
};
std::vector<Moment> moments_of(const Scenario& scenario);

}  // namespace understudy::sim
