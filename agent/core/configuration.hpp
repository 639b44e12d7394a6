// What the operator asked for, as one immutable value. agent/config reads it from text; nothing
// changes it afterwards, and nothing that happens at run time is kept in it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "checks/settings.hpp"
#include "vrrp/protocol.hpp"

namespace understudy::core {

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error };

struct AgentSettings {
    std::string name;  // the host's name unless configured
    LogLevel log_level = LogLevel::info;
    Duration stop_timeout = std::chrono::seconds{10};
    std::string script_user = "nobody";
    bool record = false;  // what the Node is told, for `understudy replay`

    bool operator==(const AgentSettings&) const = default;
};

// An address that moves with a VIP.
struct VirtualAddress {
    IpPrefix prefix;
    std::string interface;   // the VIP's own unless "dev X" was given
    bool advertised = true;  // `address`; false for `extra_address`
    bool derived =
        false;  // the link-local address that the VRID gives, not written by the operator

    bool operator==(const VirtualAddress&) const = default;
};

enum class ChecksumPolicy : std::uint8_t { automatic, message_only, pseudo_header };

// A check that a VIP depends on.
struct Track {
    std::string check;
    // Added to the priority while the check is down; none: while it is down, this node may not have
    // the addresses (or, for a `file` check with value_as_weight, its value is added).
    std::optional<int> weight;  // -253..253, not 0

    bool operator==(const Track&) const = default;
};

// What an active node does whose service is down, when nobody takes the addresses from it and the
// service cannot be started here.
enum class LastResort : std::uint8_t {
    hold,     // a bad service on a reachable address beats none
    release,  // resign
};

// More changes to and from active than `count` within `window` hold a VIP in backup.
struct MaxTransitions {
    unsigned count = 0;  // 2..1000
    Duration window{};   // 1s..1h

    bool operator==(const MaxTransitions&) const = default;
};

// When a program of the operator is run for a VIP.
enum class HookKind : std::uint8_t { active, backup, fault, promote, release };
inline constexpr std::size_t hook_kinds = 5;
inline constexpr std::array<const char*, hook_kinds> hook_names = {
    "on_active", "on_backup", "on_fault", "on_promote", "on_release"};
constexpr const char* name_of(HookKind kind) {
    return hook_names.at(static_cast<std::size_t>(kind));
}

struct HookSettings {
    // By kind: the program by its absolute path, and its arguments; empty: none.
    std::array<std::vector<std::string>, hook_kinds> commands;
    Duration timeout = std::chrono::seconds{5};  // 100 ms..10 min
    bool keepalived_arguments = false;           // INSTANCE NAME STATE PRIORITY follow

    const std::vector<std::string>& command(HookKind kind) const {
        return commands.at(static_cast<std::size_t>(kind));
    }
    bool has(HookKind kind) const { return !command(kind).empty(); }
    bool any() const { return commands != decltype(commands){}; }

    bool operator==(const HookSettings&) const = default;
};

// Every number is in its documented range: agent/config refuses all else.
struct VipSettings {
    std::string name;
    std::string interface;
    vrrp::Vrid vrid = 0;
    vrrp::Version version = vrrp::Version::v3;
    vrrp::Priority priority = vrrp::default_priority;
    Duration advert_interval = vrrp::default_interval;
    // Advertised ones first, in the operator's order but for IPv6, where a link-local one comes
    // first (RFC 9568 5.2.9); it is derived from the VRID if none was written.
    std::vector<VirtualAddress> addresses;
    Duration startup_delay{};
    bool preempt = true;
    Duration preempt_delay{};
    bool accept = true;
    bool virtual_mac = false;
    ChecksumPolicy checksum = ChecksumPolicy::automatic;
    std::vector<IpAddress> unicast_sources;  // at most one of each family
    std::vector<IpAddress> unicast_peers;    // empty: multicast
    std::vector<IpAddress> peers;            // multicast: who is believed; empty: everybody
    std::uint8_t unicast_min_ttl = vrrp::required_ttl;
    Duration lease{};  // whole seconds; zero: held without a limit
    std::vector<Track> tracks;
    std::string service;  // empty: none
    LastResort last_resort = LastResort::hold;
    std::optional<MaxTransitions> max_transitions;
    HookSettings hooks;

    bool is_unicast() const { return !unicast_peers.empty(); }
    // Of multicast.
    bool believes(const IpAddress& router) const {
        return peers.empty() || std::ranges::find(peers, router) != peers.end();
    }
    bool has_family(Family family) const {
        for (const VirtualAddress& address : addresses) {
            if (address.advertised && address.prefix.address.family() == family) {
                return true;
            }
        }
        return false;
    }

    bool operator==(const VipSettings&) const = default;
};

// The lease where none is configured: four advertisement intervals in whole seconds, at least 2 s.
constexpr Duration default_lease(Duration advert_interval) {
    const auto whole = std::chrono::ceil<std::chrono::seconds>(4 * advert_interval);
    return whole < std::chrono::seconds{2} ? std::chrono::seconds{2} : whole;
}

enum class Standby : std::uint8_t {
    automatic,  // hot while its checks are up, otherwise cold if it can be started
    hot,        // it runs on every node: never started or stopped by this agent
    cold,       // it runs on the active node only
};

// What is promoted together with the addresses.
struct ServiceSettings {
    std::string name;
    Standby standby = Standby::automatic;
    // How it is started and stopped: a systemd unit, or commands (the program by its absolute path,
    // and its arguments; no shell), or neither.
    std::string unit;
    std::vector<std::string> start;
    std::vector<std::string> stop;
    Duration start_timeout = std::chrono::seconds{30};  // until its checks are up, 100 ms..1 h
    Duration stop_timeout = std::chrono::seconds{10};   // 100 ms..1 h
    // It must run on one node only: stopped before the addresses are released.
    bool stop_on_release = false;
    std::vector<std::string> checks;  // at least one; it is ready when all of them are up

    bool can_be_started() const { return !unit.empty() || !start.empty(); }

    bool operator==(const ServiceSettings&) const = default;
};

struct Configuration {
    AgentSettings agent;
    std::vector<VipSettings> vips;
    std::vector<ServiceSettings> services;
    std::vector<checks::CheckSettings> checks;

    bool operator==(const Configuration&) const = default;
};

// Limits on what one agent accepts.
inline constexpr std::size_t most_vips = 1024;
inline constexpr std::size_t most_addresses_per_vip = 4096;

}  // namespace understudy::core
