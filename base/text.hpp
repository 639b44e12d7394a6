// Texts as configurations and protocols are written: ASCII, whatever the locale.
#pragma once

#include <string>
#include <string_view>

namespace understudy {

inline constexpr std::string_view blanks_of_a_line = " \t\r";

// Without the blanks at both ends.
constexpr std::string_view trim(std::string_view text, std::string_view blanks = blanks_of_a_line) {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

inline std::string lower_case(std::string_view text) {
    std::string lower{text};
    for (char& letter : lower) {
        if (letter >= 'A' && letter <= 'Z') {
            letter = static_cast<char>(letter - 'A' + 'a');
        }
    }
    return lower;
}

}  // namespace understudy
