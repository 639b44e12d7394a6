// Parts of the language that a later version understands. They are refused, never ignored: a check
// that does not run would look like one that passes. What gets implemented is struck from here.
#pragma once

namespace understudy::config::unsupported {

inline constexpr bool virtual_mac = true;

inline constexpr const char* text = " not supported by this version yet";

}  // namespace understudy::config::unsupported
