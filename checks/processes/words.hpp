// Words for people, made from what strangers sent.
#pragma once

#include <boost/system/error_code.hpp>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace understudy::checks {

// One line of at most `longest` characters: bytes that do not print as \xHH, a cut shown as "...".
std::string printable(std::string_view text, std::size_t longest);

// "connection refused", "network is unreachable".
std::string plain(const boost::system::error_code& error);

// "1.2 ms".
std::string milliseconds(Duration duration);

}  // namespace understudy::checks
