// What the tests of the configuration share: short ways to read a text and to look at what was
// found.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/parse.hpp"

namespace understudy::config {

using Lines = std::vector<std::string>;

inline Result read(std::string_view text, const Surroundings& surroundings = {}) {
    return parse_text("f", text, "host", surroundings);
}

// "f:1: message" of everything that was found.
inline Lines problems_of(const Diagnostics& diagnostics) {
    Lines lines;
    for (const Diagnostic& diagnostic : diagnostics) {
        lines.push_back(to_string(diagnostic));
    }
    return lines;
}
inline Lines problems(std::string_view text, const Surroundings& surroundings = {}) {
    return problems_of(read(text, surroundings).diagnostics);
}

// A valid VIP in lines 1 to 4; the rest follows from line 5 on.
inline std::string vip_with(std::string_view rest) {
    return "[vip web]\ninterface = eth0\nvrid = 51\naddress = 192.0.2.10/24\n" + std::string{rest};
}
inline core::VipSettings vip_of(std::string_view text) {
    const Result result = read(text);
    EXPECT_THAT(problems_of(result.diagnostics), testing::IsEmpty());
    return result.configuration ? result.configuration->vips.at(0) : core::VipSettings{};
}

// Files and variables that exist in a test only. A pattern is a plain name, or one that ends in *.
struct Imagined {
    std::map<std::string, std::string> files;
    std::map<std::string, std::string> variables;

    Surroundings surroundings() const {
        Surroundings result;
        result.environment = [this](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional{found->second};
        };
        result.read = [this](const std::string& path,
                             std::string& error) -> std::optional<std::string> {
            const auto found = files.find(path);
            error = found == files.end() ? "No such file or directory" : "";
            return found == files.end() ? std::nullopt : std::optional{found->second};
        };
        result.glob = [this](const std::string& pattern, std::string&) {
            std::vector<std::string> found;
            const bool is_open = pattern.ends_with('*');
            const std::string start = pattern.substr(0, pattern.size() - (is_open ? 1 : 0));
            for (const auto& [path, content] : files) {
                if (is_open ? path.starts_with(start) : path == pattern) {
                    found.insert(found.begin(), path);  // in the wrong order
                }
            }
            return found;
        };
        return result;
    }
};

}  // namespace understudy::config
