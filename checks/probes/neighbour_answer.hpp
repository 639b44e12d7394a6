// What strangers answer to an echo request, an ARP request or a neighbour solicitation: bytes to
// values, or nothing if they are something else. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"

namespace understudy::checks {

// What a request begins its data with, and a reply has to bring back.
using EchoToken = std::array<std::byte, 16>;

// RFC 792 and RFC 4443 4.2.
struct EchoReply {
    IpAddress source;
    std::uint16_t identifier = 0;
    std::uint16_t sequence = 0;
    EchoToken token{};  // zero where the data is too short for it
};
// Of what follows the header of the message.
EchoToken echo_token(std::span<const std::byte> message);
// A packet of a raw IPv4 socket, which begins with the IP header.
std::optional<EchoReply> parse_echo_v4(std::span<const std::byte> packet);
// A message of a raw ICMPv6 socket.
std::optional<EchoReply> parse_echo_v6(const IpAddress& source, std::span<const std::byte> message);

// Who has an address. The MAC is zero if the answer does not tell it.
struct NeighbourAnswer {
    IpAddress address;
    MacAddress mac;
};
// A Neighbour Advertisement (RFC 4861 4.4); it must not have been forwarded (7.1.2).
std::optional<NeighbourAnswer> parse_neighbour_advertisement(std::span<const std::byte> message,
                                                             int hop_limit);
// An ARP reply for Ethernet and IPv4 (RFC 826); what follows it is padding.
std::optional<NeighbourAnswer> parse_arp_reply(std::span<const std::byte> packet);

}  // namespace understudy::checks
