#include "agent/cli/console.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string_view>

#include "agent/cli/arguments.hpp"
#include "base/system_error.hpp"

namespace understudy::cli {

namespace {

struct Character {
    char32_t code = 0;
    std::size_t size = 1;  // in bytes
};

// The first one of a text that is not empty; a byte that is no UTF-8 has the code 0.
Character first_of(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) {
        return {lead, 1};
    }
    const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < size) {
        return {};
    }
    char32_t code = lead & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0U) != 0x80) {
            return {};
        }
        code = code << 6 | (byte(i) & 0x3fU);
    }
    // A longer form than needed is a way to hide what it says.
    constexpr std::array<char32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
    return code < least.at(size) ? Character{} : Character{code, size};
}

// Also those that a terminal obeys in UTF-8 (C1), and those that show a line in another order than
// it was written in.
bool is_control(char32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

std::string without_controls(std::string_view text, bool keep_line_breaks) {
    std::string shown;
    shown.reserve(text.size());
    while (!text.empty()) {
        const Character first = first_of(text);
        const bool kept = !is_control(first.code) || (keep_line_breaks && first.code == U'\n');
        shown += kept ? text.substr(0, first.size) : "?";
        text.remove_prefix(first.size);
    }
    return shown;
}

}  // namespace

int Console::fail(bool json, int status, const std::string& text) const {
    if (json) {
        nlohmann::json document = nlohmann::json::object();
        document["error"] = text;
        out << document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n'
            << std::flush;
    } else {
        err << "understudy: " << harmless(text) << '\n' << std::flush;
    }
    return status;
}

// A full disk is worth a line; a reader that has gone, such as head(1), has what it wanted.
int Console::failed_to_write() const {
    const int error = errno;
    if (!reader_has_gone()) {
        const std::string what = "understudy: cannot write to standard output";
        err << (error != 0 ? system_error_text(what, error) : what) << '\n' << std::flush;
    }
    return exit_failed;
}

int Console::written() const {
    errno = 0;
    out.flush();
    return out ? exit_done : failed_to_write();
}

bool Console::reader_has_gone(std::chrono::milliseconds wait) const {
    pollfd reader{out_fd, 0, 0};
    poll(&reader, 1, static_cast<int>(wait.count()));
    return (reader.revents & (POLLERR | POLLNVAL)) != 0;
}

int Console::followed() const {
    errno = 0;  // the errno of the failed write is lost
    return out || reader_has_gone() ? exit_done : failed_to_write();
}

Console standard_console() {
    const char* refused = std::getenv("NO_COLOR");
    const char* kind = std::getenv("TERM");
    const bool dumb = kind == nullptr || std::string_view{kind} == "dumb";
    Console console{std::cout, std::cerr};
    console.out_is_terminal = !dumb && isatty(STDOUT_FILENO) == 1;
    console.err_is_terminal = !dumb && isatty(STDERR_FILENO) == 1;
    console.colours = console.out_is_terminal && (refused == nullptr || *refused == '\0');
    console.out_fd = STDOUT_FILENO;
    return console;
}

std::string harmless(std::string_view text) {
    return without_controls(text, false);
}

std::string harmless_text(std::string_view text) {
    return without_controls(text, true);
}

}  // namespace understudy::cli
