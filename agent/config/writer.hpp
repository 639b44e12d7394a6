// Lines of a configuration.
#pragma once

#include <string>
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
    // A value that could be taken for something else is put in quotes.
    void text(const std::string& name, std::string value) {
        for (auto at = value.find("${"); at != std::string::npos; at = value.find("${", at + 3)) {
            value.insert(at, "$");  // not a variable
        }
        const bool plain = value.find_first_of("#;") == std::string::npos &&
                           !value.starts_with('"') && !value.starts_with(' ') &&
                           !value.ends_with(' ');
        key(name, plain ? value : '"' + value + '"');
    }
    void yes_no(const std::string& name, bool value) { key(name, value ? "yes" : "no"); }
    void duration(const std::string& name, Duration value) { key(name, format_duration(value)); }
    void number(const std::string& name, int value) { key(name, std::to_string(value)); }
    void word(const std::string& name, const std::vector<std::string>& words, std::size_t index) {
        key(name, words.at(index));
    }
    std::string take() { return std::move(text_); }

private:
    std::string text_;
};

}  // namespace understudy::config
