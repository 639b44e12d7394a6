// Text -> validated configuration, or every problem with its place.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/diagnostic.hpp"
#include "agent/config/source.hpp"
#include "agent/core/configuration.hpp"

namespace understudy::config {

struct Result {
    // Nothing if any diagnostic is an error.
    std::optional<core::Configuration> configuration;
    // In the order in which the lines were read; warnings among them.
    Diagnostics diagnostics;
    // Where each section and its keys were written, by name. Of a repeated key: the first time.
    std::map<std::string, KeyPlaces> vips;
    std::map<std::string, KeyPlaces> services;
    std::map<std::string, KeyPlaces> checks;
    KeyPlaces agent;
    std::vector<std::string> files;  // that were read, in their order
};

// The file, what it includes, and this process's environment and host name.
Result read_file(const std::filesystem::path& file);

// The same from text, and pure unless `surroundings` is not. `host_name` is the default of `name`.
Result parse_text(const std::string& file_name, std::string_view text, const std::string& host_name,
                  const Surroundings& surroundings = {});

}  // namespace understudy::config
