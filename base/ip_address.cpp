#include "base/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "base/ensure.hpp"

namespace understudy {

namespace {

unsigned byte_at(std::span<const std::byte> bytes, std::size_t index) {
    return std::to_integer<unsigned>(bytes[index]);
}

}  // namespace

IpAddress IpAddress::from_bytes(std::span<const std::byte> bytes) {
    ensure(bytes.size() == 4 || bytes.size() == 16, "an address has 4 or 16 bytes");
    IpAddress address;
    address.family_ = bytes.size() == 4 ? Family::ipv4 : Family::ipv6;
    std::ranges::copy(bytes, address.bytes_.begin());
    return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string terminated{text};
    std::array<std::byte, 16> bytes{};
    if (inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) {
        return from_bytes(std::span{bytes}.first(4));
    }
    if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) {
        return from_bytes(bytes);
    }
    return std::nullopt;
}

bool IpAddress::is_unspecified() const {
    return std::ranges::all_of(bytes(), [](std::byte b) { return b == std::byte{0}; });
}

bool IpAddress::is_loopback() const {
    if (is_v4()) {
        return byte_at(bytes_, 0) == 127;
    }
    return byte_at(bytes_, 15) == 1 &&
           std::ranges::all_of(bytes().first(15), [](std::byte b) { return b == std::byte{0}; });
}

bool IpAddress::is_link_local() const {
    if (is_v4()) {
        return byte_at(bytes_, 0) == 169 && byte_at(bytes_, 1) == 254;
    }
    return byte_at(bytes_, 0) == 0xfe && (byte_at(bytes_, 1) & 0xc0U) == 0x80;
}

bool IpAddress::is_multicast() const {
    return is_v4() ? (byte_at(bytes_, 0) & 0xf0U) == 0xe0 : byte_at(bytes_, 0) == 0xff;
}

std::string IpAddress::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
    return text.data();
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) {
        return std::nullopt;
    }
    const auto longest = static_cast<std::uint8_t>(address_size(address->family()) * 8);
    if (slash == std::string_view::npos) {
        return IpPrefix{*address, longest};
    }
    const auto digits = text.substr(slash + 1);
    std::uint8_t length = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc{} || end != digits.data() + digits.size() || length > longest) {
        return std::nullopt;
    }
    return IpPrefix{*address, length};
}

bool IpPrefix::contains(const IpAddress& other) const {
    if (other.family() != address.family()) {
        return false;
    }
    const std::size_t whole = length / 8;
    if (!std::ranges::equal(address.bytes().first(whole), other.bytes().first(whole))) {
        return false;
    }
    const unsigned rest = length % 8;
    if (rest == 0) {
        return true;
    }
    const unsigned mask = 0xffU & ~((1U << (8 - rest)) - 1U);
    return ((byte_at(address.bytes(), whole) ^ byte_at(other.bytes(), whole)) & mask) == 0;
}

std::string IpPrefix::to_string() const {
    return address.to_string() + '/' + std::to_string(length);
}

}  // namespace understudy
