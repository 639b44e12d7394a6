// Text -> sections of "key = value" lines, each with its place. Comments, ${ENVIRONMENT} and include are
// dealt with here; what the keys mean is not known here.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/diagnostic.hpp"

namespace understudy::config {

inline constexpr std::size_t largest_file = 1024 * 1024;  // bytes
inline constexpr std::size_t longest_line = 4096;
inline constexpr std::size_t most_files = 256;
inline constexpr int deepest_include = 8;

struct Assignment {
    std::string key;
    std::string value;
    Place place;
};

struct Section {
    std::string kind;  // "vip" of [vip web]
    std::string name;  // "web"; empty for [agent]
    Place place;
    std::vector<Assignment> assignments;
};

// How the outside is reached; replaced in tests.
struct Surroundings {
    std::function<std::optional<std::string>(const std::string& name)> environment;
    // The content, or nothing with `error` set.
    std::function<std::optional<std::string>(const std::string& path, std::string& error)> read;
    // The files that a pattern stands for, sorted.
    std::function<std::vector<std::string>(const std::string& pattern)> glob;
};

// This process's environment and file system.
Surroundings real_surroundings();

// Every section in order; what is wrong is appended to `diagnostics`, and the rest is read all the same.
std::vector<Section> read_sections(const std::string& path, std::string_view text,
                                   const Surroundings& surroundings, Diagnostics& diagnostics);

}  // namespace understudy::config
