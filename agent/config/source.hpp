// Text -> sections of "key = value" lines, each with its place. Comments, quotes, ${ENVIRONMENT}
// and include are dealt with here; what the keys mean is not known here.
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
inline constexpr std::size_t most_files = 256;  // included ones
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

// How the outside is reached. What is left out does not exist: no variable, no file.
struct Surroundings {
    std::function<std::optional<std::string>(const std::string& name)> environment;
    // The content, or nothing with `error` set.
    std::function<std::optional<std::string>(const std::string& path, std::string& error)> read;
    // The files that a pattern stands for, sorted; `error` is set if a directory could not be read.
    std::function<std::vector<std::string>(const std::string& pattern, std::string& error)> glob;
};

// This process's environment and file system.
Surroundings real_surroundings();

struct Source {
    std::vector<Section> sections;   // in the order in which they were read
    std::vector<std::string> files;  // likewise
};

// What is wrong is appended to `diagnostics`, and the rest is read all the same.
//
// An included file starts in the section that includes it, so that keys can be shared; the sections
// that it opens end with it.
Source read_source(const std::string& path, std::string_view text, const Surroundings& surroundings,
                   Diagnostics& diagnostics);

}  // namespace understudy::config
