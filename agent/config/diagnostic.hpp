// One thing that is wrong, or odd, in a configuration file, and where.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace understudy::config {

struct Place {
    std::string file;
    int line = 0;    // from 1; 0: the file as a whole
    int column = 1;  // from 1
};

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
    Place place;
    std::string message;
    Severity severity = Severity::error;
};

using Diagnostics = std::vector<Diagnostic>;

inline bool has_errors(const Diagnostics& diagnostics) {
    return std::ranges::any_of(diagnostics, [](const Diagnostic& diagnostic) {
        return diagnostic.severity == Severity::error;
    });
}

// "FILE:LINE: message", "FILE:LINE: warning: message".
inline std::string to_string(const Diagnostic& diagnostic) {
    return diagnostic.place.file + ':' + std::to_string(diagnostic.place.line) + ": " +
           (diagnostic.severity == Severity::warning ? "warning: " : "") + diagnostic.message;
}

}  // namespace understudy::config
