// Lines of a configuration.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/config/values.hpp"

namespace understudy::config {

class Writer {
public:
    void section(const std::string& title) {
        text_ += (text_.empty() ? "[" : "\n[") + title + "]\n";
    }
    void key(const std::string& name, const std::string& value) {
        text_ += name + " = " + value + '\n';
    }
    // A value that could be taken for something else is put in quotes. One that has a quote in it
    // as well can only come out of a variable; there is no way to write it.
    static bool can_write(std::string_view value) {
        return !value.contains('"') || !needs_quotes(value);
    }
    void text(const std::string& name, std::string value) {
        for (auto at = value.find("${"); at != std::string::npos; at = value.find("${", at + 3)) {
            value.insert(at, "$");  // not a variable
        }
        key(name, needs_quotes(value) ? '"' + value + '"' : value);
    }
    void yes_no(const std::string& name, bool value) { key(name, value ? "yes" : "no"); }
    void duration(const std::string& name, Duration value) { key(name, format_duration(value)); }
    void number(const std::string& name, int value) { key(name, std::to_string(value)); }
    void word(const std::string& name, const std::vector<std::string>& words, std::size_t index) {
        key(name, words.at(index));
    }
    std::string take() { return std::move(text_); }

private:
    // A comment begins in front or after a blank; blanks at the ends are cut off.
    static bool needs_quotes(std::string_view value) {
        constexpr std::string_view blanks = " \t";
        bool after_blank = true;
        for (const char c : value) {
            if (after_blank && (c == '#' || c == ';')) {
                return true;
            }
            after_blank = blanks.contains(c);
        }
        return value.starts_with('"') || value.find_first_of(blanks) == 0 || after_blank;
    }

    std::string text_;
};

}  // namespace understudy::config
