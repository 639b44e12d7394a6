// Hostile datagrams into the codec: never out of bounds, and what is accepted is written back byte
// for byte but for what a sender may set as it likes: the reserve field (RFC 9568 5.2.6) and the
// authentication data (RFC 3768 5.3.10).
//
// The first byte of the input says how the rest arrives.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/ensure.hpp"
#include "vrrp/advertisement.hpp"
#include "vrrp/checksum.hpp"

namespace {

using namespace understudy;
using vrrp::ChecksumForm;

// The bits of the first byte.
constexpr unsigned over_ipv6 = 1;
constexpr unsigned mend_checksum = 2;  // so that not only the first rungs are reached
constexpr unsigned with_pseudo_header = 4;
constexpr unsigned to_unicast = 8;

constexpr std::size_t interval_at = 4;
constexpr std::size_t checksum_at = 6;

using Bytes = std::vector<std::byte>;

void put_checksum(Bytes& packet, std::uint16_t value) {
    packet[checksum_at] = std::byte{static_cast<std::uint8_t>(value >> 8U)};
    packet[checksum_at + 1] = std::byte{static_cast<std::uint8_t>(value & 0xffU)};
}

void mend(vrrp::Datagram& datagram, Bytes& packet, bool pseudo_header) {
    if (packet.size() < vrrp::header_size) {
        return;
    }
    put_checksum(packet, 0);
    vrrp::Checksum checksum;
    if (pseudo_header) {
        checksum.add_pseudo_header(datagram.source, datagram.destination, packet.size());
    }
    put_checksum(packet, checksum.add(packet).value());
    datagram.payload = packet;
}

// What is ignored on receipt as zero; true if there was anything.
bool clear_ignored(Bytes& packet, vrrp::Version version) {
    const Bytes before = packet;
    if (version == vrrp::Version::v3) {
        packet[interval_at] &= std::byte{0x0f};
    } else {
        std::fill(packet.end() - vrrp::v2_authentication_size, packet.end(), std::byte{0});
    }
    return packet != before;
}

// Zero has two forms in one's complement: ffff is accepted and 0000 is sent.
void settle_zero(Bytes& packet) {
    if (packet[checksum_at] == std::byte{0xff} && packet[checksum_at + 1] == std::byte{0xff}) {
        put_checksum(packet, 0);
    }
}

void check(const vrrp::Received& received, const vrrp::Datagram& datagram) {
    vrrp::Advertisement again;
    again.version = received.version;
    again.vrid = received.vrid;
    again.priority = received.priority;
    again.interval = received.interval;
    again.family = datagram.source.family();
    again.addresses = received.addresses;
    std::array<std::byte, vrrp::largest_advertisement> out{};
    const auto form = received.checksum_form.value_or(ChecksumForm::message_only);
    const auto packet = vrrp::encode(again, datagram.source, datagram.destination, form, out);

    Bytes expected{datagram.payload.begin(), datagram.payload.end()};
    Bytes written{packet.begin(), packet.end()};
    settle_zero(expected);
    if (clear_ignored(expected, received.version)) {
        put_checksum(expected, 0);  // it covered what has been cleared
        put_checksum(written, 0);
    }
    ensure(written == expected, "what is accepted is written back as it was");
    ensure(vrrp::decode({datagram.source, datagram.destination, 255, packet}).has_value(),
           "what is written is accepted");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) {
        return 0;
    }
    const unsigned how = data[0];
    const bool v6 = (how & over_ipv6) != 0;
    // Copied to a block of just that size, so that AddressSanitizer sees a read behind its end.
    const auto input = std::as_bytes(std::span{data + 1, size - 1});
    Bytes packet{input.begin(), input.end()};
    vrrp::Datagram datagram;
    datagram.source = *IpAddress::parse(v6 ? "fe80::2" : "10.1.1.2");
    datagram.destination = (how & to_unicast) == 0 ? vrrp::multicast_group(datagram.source.family())
                                                   : *IpAddress::parse(v6 ? "fe80::3" : "10.1.1.3");
    datagram.ttl = vrrp::required_ttl;
    datagram.payload = packet;
    if ((how & mend_checksum) != 0) {
        mend(datagram, packet, (how & with_pseudo_header) != 0);
    }
    const auto vrid = vrrp::peek_vrid(datagram.payload);
    ensure(vrid.has_value() == (packet.size() >= 2), "two bytes have a VRID");
    const auto received = vrrp::decode(datagram);
    if (received) {
        ensure(received->vrid == *vrid, "it is the one that was peeked at");
        check(*received, datagram);
    }
    return 0;
}
