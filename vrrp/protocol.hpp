// The numbers of VRRP: RFC 9568 (version 3) and RFC 3768 (version 2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "base/time.hpp"

namespace understudy::vrrp {

enum class Version : std::uint8_t { v2 = 2, v3 = 3 };

using Vrid = std::uint8_t;      // 1..255 (5.2.3)
using Priority = std::uint8_t;  // 0..255 (5.2.4)

inline constexpr Priority resignation_priority = 0;  // on the wire only: "I stop being Active"
inline constexpr Priority default_priority = 100;
inline constexpr Priority owner_priority = 255;  // the interface's real address is the virtual one

// The low band, an extension without RFC basis: an Active router that advertises 1..16 says "I hold
// this, but take it from me". Peers that do not know it see a low priority, which is true as well.
inline constexpr Priority yielding_priority = 1;
inline constexpr Priority low_band_top = 16;
constexpr bool in_low_band(Priority priority) {
    return priority >= yielding_priority && priority <= low_band_top;
}

inline constexpr std::uint8_t ip_protocol = 112;
inline constexpr std::uint8_t required_ttl = 255;  // 5.1.1.3, 5.1.2.3
inline const IpAddress multicast_group_v4 = IpAddress::v4(224, 0, 0, 18);
inline const IpAddress multicast_group_v6 = *IpAddress::parse("ff02::12");
inline const IpAddress& multicast_group(Family family) {
    return family == Family::ipv4 ? multicast_group_v4 : multicast_group_v6;
}

inline constexpr Duration default_interval = std::chrono::seconds{1};
inline constexpr Duration interval_step = std::chrono::milliseconds{10};  // version 3 on the wire
inline constexpr Duration longest_interval_v3 = std::chrono::milliseconds{40'950};
inline constexpr Duration longest_interval_v2 = std::chrono::seconds{255};

inline constexpr std::size_t header_size = 8;
inline constexpr std::size_t v2_authentication_size = 8;  // RFC 3768 5.3.10: zero, but always there
inline constexpr std::size_t most_addresses = 255;        // the count is one byte
// The longest advertisement: version 3 over IPv6 with 255 addresses.
inline constexpr std::size_t largest_advertisement = header_size + most_addresses * 16;

// 7.3: 00-00-5E-00-01-{VRID} for IPv4, 00-00-5E-00-02-{VRID} for IPv6.
constexpr MacAddress virtual_mac(Family family, Vrid vrid) {
    return {{0x00, 0x00, 0x5e, 0x00,
             static_cast<std::uint8_t>(family == Family::ipv4 ? 0x01 : 0x02), vrid}};
}

// The virtual router's link-local address where none is configured: the modified EUI-64 of its IPv6
// virtual MAC, fe80::200:5eff:fe00:2XX, so that all routers of the VRID derive the same one
// (5.2.9).
IpAddress derived_link_local(Vrid vrid);

}  // namespace understudy::vrrp
