// The Internet checksum (RFC 1071) over a message in parts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/ip_address.hpp"
#include "vrrp/protocol.hpp"

namespace understudy::vrrp {

class Checksum {
public:
    // Parts follow each other as if they were one message, whatever their lengths.
    Checksum& add(std::span<const std::byte> part);
    // IPv4 (RFC 5798 5.2.8) or IPv6 (RFC 8200 8.1) pseudo-header; `length` and `protocol` are those
    // of the message it belongs to. After an even number of bytes only.
    Checksum& add_pseudo_header(const IpAddress& source, const IpAddress& destination,
                                std::size_t length, std::uint8_t protocol = ip_protocol);
    // The value for the checksum field; zero over a message that carries a right checksum.
    std::uint16_t value() const;

private:
    std::uint64_t sum_ = 0;
    bool odd_ = false;  // the last byte was the upper half of a word
};

}  // namespace understudy::vrrp
