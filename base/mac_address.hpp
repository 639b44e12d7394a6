// A 48-bit Ethernet address.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

namespace understudy {

struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};

    bool is_zero() const { return *this == MacAddress{}; }
    std::string to_string() const {
        constexpr char digits[] = "0123456789abcdef";
        std::string text;
        for (const std::uint8_t byte : bytes) {
            if (!text.empty()) {
                text += ':';
            }
            text += digits[byte >> 4U];
            text += digits[byte & 0xfU];
        }
        return text;
    }

    auto operator<=>(const MacAddress&) const = default;
};

}  // namespace understudy
