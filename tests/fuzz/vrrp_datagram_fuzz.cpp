// Hostile datagrams into the codec: never out of bounds, and what is accepted is written back byte
// for byte but for the bits that the RFC lets a sender set as it likes.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "vrrp/advertisement.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace understudy;
    if (size < 1) {
        return 0;
    }
    const bool v6 = (data[0] & 1U) != 0;
    const IpAddress source = *IpAddress::parse(v6 ? "fe80::2" : "10.1.1.2");
    const auto payload = std::as_bytes(std::span{data + 1, size - 1});
    const IpAddress& group = vrrp::multicast_group(source.family());
    const auto received = vrrp::decode({source, group, vrrp::required_ttl, payload});
    (void)vrrp::peek_vrid(payload);
    if (!received) {
        return 0;
    }
    vrrp::Advertisement again;
    again.version = received->version;
    again.vrid = received->vrid;
    again.priority = received->priority;
    again.interval = received->interval;
    again.family = source.family();
    again.addresses = received->addresses;
    std::array<std::byte, vrrp::largest_advertisement> out{};
    const auto written =
        vrrp::encode(again, source, group,
                     received->checksum_form.value_or(vrrp::ChecksumForm::message_only), out);
    if (written.size() != payload.size() ||
        !vrrp::decode({source, group, vrrp::required_ttl, written})) {
        std::abort();
    }
    return 0;
}
