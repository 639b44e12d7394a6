// Advertisements as bytes, for the tests: golden vectors, and packets that are made here, with a
// checksum that shares no code with the one under test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vrrp/advertisement.hpp"

namespace understudy::vrrp::testing {

using Bytes = std::vector<std::byte>;

inline Bytes from_hex(std::string_view text) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    Bytes bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        bytes.push_back(static_cast<std::byte>(digit(text[i]) * 16 + digit(text[i + 1])));
    }
    return bytes;
}

inline std::string to_hex(std::span<const std::byte> bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const std::byte byte : bytes) {
        text += digits[std::to_integer<std::size_t>(byte >> 4U)];
        text += digits[std::to_integer<std::size_t>(byte & std::byte{0xf})];
    }
    return text;
}

inline IpAddress ip(std::string_view text) {
    return *IpAddress::parse(text);
}

inline Bytes addresses_of(std::initializer_list<std::string_view> texts) {
    Bytes bytes;
    for (const std::string_view text : texts) {
        const IpAddress address = ip(text);
        bytes.insert(bytes.end(), address.bytes().begin(), address.bytes().end());
    }
    return bytes;
}

// RFC 1071 as its definition reads: 16-bit words, each carry added back at once.
inline std::uint16_t reference_checksum(Bytes bytes) {
    bytes.resize(bytes.size() + bytes.size() % 2);
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
        sum += std::to_integer<std::uint32_t>(bytes[i]) * 256 +
               std::to_integer<std::uint32_t>(bytes[i + 1]);
        sum = sum > 0xffff ? sum - 0xffff : sum;
    }
    return static_cast<std::uint16_t>(0xffff - sum);
}

// The pseudo-header as bytes (RFC 5798 5.2.8, RFC 8200 8.1).
inline Bytes pseudo_header(const IpAddress& source, const IpAddress& destination,
                           std::size_t length, unsigned protocol = 112) {
    Bytes bytes{source.bytes().begin(), source.bytes().end()};
    bytes.insert(bytes.end(), destination.bytes().begin(), destination.bytes().end());
    const auto low = static_cast<std::byte>(length & 0xffU);
    const auto high = static_cast<std::byte>(length >> 8U);
    const auto next = static_cast<std::byte>(protocol);
    const Bytes rest = source.is_v4() ? Bytes{std::byte{0}, next, high, low}
                                      : Bytes{std::byte{0}, std::byte{0}, high,         low,
                                              std::byte{0}, std::byte{0}, std::byte{0}, next};
    bytes.insert(bytes.end(), rest.begin(), rest.end());
    return bytes;
}

// The same bytes with the checksum made right; `front` is a pseudo-header or nothing.
inline Bytes with_checksum(Bytes packet, const Bytes& front = {}) {
    packet[6] = packet[7] = std::byte{0};
    Bytes covered = front;
    covered.insert(covered.end(), packet.begin(), packet.end());
    const std::uint16_t value = reference_checksum(covered);
    packet[6] = static_cast<std::byte>(value >> 8U);
    packet[7] = static_cast<std::byte>(value & 0xffU);
    return packet;
}

inline const IpAddress peer_v4 = IpAddress::v4(10, 1, 1, 2);
inline const IpAddress peer_v6 = ip("fe80::2");

struct Golden {
    std::string_view name;
    std::string_view hex;
    Version version;
    Family family;
    Vrid vrid;
    Priority priority;
    Duration interval;
    ChecksumForm form;
    Bytes addresses;

    Bytes bytes() const { return from_hex(hex); }
    const IpAddress& source() const { return family == Family::ipv4 ? peer_v4 : peer_v6; }
    const IpAddress& destination() const { return multicast_group(family); }
};

// Derived by hand from the RFCs, some confirmed with scapy. A seventh one, G7, has an
// authentication type and is never accepted.
inline const std::vector<Golden>& golden_vectors() {
    using std::chrono::milliseconds;
    using enum ChecksumForm;
    static const std::vector<Golden> all = {
        {"G1", "2133960100013d650a0101640000000000000000", Version::v2, Family::ipv4, 51, 150,
         milliseconds{1000}, message_only, addresses_of({"10.1.1.100"})},
        {"G2", "3133960100642d020a010164", Version::v3, Family::ipv4, 51, 150, milliseconds{1000},
         message_only, addresses_of({"10.1.1.100"})},
        {"G3", "31339601006441700a010164", Version::v3, Family::ipv4, 51, 150, milliseconds{1000},
         ChecksumForm::pseudo_header, addresses_of({"10.1.1.100"})},
        {"G4", "31330002000ab7f50a0101640a010165", Version::v3, Family::ipv4, 51, 0,
         milliseconds{100}, message_only, addresses_of({"10.1.1.100", "10.1.1.101"})},
        {"G5", "3133960200640bfcfe80000000000000000000000000010020010db8000000000000000000000100",
         Version::v3, Family::ipv6, 51, 150, milliseconds{1000}, ChecksumForm::pseudo_header,
         addresses_of({"fe80::100", "2001:db8::100"})},
        {"G6", "31ff00010fffc05ffe800000000000000000000000000100", Version::v3, Family::ipv6, 255,
         0, milliseconds{40'950}, ChecksumForm::pseudo_header, addresses_of({"fe80::100"})},
    };
    return all;
}

inline const Golden& golden(std::string_view name) {
    for (const Golden& vector : golden_vectors()) {
        if (vector.name == name) {
            return vector;
        }
    }
    std::abort();
}

inline std::expected<Received, Discard> decode_v4(std::span<const std::byte> payload,
                                                  std::uint8_t ttl = 255) {
    return decode({peer_v4, multicast_group_v4, ttl, payload});
}

inline std::expected<Received, Discard> decode_v6(std::span<const std::byte> payload,
                                                  std::uint8_t hop_limit = 255) {
    return decode({peer_v6, multicast_group_v6, hop_limit, payload});
}

inline std::expected<Received, Discard> decode_as(Family family,
                                                  std::span<const std::byte> payload) {
    return family == Family::ipv4 ? decode_v4(payload) : decode_v6(payload);
}

// Why it was refused, or "accepted".
inline std::string_view verdict(const std::expected<Received, Discard>& result) {
    return result ? "accepted" : name_of(result.error());
}

}  // namespace understudy::vrrp::testing
