#include "checks/probes/neighbour_answer.hpp"

#include <algorithm>
#include <array>

namespace understudy::checks {

namespace {

constexpr std::byte echo_reply_v4{0};
constexpr std::byte echo_reply_v6{129};
constexpr std::byte neighbour_advertisement{136};
constexpr std::byte target_link_layer_address{2};
constexpr std::size_t echo_header = 8;

std::uint16_t number_at(std::span<const std::byte> data, std::size_t place) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(data[place]) << 8U |
                                      std::to_integer<unsigned>(data[place + 1]));
}

MacAddress mac_at(std::span<const std::byte> data, std::size_t place) {
    MacAddress mac;
    std::ranges::transform(data.subspan(place, mac.bytes.size()), mac.bytes.begin(),
                           [](std::byte byte) { return std::to_integer<std::uint8_t>(byte); });
    return mac;
}

std::optional<EchoReply> parse_echo(const IpAddress& source, std::byte type,
                                    std::span<const std::byte> message) {
    if (message.size() < echo_header || message[0] != type) {
        return std::nullopt;
    }
    return EchoReply{source, number_at(message, 4), number_at(message, 6), echo_token(message)};
}

}  // namespace

EchoToken echo_token(std::span<const std::byte> message) {
    EchoToken token{};
    if (message.size() >= echo_header + token.size()) {
        std::ranges::copy(message.subspan(echo_header, token.size()), token.begin());
    }
    return token;
}

std::optional<EchoReply> parse_echo_v4(std::span<const std::byte> packet) {
    constexpr std::size_t least_header = 20;
    if (packet.size() < least_header) {
        return std::nullopt;
    }
    const std::size_t header = (std::to_integer<std::size_t>(packet[0]) & 0xfU) * 4;
    if (header < least_header || packet.size() < header) {
        return std::nullopt;
    }
    return parse_echo(IpAddress::from_bytes(packet.subspan(12, 4)), echo_reply_v4,
                      packet.subspan(header));
}

std::optional<EchoReply> parse_echo_v6(const IpAddress& source,
                                       std::span<const std::byte> message) {
    return parse_echo(source, echo_reply_v6, message);
}

std::optional<NeighbourAnswer> parse_neighbour_advertisement(std::span<const std::byte> message,
                                                             int hop_limit) {
    constexpr std::size_t fixed_part = 24;
    constexpr std::size_t option = 8;
    if (message.size() < fixed_part || message[0] != neighbour_advertisement || hop_limit != 255) {
        return std::nullopt;
    }
    NeighbourAnswer answer{IpAddress::from_bytes(message.subspan(8, 16)), {}};
    if (message.size() >= fixed_part + option && message[fixed_part] == target_link_layer_address) {
        answer.mac = mac_at(message, fixed_part + 2);
    }
    return answer;
}

std::optional<NeighbourAnswer> parse_arp_reply(std::span<const std::byte> packet) {
    constexpr std::size_t size = 28;
    // Ethernet, IPv4, the sizes of their addresses, a reply.
    constexpr std::array<std::byte, 8> begin{std::byte{0}, std::byte{1}, std::byte{8},
                                             std::byte{0}, std::byte{6}, std::byte{4},
                                             std::byte{0}, std::byte{2}};
    if (packet.size() < size || !std::ranges::equal(packet.first(begin.size()), begin)) {
        return std::nullopt;
    }
    return NeighbourAnswer{IpAddress::from_bytes(packet.subspan(14, 4)), mac_at(packet, 8)};
}

}  // namespace understudy::checks
