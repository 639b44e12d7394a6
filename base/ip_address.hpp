// IPv4 and IPv6 addresses as values, and addresses with a prefix length.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace understudy {

enum class Family : std::uint8_t { ipv4, ipv6 };

// Bytes of an address of this family: 4 or 16.
constexpr std::size_t address_size(Family family) {
    return family == Family::ipv4 ? 4 : 16;
}

// Totally ordered: IPv4 before IPv6, then unsigned in network byte order, which is the order that
// RFC 9568 6.4.3 breaks ties with. The default value is 0.0.0.0.
class IpAddress {
public:
    constexpr IpAddress() = default;
    // `bytes` has 4 (IPv4) or 16 (IPv6) bytes in network order; anything else is a broken
    // invariant.
    static IpAddress from_bytes(std::span<const std::byte> bytes);
    static constexpr IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
        IpAddress address;
        address.bytes_ = {std::byte{a}, std::byte{b}, std::byte{c}, std::byte{d}};
        return address;
    }
    // The usual text forms; no scope id, no port, no prefix length. Nothing on anything else.
    static std::optional<IpAddress> parse(std::string_view text);

    Family family() const { return family_; }
    bool is_v4() const { return family_ == Family::ipv4; }
    bool is_v6() const { return family_ == Family::ipv6; }
    std::span<const std::byte> bytes() const { return {bytes_.data(), address_size(family_)}; }
    bool is_unspecified() const;
    bool is_loopback() const;    // 127.0.0.0/8, ::1
    bool is_link_local() const;  // 169.254.0.0/16, fe80::/10
    bool is_multicast() const;   // 224.0.0.0/4, ff00::/8
    std::string to_string() const;

    auto operator<=>(const IpAddress&) const = default;

private:
    Family family_ = Family::ipv4;
    std::array<std::byte, 16> bytes_{};  // the unused tail of an IPv4 address stays zero
};

// An address as an interface carries it: 192.0.2.10/24. The host bits are kept.
struct IpPrefix {
    IpAddress address;
    std::uint8_t length = 0;  // 0..32 or 0..128

    // "A/L"; a bare "A" is a host prefix (/32 or /128).
    static std::optional<IpPrefix> parse(std::string_view text);
    // Whether `other` is in the same network as this address.
    bool contains(const IpAddress& other) const;
    std::string to_string() const;

    auto operator<=>(const IpPrefix&) const = default;
};

}  // namespace understudy
