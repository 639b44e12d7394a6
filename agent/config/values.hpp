// The values that keys can have, from text. An error is the part of a sentence that follows the
// key.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace understudy::config {

template <class Value>
using Parsed = std::expected<Value, std::string>;

inline constexpr std::size_t longest_name = 64;
// A check's weight is -253..253: more could not change a priority.
inline constexpr int most_weight = 253;

// "10ms", "1.5s", "5m", "2h", "100us". A number without a unit is an error that names the units.
Parsed<Duration> parse_duration(std::string_view text);
// A whole decimal number within the bounds, which the error names.
Parsed<int> parse_number(std::string_view text, int least, int most);
// yes no, true false, on off, 1 0.
Parsed<bool> parse_yes_no(std::string_view text);
// One of the words; the error lists them and the likely one.
Parsed<std::size_t> parse_word(std::string_view text, const std::vector<std::string>& words);
// The name of a node or a VIP: letters, digits and . : _ - in it, as HAProxy has them. Short, and
// never something that a shell or an option parser takes for something else.
Parsed<std::string> parse_name(std::string_view text);

// The name of a user as systemd reads it: nothing that /etc/passwd could not hold.
Parsed<std::string> parse_user(const std::string& text);

// "10ms", "1s", "5m": the shortest text that parse_duration reads as the same value.
std::string format_duration(Duration duration);

// What follows `from` and the blanks there; empty if nothing does, as in a quoted value that ends
// in a blank.
std::string after_blanks(const std::string& text, std::size_t from);

// "text" in quotes, cut where it gets too long for a message.
std::string in_quotes(std::string_view text);

// The candidate that was probably meant; empty if none is near.
std::string nearest(std::string_view text, const std::vector<std::string>& candidates);
// `; did you mean "x"?` or nothing.
std::string did_you_mean(std::string_view text, const std::vector<std::string>& candidates);

}  // namespace understudy::config
