#include "agent/config/addresses.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace understudy::config {

namespace {

constexpr std::size_t longest_interface_name = 15;  // IFNAMSIZ without its NUL
constexpr std::string_view word_separators = " \t";

// ::ffff:192.0.2.1 stands for an IPv4 address inside programs and is never on a wire.
bool is_mapped_v4(const IpAddress& address) {
    constexpr std::array<std::byte, 12> prefix = {
        std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0},    std::byte{0},
        std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0xff}, std::byte{0xff}};
    return address.is_v6() && std::ranges::equal(address.bytes().first(prefix.size()), prefix);
}

// What kind of address nobody can have; empty if somebody can.
std::string impossible_kind(const IpAddress& address) {
    if (address.is_unspecified()) {
        return "the unspecified address";
    }
    if (address.is_loopback()) {
        return "a loopback address";
    }
    if (address.is_multicast()) {
        return "a multicast address";
    }
    if (address == IpAddress::v4(255, 255, 255, 255)) {
        return "the broadcast address";
    }
    if (address.is_v4() && address.bytes().front() == std::byte{0}) {
        return "an address of \"this network\", 0.0.0.0/8";
    }
    if (is_mapped_v4(address)) {
        return "an IPv4 address in IPv6 form: write it as IPv4";
    }
    return {};
}

bool all_host_bits_are(const IpPrefix& prefix, bool wanted) {
    const auto bytes = prefix.address.bytes();
    for (std::size_t bit = prefix.length; bit < bytes.size() * 8; ++bit) {
        const bool is_set = (std::to_integer<unsigned>(bytes[bit / 8]) & (0x80U >> (bit % 8))) != 0;
        if (is_set != wanted) {
            return false;
        }
    }
    return true;
}

// Point-to-point networks and single addresses have no address to spare (RFC 3021, RFC 6164).
bool has_room_for_special_addresses(const IpPrefix& prefix) {
    return prefix.length + 2U <= address_size(prefix.address.family()) * 8;
}

Parsed<IpPrefix> parse_prefix(const std::string& text) {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) {
        return std::unexpected(in_quotes(text) +
                               " is not an address like 192.0.2.10/24 or 2001:db8::10/64");
    }
    const auto prefix = IpPrefix::parse(text);
    if (!prefix || prefix->length == 0) {
        return std::unexpected("the prefix length of " + in_quotes(text) + " is not from 1 to " +
                               (address->is_v4() ? "32" : "128"));
    }
    if (const std::string kind = impossible_kind(*address); !kind.empty()) {
        return std::unexpected(in_quotes(text) + " cannot be a virtual address: it is " + kind);
    }
    return *prefix;
}

}  // namespace

Parsed<WrittenAddress> parse_virtual_address(const std::string& text, bool advertised) {
    WrittenAddress written;
    written.advertised = advertised;
    const auto blank = text.find_first_of(word_separators);
    auto prefix = parse_prefix(text.substr(0, blank));
    if (!prefix) {
        return std::unexpected(std::move(prefix.error()));
    }
    written.prefix = *prefix;
    const std::string rest = after_blanks(text, blank);
    if (rest.empty()) {
        return written;
    }
    if (advertised) {
        return std::unexpected(in_quotes(rest) +
                               " after the address; only extra_address takes \"dev "
                               "INTERFACE\"");
    }
    const auto word_end = rest.find_first_of(word_separators);
    if (rest.substr(0, word_end) != "dev" || word_end == std::string::npos) {
        return std::unexpected(in_quotes(rest) + " after the address; expected \"dev INTERFACE\"");
    }
    auto interface = parse_interface(after_blanks(rest, word_end));
    if (!interface) {
        return std::unexpected(std::move(interface.error()));
    }
    written.interface = *interface;
    return written;
}

Parsed<IpAddress> parse_router(const std::string& text) {
    const auto address = IpAddress::parse(text);
    if (!address) {
        return std::unexpected(in_quotes(text) +
                               " is not an IPv4 or IPv6 address; names are not looked up");
    }
    if (const std::string kind = impossible_kind(*address); !kind.empty()) {
        return std::unexpected(in_quotes(text) + " cannot be the address of a router: it is " +
                               kind);
    }
    return *address;
}

Parsed<std::string> parse_interface(const std::string& text) {
    if (text.size() > longest_interface_name) {
        return std::unexpected(in_quotes(text) + " is longer than the " +
                               std::to_string(longest_interface_name) +
                               " characters that an interface name has");
    }
    // The kernel refuses blanks, / and :, and reads % as a pattern. Quotes and $ it would allow,
    // but nobody means them, and # and ; are comments to the reader of the file.
    const bool has_bad_character = std::ranges::any_of(text, [](char character) {
        const auto byte = static_cast<unsigned char>(character);
        return byte <= 0x20 || byte == 0x7f ||
               std::string_view{"/:%\"'`$\\#;"}.find(character) != std::string_view::npos;
    });
    if (has_bad_character || text.empty() || text == "." || text == "..") {
        return std::unexpected(in_quotes(text) + " is not the name of an interface");
    }
    return text;
}

bool is_network_address(const IpPrefix& prefix) {
    return has_room_for_special_addresses(prefix) && all_host_bits_are(prefix, false);
}

bool is_broadcast_address(const IpPrefix& prefix) {
    return prefix.address.is_v4() && has_room_for_special_addresses(prefix) &&
           all_host_bits_are(prefix, true);
}

}  // namespace understudy::config
