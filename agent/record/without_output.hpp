// What commands wrote and servers answered is not written down, not even the part of it that the
// text of an outcome shows: "exit status 1: what it wrote", "expected "this", got "that"".
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace understudy::record {

inline constexpr std::array<std::string_view, 2> ends_of_commands = {"exit status ",
                                                                     "killed by signal "};

// Of the outcome itself: what stands after the end of a command goes, and what stands in quotes.
inline std::string without_output(std::string detail) {
    const auto begins = [&](std::string_view end) { return detail.starts_with(end); };
    if (std::ranges::any_of(ends_of_commands, begins)) {
        detail.resize(std::min(detail.find(": "), detail.size()));
    }
    if (const auto first = detail.find('"'); first != std::string::npos) {
        const auto last = detail.rfind('"');
        const std::string rest = last == first ? "" : detail.substr(last + 1);
        detail.resize(first);
        detail += "\"hidden\"" + rest;
    }
    return detail;
}

// Of a text that may have outcomes anywhere in it, shortened or not: all that follows goes too.
inline std::string without_any_output(std::string text) {
    for (const std::string_view end : ends_of_commands) {
        if (const auto found = text.find(end); found != std::string::npos) {
            text.resize(std::min(text.find(": ", found), text.size()));
        }
    }
    if (const auto quote = text.find('"'); quote != std::string::npos) {
        text.resize(quote);
        text += "\"hidden\"";
    }
    return text;
}

}  // namespace understudy::record
