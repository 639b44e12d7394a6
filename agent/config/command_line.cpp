#include "agent/config/command_line.hpp"

#include <algorithm>
#include <string_view>

namespace understudy::config {

namespace {

constexpr std::string_view shell_only = "|><&;$`*";
constexpr std::string_view blanks = " \t";

// One word after the other. Inside '…' everything is itself; inside "…" a backslash still escapes.
class Splitter {
public:
    explicit Splitter(std::string_view text) : rest_(text) {}

    // Nothing at the end, or if error() tells why not.
    bool next(std::string& word) {
        word.clear();
        rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size()));
        if (rest_.empty()) {
            return false;
        }
        while (!rest_.empty() && blanks.find(rest_.front()) == std::string_view::npos) {
            if (!piece(word)) {
                return false;
            }
        }
        return true;
    }
    const std::string& error() const { return error_; }

private:
    bool piece(std::string& word) {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        if (c == '\'' || c == '"') {
            return quoted(c, word);
        }
        if (c == '\\') {
            return escaped(word);
        }
        if (shell_only.find(c) != std::string_view::npos) {
            error_ = "no shell is used, so \"";
            error_ += c;
            error_ += "\" means nothing; quote it, or call /bin/sh -c yourself";
            return false;
        }
        word += c;
        return true;
    }
    bool escaped(std::string& word) {
        if (rest_.empty()) {
            error_ = "there is nothing after the last backslash";
            return false;
        }
        word += rest_.front();
        rest_.remove_prefix(1);
        return true;
    }
    bool quoted(char quote, std::string& word) {
        while (!rest_.empty()) {
            const char c = rest_.front();
            rest_.remove_prefix(1);
            if (c == quote) {
                return true;
            }
            if (c == '\\' && quote == '"') {
                if (!escaped(word)) {
                    return false;
                }
            } else {
                word += c;
            }
        }
        error_ = "a quote is not closed";
        return false;
    }

    std::string_view rest_;
    std::string error_;
};

}  // namespace

Parsed<std::vector<std::string>> parse_command_line(const std::string& text) {
    std::vector<std::string> words;
    Splitter splitter(text);
    std::string word;
    while (splitter.next(word)) {
        words.push_back(word);
    }
    if (!splitter.error().empty()) {
        return std::unexpected(in_quotes(text) + ": " + splitter.error());
    }
    if (words.empty() || !words.front().starts_with('/')) {
        return std::unexpected(in_quotes(text) + ": the program is named by its absolute path");
    }
    return words;
}

std::string format_command_line(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += text.empty() ? "" : " ";
        const bool plain = !word.empty() && std::ranges::all_of(word, [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                   std::string_view{"/._-=:,+@%"}.find(c) != std::string_view::npos;
        });
        if (plain) {
            text += word;
            continue;
        }
        // Single quotes; outside of them and after a backslash what would end them, or begin a
        // comment: no # or ; follows a blank, so that the whole needs no quotes.
        text += '\'';
        for (const char c : word) {
            const bool outside = c == '\'' || c == '#' || c == ';';
            text += outside ? std::string{"'\\"} + c + '\'' : std::string{c};
        }
        text += '\'';
    }
    return text;
}

Parsed<std::string> parse_unit(const std::string& text) {
    const bool fits = !text.empty() && text.size() < 256 &&
                      std::ranges::all_of(
                          text,
                          [](char c) {
                              return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                                     (c >= 'A' && c <= 'Z') ||
                                     std::string_view{":-_.\\@"}.find(c) != std::string_view::npos;
                          });
    if (!fits) {
        return std::unexpected(in_quotes(text) + " is not the name of a systemd unit");
    }
    return text.find('.') == std::string::npos ? text + ".service" : text;
}

}  // namespace understudy::config
