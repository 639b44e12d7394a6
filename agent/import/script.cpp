#include "agent/import/script.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "agent/config/command_line.hpp"
#include "agent/config/values.hpp"

namespace understudy::importer {

namespace {

using Words = std::vector<std::string>;

constexpr std::string_view word_separators = " \t";

struct CommandLine {
    Words words;
    bool is_for_shell = false;
};

// What nobody writes for a program. `bare` is a word without what is in quotes.
bool is_for_shell(std::string_view bare, bool is_first) {
    static const std::set<std::string_view> builtins = {
        "if",     "for",  "while", "until", "case",  "cd",     "exec",   "exit", "eval",
        "export", "set",  "unset", "trap",  ".",     "source", "type",   "[[",   ":",
        "umask",  "read", "wait",  "shift", "local", "ulimit", "command"};
    constexpr std::string_view operators = "|&;";
    if (is_first && (builtins.contains(bare) || bare.starts_with('(') || bare.starts_with('!') ||
                     bare.starts_with('{') || bare.substr(0, bare.find('/')).contains('='))) {
        return true;
    }
    if (!bare.empty() && (bare.find_first_not_of(operators) == std::string_view::npos ||
                          bare.ends_with(';') || bare.ends_with('&'))) {
        return true;
    }
    const auto redirection = bare.find_first_not_of("0123456789&");
    return redirection != std::string_view::npos &&
           (bare[redirection] == '<' || bare[redirection] == '>');
}

std::string base_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

// "bash -c SCRIPT"
bool runs_shell(const Words& words) {
    const std::string program = words.empty() ? "" : base_name(words.front());
    return words.size() == 3 && (program == "bash" || program == "sh") && words[1] == "-c";
}

// At blanks, but not inside quotes, which go away; as keepalived does it.
CommandLine split(std::string_view text) {
    CommandLine line;
    Words bare;
    bool expands = false;  // in double quotes, if a shell sees it
    bool in_word = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (word_separators.find(c) != std::string_view::npos) {
            in_word = false;
            continue;
        }
        if (!in_word) {
            line.words.emplace_back();
            bare.emplace_back();
            in_word = true;
        }
        if (c == '\'' || c == '"') {
            const auto end = std::min(text.find(c, i + 1), text.size());
            const std::string_view inside = text.substr(i + 1, end - i - 1);
            line.is_for_shell |= end == text.size() || (c == '"' && inside.contains('\\'));
            expands |= c == '"' && inside.find_first_of("$`") != std::string_view::npos;
            line.words.back() += inside;
            i = end;
        } else {
            line.is_for_shell |= c == '$' || c == '`' || c == '\\';
            line.words.back() += c;
            bare.back() += c;
        }
    }
    for (std::size_t i = 0; i < bare.size(); ++i) {
        line.is_for_shell |= is_for_shell(bare[i], i == 0);
    }
    line.is_for_shell |= expands && !runs_shell(line.words);
    return line;
}

bool is_plain_name(const std::string& text) {
    return !text.empty() && text.front() != '-' &&
           text.find_first_of("/ ^$*[]|()\"#;") == std::string::npos;
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
    const bool is_pattern = (program == "pkill" || program == "pgrep") && last.contains('.');
    if (!fits || is_pattern || !is_plain_name(last)) {
        return std::nullopt;
    }
    return ScriptCheck{
        "process", {{"name", last}}, "looked for directly, no command is run", false};
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
    return ScriptCheck{"tcp", {{"target", host_and_port(host, text.substr(slash + 1))}}, {}, false};
}

std::optional<ScriptCheck> netcat(const Words& words) {
    const std::string program = base_name(words.front());
    const bool fits = (program == "nc" || program == "ncat" || program == "netcat") &&
                      words.size() == 4 && words[1] == "-z" && is_plain_name(words[3]);
    if (!fits) {
        return std::nullopt;
    }
    return ScriptCheck{"tcp", {{"target", host_and_port(words[2], words[3])}}, {}, false};
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
    return ScriptCheck{"unit", {{"unit", rest[1]}}, "asked over D-Bus, no command is run", false};
}

Command command_of_words(const Words& words) {
    if (words.front().starts_with('/')) {
        return {words, {}, false};
    }
    Words searched = {"/usr/bin/env"};
    searched.insert(searched.end(), words.begin(), words.end());
    return {searched, "looked for in PATH", false};
}

}  // namespace

Command command_of(const Words& words) {
    const std::string& first = words.front();
    if (words.size() == 1) {
        const CommandLine line = split(first);
        if (first.starts_with('<')) {
            return {{"/bin/sh", "-c", first}, "run through /bin/sh", false};
        }
        if (line.is_for_shell || line.words.empty()) {
            return {{"/bin/sh", "-c", first},
                    "run through /bin/sh, for which it seems to be meant; keepalived 2 has no "
                    "shell, and gives all of it to the program",
                    true};
        }
        return command_of_words(line.words);
    }
    return command_of_words(words);
}

ScriptCheck check_of_script(const Words& words) {
    std::string whole = words.front();
    const CommandLine line = words.size() == 1 ? split(whole) : CommandLine{words, false};
    if (!line.is_for_shell && !line.words.empty()) {
        for (const auto& recognise : {process, netcat, unit}) {
            if (auto check = recognise(line.words)) {
                return *check;
            }
        }
        if (runs_shell(line.words)) {
            whole = line.words.back();
        }
    }
    if (auto check = dev_tcp(whole)) {
        return *check;
    }
    const Command command = command_of(words);
    return {"script",
            {{"command", config::format_command_line(command.words)}},
            command.remark,
            command.is_guess};
}

}  // namespace understudy::importer
