// One thing that is wrong, or odd, in a configuration file, and where.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace understudy::config {

struct Place {
    std::string file;
    int line = 1;    // from 1, also where the file as a whole is meant
    int column = 1;  // from 1
};

// Where a section and its keys were written: key -> place; the section itself under "".
using KeyPlaces = std::map<std::string, Place>;

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
    Place place;
    std::string message;
    Severity severity = Severity::error;
};

using Diagnostics = std::vector<Diagnostic>;

// More than anybody reads; a file that is no configuration at all has a problem in every line.
inline constexpr std::size_t most_diagnostics = 1000;

inline bool has_errors(const Diagnostics& diagnostics) {
    return std::ranges::any_of(diagnostics, [](const Diagnostic& diagnostic) {
        return diagnostic.severity == Severity::error;
    });
}

// "FILE:LINE".
inline std::string to_string(const Place& place) {
    return place.file + ':' + std::to_string(place.line);
}

// "FILE:LINE: message", "FILE:LINE: warning: message".
inline std::string to_string(const Diagnostic& diagnostic) {
    return to_string(diagnostic.place) + ": " +
           (diagnostic.severity == Severity::warning ? "warning: " : "") + diagnostic.message;
}

}  // namespace understudy::config
