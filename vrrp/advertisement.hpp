// Bytes <-> VRRP advertisement. Knows the format (RFC 9568 5, RFC 3768 5.3) and the checks that
// need nothing but the datagram. It does not know which VRIDs are configured, and nothing of
// sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "vrrp/protocol.hpp"

namespace understudy::vrrp {

// Why a datagram is not processed. One counter each; the order is that of the checks.
enum class Discard : std::uint8_t {
    ttl,        // TTL or hop limit is not 255 (5.1.1.3, 5.1.2.3)
    version,    // not 2 or 3, version 2 over IPv6, or not the version configured here
    type,       // not ADVERTISEMENT (5.2.2)
    length,     // not exactly the header, the addresses that it counts, and version 2's trailer
    checksum,   // (5.2.8)
    vrid,       // 0, or not configured on this interface and family (7.1)
    auth,       // version 2: an authentication type other than 0 (RFC 3768 5.3.6)
    count,      // no address at all (erratum 8299)
    interval,   // zero (erratum 8301); version 2: not the interval configured here (RFC 3768 7.1)
    addresses,  // none of them is ours; IPv6: the first one is not link-local (erratum 8300)
    source,     // our own, no router's, no unicast peer's; IPv6 multicast: not link-local (5.1.2.1)
};
inline constexpr std::size_t discard_kinds = 11;
std::string_view name_of(Discard reason);  // "ttl", "version" ...: the names in `status --json`

// What an IPv4 version 3 checksum covers. RFC 9568 5.2.8 says the message alone; keepalived and FRR
// put the IPv4 pseudo-header before it unless told otherwise. IPv6 always has its pseudo-header.
enum class ChecksumForm : std::uint8_t { message_only, pseudo_header };

struct Datagram {
    IpAddress source;
    IpAddress destination;
    std::uint8_t ttl = 0;                // TTL or hop limit, as received
    std::span<const std::byte> payload;  // from the first VRRP byte; the IP header is stripped
};

// A datagram that passed the checks. `addresses` points into the datagram's payload.
struct Received {
    Version version = Version::v3;
    Vrid vrid = 0;
    Priority priority = 0;
    Duration interval{};
    std::uint8_t address_count = 0;
    std::span<const std::byte> addresses;  // address_count x 4 or 16 bytes, network order
    // IPv4 version 3 only: the form that this checksum matched.
    std::optional<ChecksumForm> checksum_form;
};

// The checks of 7.1 that need only the datagram, in the order of Discard. `least_ttl` is 255 but
// for unicast peers that the operator placed behind a router.
std::expected<Received, Discard> decode(const Datagram& datagram,
                                        std::uint8_t least_ttl = required_ttl);

// The VRID byte of something that may or may not be an advertisement, so that a refused datagram
// can be counted where it was aimed. Nothing if there are fewer than two bytes.
std::optional<Vrid> peek_vrid(std::span<const std::byte> payload);

struct Advertisement {
    Version version = Version::v3;
    Vrid vrid = 0;
    Priority priority = 0;
    Duration
        interval{};  // v3: rounded down to 10 ms, at most 40.95 s; v2: whole seconds, at least 1
    // 1..255 addresses of one family, as bytes in network order; IPv6: the link-local one first
    // (5.2.9).
    Family family = Family::ipv4;
    std::span<const std::byte> addresses;
};

// Bytes that `encode` writes for this many addresses.
std::size_t encoded_size(Version version, Family family, std::size_t address_count);

// Writes the advertisement, with its checksum, to the front of `out` and returns that part of it.
// Source and destination are those of the IP header (the checksum may cover them). `form` matters
// for IPv4 version 3 only. `out` too small or an impossible advertisement is a broken invariant.
std::span<const std::byte> encode(const Advertisement& advertisement, const IpAddress& source,
                                  const IpAddress& destination, ChecksumForm form,
                                  std::span<std::byte> out);

}  // namespace understudy::vrrp
