#include "checks/processes/words.hpp"

#include <cctype>

namespace understudy::checks {

std::string printable(std::string_view text, std::size_t longest) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string line;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (line.size() + 4 > longest) {
            return line + "...";
        }
        if (byte >= 0x20 && byte < 0x7f) {
            line += c;
        } else if (c == '\n') {
            line += "\\n";
        } else if (c == '\r') {
            line += "\\r";
        } else {
            line += "\\x";
            line += digits[byte >> 4U];
            line += digits[byte & 0xfU];
        }
    }
    return line;
}

std::string plain(const boost::system::error_code& error) {
    std::string text = error.message();
    if (!text.empty()) {
        text.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(text.front())));
    }
    return text;
}

std::string milliseconds(Duration duration) {
    if (duration < std::chrono::milliseconds{1}) {
        const auto hundredths = std::to_string(100 + duration.count() / 10);
        return "0." + hundredths.substr(1) + " ms";
    }
    const auto tenths = duration.count() / 100;
    return std::to_string(tenths / 10) +
           (tenths % 10 == 0 ? "" : '.' + std::to_string(tenths % 10)) + " ms";
}

}  // namespace understudy::checks
