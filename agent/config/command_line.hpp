// A command and its arguments. No shell ever sees them: words are split at blanks, quotes and
// backslashes keep blanks, and nothing is expanded.
#pragma once

#include <string>
#include <vector>

#include "agent/config/values.hpp"

namespace understudy::config {

// The program by its absolute path, and its arguments. What only a shell could make sense of (| > <
// & ; $ ` *, unquoted) is an error that says so.
Parsed<std::vector<std::string>> parse_command_line(const std::string& text);
// The reverse: a text that parse_command_line() reads as these words.
std::string format_command_line(const std::vector<std::string>& words);

// "haproxy.service"; a name without a suffix is a service.
Parsed<std::string> parse_unit(const std::string& text);

}  // namespace understudy::config
