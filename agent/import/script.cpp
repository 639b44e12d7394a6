#include "agent/import/script.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "agent/config/command_line.hpp"
#include "agent/config/values.hpp"

namespace understudy::importer {

namespace {

using Words = std::vector<std::string>;

constexpr std::string_view blanks = " \t";

// At blanks, but not inside quotes, which go away. Nothing if only a shell could read it.
std::optional<Words> split(std::string_view text) {
    constexpr std::string_view shell_only = "|><&;$`*\\(){}~?[";
    Words words;
    bool in_word = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (blanks.find(c) != std::string_view::npos) {
            in_word = false;
            continue;
        }
        if (!in_word) {
            words.emplace_back();
            in_word = true;
        }
        if (c == '\'' || c == '"') {
            const auto end = text.find(c, i + 1);
            if (end == std::string_view::npos ||
                (c == '"' && text.substr(i, end - i).find_first_of("$`\\") != std::string::npos)) {
                return std::nullopt;
            }
            words.back() += text.substr(i + 1, end - i - 1);
            i = end;
        } else if (shell_only.find(c) != std::string_view::npos) {
            return std::nullopt;
        } else {
            words.back() += c;
        }
    }
    return words;
}

std::string base_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

bool is_plain_name(const std::string& text) {
    return !text.empty() && text.front() != '-' &&
           text.find_first_of("/ ^$.*[]|()\"#;") == std::string::npos;
}

std::string host_and_port(const std::string& host, const std::string& port) {
    return (host.contains(':') ? '[' + host + ']' : host) + ':' + port;
}

std::optional<ScriptCheck> process(const Words& words) {
    const std::string program = base_name(words.front());
    const std::string last = words.back();
    const bool signals = program == "killall" || program == "pkill";
    const bool fits = (signals && words.size() == 3 && words[1] == "-0") ||
                      (program == "pidof" && words.size() == 2) ||
                      (program == "pgrep" && words.size() == 3 && words[1] == "-x");
    if (!fits || !is_plain_name(last)) {
        return std::nullopt;
    }
    return ScriptCheck{"process", {{"name", last}}, "looked for directly, no command is run"};
}

// "</dev/tcp/HOST/PORT", which only bash understands, or the same behind bash -c.
std::optional<ScriptCheck> dev_tcp(std::string text) {
    constexpr std::string_view path = "/dev/tcp/";
    std::erase_if(text, [](char c) { return c == '<' || c == '>' || c == ' '; });
    text = text.starts_with("echo") ? text.substr(4) : text;
    const auto slash = text.find('/', path.size());
    if (!text.starts_with(path) || slash == std::string::npos ||
        text.find_first_not_of("0123456789", slash + 1) != std::string::npos) {
        return std::nullopt;
    }
    const std::string host = text.substr(path.size(), slash - path.size());
    return ScriptCheck{"tcp", {{"target", host_and_port(host, text.substr(slash + 1))}}, {}};
}

std::optional<ScriptCheck> netcat(const Words& words) {
    const std::string program = base_name(words.front());
    const bool fits = (program == "nc" || program == "ncat" || program == "netcat") &&
                      words.size() == 4 && words[1] == "-z" && is_plain_name(words[3]);
    if (!fits) {
        return std::nullopt;
    }
    return ScriptCheck{"tcp", {{"target", host_and_port(words[2], words[3])}}, {}};
}

std::optional<ScriptCheck> unit(const Words& words) {
    if (base_name(words.front()) != "systemctl" || words.size() < 3) {
        return std::nullopt;
    }
    Words rest(words.begin() + 1, words.end());
    std::erase_if(rest, [](const std::string& word) { return word == "-q" || word == "--quiet"; });
    if (rest.size() != 2 || rest[0] != "is-active" || rest[1].starts_with('-')) {
        return std::nullopt;
    }
    return ScriptCheck{"unit", {{"unit", rest[1]}}, "asked over D-Bus, no command is run"};
}

}  // namespace

Command command_of(const Words& words) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : " ") + word;
    }
    const auto parts = words.size() > 1 ? std::optional{words} : split(text);
    if (parts && !parts->empty() && parts->front().starts_with('/')) {
        return {*parts, false};
    }
    // Several words were already taken apart: they are put together so that the shell sees them so.
    const std::string line = words.size() > 1 ? config::format_command_line(words) : text;
    return {{"/bin/sh", "-c", line}, true};
}

ScriptCheck check_of_script(const Words& words) {
    std::string whole = words.empty() ? "" : words.front();
    const auto parts = words.size() == 1 ? split(whole) : std::optional{words};
    if (parts && !parts->empty()) {
        for (const auto& recognise : {process, netcat, unit}) {
            if (auto check = recognise(*parts)) {
                return *check;
            }
        }
        const std::string shell = base_name(parts->front());
        if (parts->size() == 3 && (shell == "bash" || shell == "sh") && parts->at(1) == "-c") {
            whole = parts->back();
        }
    }
    if (auto check = dev_tcp(whole)) {
        return *check;
    }
    const Command command = command_of(words);
    return {"script",
            {{"command", config::format_command_line(command.words)}},
            command.needs_shell ? "run through /bin/sh" : ""};
}

}  // namespace understudy::importer
