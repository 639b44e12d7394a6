// A JSON document as one line.
#pragma once

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace understudy::control {

// An interface name, a kernel's error text or the answer of a checked server may be any bytes; a
// bad one becomes U+FFFD, not an exception. The line goes to a terminal as it is (--json, or a file
// that somebody looks at), and some of those obey U+009B like an escape: hence ASCII only.
inline std::string as_line(const nlohmann::ordered_json& document) {
    constexpr bool ascii_only = true;
    return document.dump(-1, ' ', ascii_only, nlohmann::ordered_json::error_handler_t::replace);
}

// A whole number is written without a fraction.
inline nlohmann::ordered_json shortest(double value) {
    constexpr double exact = 9007199254740992.0;  // 2^53: up to here every whole number is one
    if (std::trunc(value) == value && std::abs(value) <= exact) {
        return static_cast<std::int64_t>(value);
    }
    return value;
}

}  // namespace understudy::control
