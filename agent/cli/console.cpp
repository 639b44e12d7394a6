#include "agent/cli/console.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string_view>

#include "agent/cli/arguments.hpp"

namespace understudy::cli {

namespace {

bool is_control(char character) {
    const auto byte = static_cast<unsigned char>(character);
    return byte < 0x20 || byte == 0x7f;
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

int Console::written() const {
    out.flush();
    return out ? exit_done : exit_failed;
}

Console standard_console() {
    const char* refused = std::getenv("NO_COLOR");
    const char* kind = std::getenv("TERM");
    const bool dumb = kind == nullptr || std::string_view{kind} == "dumb";
    Console console{std::cout, std::cerr};
    console.out_is_terminal = isatty(STDOUT_FILENO) == 1;
    console.err_is_terminal = isatty(STDERR_FILENO) == 1;
    console.colours = console.out_is_terminal && !dumb && (refused == nullptr || *refused == '\0');
    console.out_fd = STDOUT_FILENO;
    return console;
}

std::string harmless(std::string text) {
    std::ranges::replace_if(text, is_control, '?');
    return text;
}

std::string harmless_text(std::string text) {
    std::ranges::replace_if(text, [](char c) { return c != '\n' && is_control(c); }, '?');
    return text;
}

}  // namespace understudy::cli
