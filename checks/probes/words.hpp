// Words for people, made from what strangers sent.
#pragma once

#include <string>
#include <string_view>

#include "base/time.hpp"

namespace understudy::checks {

// One line of at most `longest` characters: bytes that do not print as \xHH, a cut shown as "...".
std::string printable(std::string_view text, std::size_t longest);

// "1.2 ms".
std::string milliseconds(Duration duration);

}  // namespace understudy::checks
