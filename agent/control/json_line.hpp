// A JSON document as one line.
#pragma once

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

}  // namespace understudy::control
