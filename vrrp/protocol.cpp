#include "vrrp/protocol.hpp"

namespace understudy::vrrp {

IpAddress derived_link_local(Vrid vrid) {
    // fe80::/64, then the EUI-64 of 00:00:5e:00:02:VRID with its universal bit flipped.
    const std::array<std::byte, 16> bytes = {
        std::byte{0xfe}, std::byte{0x80}, std::byte{0},    std::byte{0},
        std::byte{0},    std::byte{0},    std::byte{0},    std::byte{0},
        std::byte{0x02}, std::byte{0x00}, std::byte{0x5e}, std::byte{0xff},
        std::byte{0xfe}, std::byte{0x00}, std::byte{0x02}, std::byte{vrid}};
    return IpAddress::from_bytes(bytes);
}

}  // namespace understudy::vrrp
