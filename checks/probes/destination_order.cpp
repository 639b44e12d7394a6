#include "checks/probes/destination_order.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <boost/asio/ip/udp.hpp>
#include <cstdint>
#include <tuple>

namespace understudy::checks {

namespace {

using boost::asio::ip::address;
using Bytes = boost::asio::ip::address_v6::bytes_type;

Bytes bytes_of(const address& any) {
    return any.is_v6() ? any.to_v6().to_bytes()
                       : boost::asio::ip::make_address_v6(boost::asio::ip::v4_mapped, any.to_v4())
                             .to_bytes();
}

int common_bits(const Bytes& one, const Bytes& other, int most) {
    int bits = 0;
    for (std::size_t i = 0; i < one.size() && bits < most; ++i) {
        const auto differ = static_cast<std::uint8_t>(one.at(i) ^ other.at(i));
        bits += std::countl_zero(differ);
        if (differ != 0) {
            break;
        }
    }
    return std::min(bits, most);
}

struct Policy {
    Bytes prefix;
    int length;
    int precedence;
    int label;
};

// RFC 6724 2.1, the longest prefixes first.
constexpr std::array policies = {
    Policy{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, 50, 0},
    Policy{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 35, 4},
    Policy{{}, 96, 1, 3},
    Policy{{0x20, 0x01}, 32, 5, 5},
    Policy{{0x20, 0x02}, 16, 30, 2},
    Policy{{0x3f, 0xfe}, 16, 1, 12},
    Policy{{0xfe, 0xc0}, 10, 1, 11},
    Policy{{0xfc}, 7, 3, 13},
    Policy{{}, 0, 40, 1}};

const Policy& policy_of(const Bytes& bytes) {
    return *std::ranges::find_if(policies, [&](const Policy& policy) {
        return common_bits(bytes, policy.prefix, policy.length) == policy.length;
    });
}

// RFC 6724 3.1 and 3.2, as in RFC 4291 2.7: link-local 2, site-local 5, global 14.
int scope_of(const address& any) {
    constexpr int link_local = 2;
    constexpr int site_local = 5;
    constexpr int global = 14;
    if (any.is_v4()) {
        const auto bytes = any.to_v4().to_bytes();
        return bytes[0] == 127 || (bytes[0] == 169 && bytes[1] == 254) ? link_local : global;
    }
    const auto v6 = any.to_v6();
    if (v6.is_multicast()) {
        return v6.to_bytes()[1] & 0x0f;
    }
    if (v6.is_link_local() || v6.is_loopback()) {
        return link_local;
    }
    return v6.is_site_local() ? site_local : global;
}

// Rule 9, for IPv6 only: IPv4 prefixes carry no topology, and sorting by them would undo the round
// robin of a name server. Bits behind the network prefix (64) carry none either.
int matching_prefix(const Destination& destination) {
    constexpr int longest = 64;
    return destination.has_route && destination.source.is_v6() && destination.address.is_v6()
               ? common_bits(bytes_of(destination.address), bytes_of(destination.source), longest)
               : 0;
}

// Rules 1, 2, 5, 6, 8 and 9: the smaller one goes first.
using Rank = std::tuple<bool, bool, bool, int, int, int>;

Rank rank_of(const Destination& destination) {
    const Policy& policy = policy_of(bytes_of(destination.address));
    const int scope = scope_of(destination.address);
    const bool usable = destination.has_route;
    const bool same_scope = usable && scope == scope_of(destination.source);
    const bool same_label = usable && policy.label == policy_of(bytes_of(destination.source)).label;
    return {!usable,     !same_scope,
            !same_label, -policy.precedence,
            scope,       -matching_prefix(destination)};
}

// A datagram socket that is connected has its source, and has sent nothing.
Destination destination_of(const address& to) {
    constexpr unsigned short any_port = 9;
    const boost::asio::ip::udp::endpoint peer{to, any_port};
    Destination destination{to, false, {}};
    const int fd = ::socket(peer.protocol().family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return destination;
    }
    boost::asio::ip::udp::endpoint from;
    auto size = static_cast<socklen_t>(from.capacity());
    destination.has_route = ::connect(fd, peer.data(), static_cast<socklen_t>(peer.size())) == 0 &&
                            ::getsockname(fd, from.data(), &size) == 0;
    destination.source = from.address();
    ::close(fd);
    return destination;
}

}  // namespace

void sort_destinations(std::vector<Destination>& destinations) {
    std::ranges::stable_sort(destinations, {}, rank_of);
}

std::vector<address> in_order(std::vector<address> addresses) {
    if (addresses.size() < 2) {
        return addresses;
    }
    std::vector<Destination> destinations;
    for (const address& each : addresses) {
        destinations.push_back(destination_of(each));
    }
    sort_destinations(destinations);
    addresses.clear();
    for (const Destination& each : destinations) {
        addresses.push_back(each.address);
    }
    return addresses;
}

}  // namespace understudy::checks
