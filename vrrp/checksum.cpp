#include "vrrp/checksum.hpp"

#include "base/ensure.hpp"

namespace understudy::vrrp {

Checksum& Checksum::add(std::span<const std::byte> part) {
    if (odd_ && !part.empty()) {
        sum_ += std::to_integer<std::uint64_t>(part.front());
        part = part.subspan(1);
        odd_ = false;
    }
    for (std::size_t i = 0; i + 1 < part.size(); i += 2) {
        sum_ += (std::to_integer<std::uint64_t>(part[i]) << 8U) |
                std::to_integer<std::uint64_t>(part[i + 1]);
    }
    if (part.size() % 2 == 1) {
        sum_ += std::to_integer<std::uint64_t>(part.back()) << 8U;
        odd_ = true;
    }
    return *this;
}

Checksum& Checksum::add_pseudo_header(const IpAddress& source, const IpAddress& destination,
                                      std::size_t length, std::uint8_t protocol) {
    ensure(!odd_, "a pseudo-header starts at an even offset");
    add(source.bytes()).add(destination.bytes());
    sum_ += length + protocol;
    return *this;
}

std::uint16_t Checksum::value() const {
    std::uint64_t folded = sum_;
    while (folded > 0xffffU) {
        folded = (folded & 0xffffU) + (folded >> 16U);
    }
    return static_cast<std::uint16_t>(~folded & 0xffffU);
}

}  // namespace understudy::vrrp
