// What the operator asked for, as one immutable value. agent/config reads it from text; nothing
// changes it afterwards, and nothing that happens at run time is kept in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "vrrp/protocol.hpp"

namespace understudy::core {

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error };

struct AgentSettings {
    std::string name;  // the host's name unless configured
    LogLevel log_level = LogLevel::info;
    Duration stop_timeout = std::chrono::seconds{10};
    std::string script_user = "nobody";
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
    std::uint8_t unicast_min_ttl = vrrp::required_ttl;
    Duration lease{};  // whole seconds; zero: held without a limit

    bool is_unicast() const { return !unicast_peers.empty(); }
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

struct Configuration {
    AgentSettings agent;
    std::vector<VipSettings> vips;
};

// Limits on what one agent accepts.
inline constexpr std::size_t most_vips = 1024;
inline constexpr std::size_t most_addresses_per_vip = 4096;

}  // namespace understudy::core
