// Single lines of keepalived.conf.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/import/reader.hpp"
#include "base/text.hpp"

namespace understudy::importer {

// Up to a "#" or "!", anywhere but between double quotes or after a backslash.
std::string without_comment(std::string_view line);
// Words, quoted or not, and braces. False: a quote is not closed.
bool split_line(std::string_view line, const Place& place, std::vector<Token>& tokens);
// "$NAME=value": the length of "$NAME=", or 0.
std::size_t definition_length(std::string_view line);
bool is_parameter_character(char character, bool first);

}  // namespace understudy::importer
