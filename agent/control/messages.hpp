// What the client may ask and what the agent answers. Types only; json.hpp turns them into lines.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"

namespace understudy::control {

// --- requests ------------------------------------------------------------------------------------

// An empty `vip` in the requests below stands for all of them (--all).
struct StatusRequest {
    std::string vip;
};
struct WhyRequest {
    std::string vip;
};
struct FailoverRequest {
    std::string vip;
    Duration timeout = std::chrono::seconds{10};
};
struct TakeoverRequest {
    std::string vip;
    bool force = false;
};
struct FailbackRequest {
    std::string vip;
};
// Every VIP of the node yields until `on` is false, or until `expiry` has passed; answered when
// the peers hold them all, or after `timeout`.
struct MaintenanceRequest {
    bool on = false;
    std::optional<Duration> expiry;  // 1 s..366 days; nothing: until it is ended
    Duration timeout = std::chrono::seconds{10};
};
// With `follow`, the connection stays open after the answer and every later event comes as a line
// with a bare StateEvent.
struct EventsRequest {
    bool follow = false;
};
// `network`: with what a reload may change of the host's own network.
struct ConfigShowRequest {
    bool network = false;
};
// Reads the configuration file again. Answered when it has been applied, or with what is wrong.
struct ReloadRequest {};
struct CheckListRequest {};
// Runs it now, once more than its timetable says; the outcome decides nothing.
struct CheckRunRequest {
    std::string name;
};

using Request = std::variant<StatusRequest, WhyRequest, FailoverRequest, TakeoverRequest,
                             FailbackRequest, EventsRequest, ConfigShowRequest, CheckListRequest,
                             CheckRunRequest, MaintenanceRequest, ReloadRequest>;

// --- answers -------------------------------------------------------------------------------------

enum class State : std::uint8_t { init, backup, promoting, active, fault };
enum class Readiness : std::uint8_t { hot, cold, unready };
std::string_view name_of(State state);
std::string_view name_of(Readiness readiness);

struct AddressStatus {
    std::string address;  // "192.0.2.10/24"
    std::string interface;
    bool held = false;
    bool derived = false;
};

struct ActiveNode {
    std::string address;
    int priority = 0;
};

// A router that was heard for this VRID.
struct PeerStatus {
    std::string address;
    int priority = 0;
    Duration interval{};
    TimePoint heard{};
};

struct DiscardCount {
    std::string reason;
    std::uint64_t count = 0;
};

struct VipCounters {
    std::uint64_t adverts_sent = 0;
    std::uint64_t adverts_received = 0;
    std::uint64_t priority_zero_sent = 0;
    std::uint64_t priority_zero_received = 0;
    std::uint64_t send_errors = 0;
    std::uint64_t interval_mismatches = 0;  // v3: processed all the same
    std::uint64_t address_mismatches =
        0;  // the peer's address list is not ours; processed all the same
    std::uint64_t address_repairs = 0;
    std::uint64_t announcements = 0;
    std::vector<DiscardCount> discarded;  // every reason, also those at zero
};

// How often a value fell between which bounds.
struct Histogram {
    std::vector<double> bounds;         // upper ones, included, growing
    std::vector<std::uint64_t> counts;  // one more: the last one is above all bounds
    double sum = 0;                     // of all values
};

enum class HookResult : std::uint8_t { running, done, failed };
std::string_view name_of(HookResult result);

// The last run of one hook of a VIP.
struct HookStatus {
    std::string name;  // "on_active"
    HookResult result = HookResult::running;
    TimePoint at{};      // it ended; of one that runs: it began
    std::string detail;  // why it failed
};

struct VipStatus {
    std::string name;
    State state = State::init;
    std::string reason;
    TimePoint since{};
    std::string interface;
    int vrid = 0;
    int version = 3;
    int base_priority = 0;
    int effective_priority = 0;
    Duration advert_interval{};
    std::string service;  // empty: none
    Readiness readiness = Readiness::hot;
    std::vector<AddressStatus> addresses;
    std::optional<ActiveNode> active;  // who holds it, as far as this node knows
    std::uint64_t transitions = 0;
    std::vector<PeerStatus> peers;
    Duration skew_time{};  // the values that the running timers were made from
    Duration active_down_interval{};
    std::string checksum;  // the form sent: "rfc9568" or "pseudo-header"
    VipCounters counters;
    Histogram heartbeat_gap;  // between two advertisements of the Active router, in its intervals
    Histogram heartbeat_lateness;       // of our own ones behind their timer, in seconds
    std::vector<std::string> warnings;  // what does not fit between this node and those it hears
    std::vector<std::string> hints;
    std::vector<HookStatus> hooks;  // those that have run
};

enum class CheckState : std::uint8_t { unknown, up, down };
std::string_view name_of(CheckState state);

struct CheckStatus {
    std::string name;
    std::string type;
    CheckState state = CheckState::unknown;
    TimePoint since{};       // it is in this state; the start of the agent, if it never changed
    std::string detail;      // what the last run saw
    std::uint64_t runs = 0;  // that ended
    std::uint64_t failures = 0;
    std::optional<Duration> duration{};  // of the last run
};

// What keeps the agent's loop, on which every heartbeat depends, since it was started.
struct LoopStatus {
    std::uint64_t turns = 0;  // what one event leads to is one
    Duration budget{};        // for a turn
    std::uint64_t over_budget = 0;
    Duration longest_turn{};
    std::optional<TimePoint> longest_turn_at;
    std::string longest_turn_cause;  // the event
    Duration longest_step{};         // of that turn
    std::string longest_step_in;
    Duration longest_delay{};  // of a timer
    std::optional<TimePoint> longest_delay_at;
};

// What became of the agent's rules in nf_tables.
struct PacketRulesStatus {
    std::string trouble;         // what they do not do, and why
    std::uint64_t restored = 0;  // how often somebody had deleted or changed them
    std::optional<TimePoint> restored_at;
    std::string restored_after;  // who it was: "nft (process 4711)"
    // How often somebody announced an address that this node was giving away, and did not take it
    // over: for a moment this node did not answer for it.
    std::uint64_t silenced = 0;
};

// The process that starts everything else (agent/host/runner.hpp).
struct RunnerStatus {
    std::string trouble;         // why it does not run; empty: it does
    std::uint64_t restarts = 0;  // after it had died
};

struct StatusResponse {
    std::string node;
    std::string version;  // of the agent
    Duration uptime{};
    bool maintenance = false;
    std::optional<TimePoint> maintenance_until;  // nothing: it has no end, or is not on
    std::vector<VipStatus> vips;
    std::vector<CheckStatus> checks;
    std::vector<DiscardCount> discarded;  // datagrams that belong to no VIP of this node
    // Of the process; an older agent does not tell.
    std::optional<LoopStatus> loop;
    std::optional<PacketRulesStatus> packet_rules;
    std::optional<RunnerStatus> runner;
};

struct WhyResponse {
    std::string vip;
    State state = State::init;
    std::vector<std::string> reasons;  // the chain, the decisive one first
};

struct CheckListResponse {
    std::vector<CheckStatus> checks;
};

// Each counted from the start of the run; nothing where that step did not happen.
struct CheckTimings {
    std::optional<Duration> lookup;
    std::optional<Duration> connect;
    std::optional<Duration> tls;
    std::optional<Duration> first_byte;
    std::optional<Duration> total;
};

struct CheckRunResponse {
    std::string check;
    std::string type;
    bool passed = false;
    std::string detail;
    std::string output;  // what a script wrote, or the beginning of an answer
    CheckTimings timings;
    CheckStatus status;  // of the check after this run, which does not count
};

// The end of failover, takeover, failback.
struct DoneResponse {
    std::string text;
};

struct ErrorResponse {
    std::string text;
    bool usage = false;  // the request itself is wrong: exit code 2, not 1
};

struct StateEvent {
    std::uint64_t number = 0;  // from 1, without gaps, in the order of happening
    TimePoint at{};
    std::string vip;
    State from = State::init;
    State to = State::init;
    std::string cause;
};

struct EventsResponse {
    std::vector<StateEvent> events;
};

// What the agent's network namespace has besides the virtual addresses.
struct HostNetwork {
    struct Address {
        std::string interface;
        IpPrefix prefix;
        bool ours = false;  // put there by the agent
    };
    // That the kernel has not made by itself.
    struct Route {
        std::string text;  // as ip-route(8) writes it
        Family family = Family::ipv4;
        std::vector<std::string> interfaces;  // through which it goes
        std::optional<IpAddress> source;      // that it prefers
    };
    std::vector<Address> addresses;
    std::vector<Route> routes;
};

struct ConfigResponse {
    std::string text;
    std::string file;  // from which it was read
    std::optional<HostNetwork> network;
};

// One key of one object, or the object as a whole (`key` is empty).
enum class ChangeKind : std::uint8_t { added, removed, changed };
std::string_view name_of(ChangeKind kind);

struct ConfigChange {
    std::string object;  // "agent", "vip", "service", "check"
    std::string name;    // empty for the agent
    std::string key;
    ChangeKind kind = ChangeKind::changed;
    std::string from;  // empty if it was added
    std::string to;    // empty if it was removed
};

struct ConfigProblem {
    std::string file;
    int line = 0;
    int column = 0;
    bool warning = false;
    std::string message;
};

struct ReloadResponse {
    bool reloaded = false;
    std::vector<ConfigChange> changes;
    std::vector<std::string> restarts;  // VIPs that end and begin anew
    std::vector<ConfigProblem> problems;
    // Routes of the host that the kernel removes with the addresses, and why; for people.
    std::vector<std::string> lost_routes;
};

using Response =
    std::variant<StatusResponse, WhyResponse, DoneResponse, ErrorResponse, EventsResponse,
                 ConfigResponse, CheckListResponse, CheckRunResponse, ReloadResponse>;

// --- limits --------------------------------------------------------------------------------------

inline constexpr std::size_t longest_request = 64 * 1024;  // bytes of one line
inline constexpr std::size_t longest_response = 64 * 1024 * 1024;
inline constexpr std::size_t most_events_kept = 1000;
inline constexpr std::size_t longest_vip_name = 255;  // bytes, in a request; of a check likewise
inline constexpr std::size_t most_request_fields = 8;
inline constexpr Duration shortest_failover_timeout = std::chrono::milliseconds{1};
inline constexpr Duration longest_failover_timeout = std::chrono::hours{24};
inline constexpr Duration shortest_maintenance = std::chrono::seconds{1};
inline constexpr Duration longest_maintenance = std::chrono::days{366};

}  // namespace understudy::control
