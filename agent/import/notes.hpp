// What the import says about a line of keepalived.conf.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/config/diagnostic.hpp"

namespace understudy::importer {

using config::Place;

enum class Severity : std::uint8_t {
    converted,  // it means the same here
    note,       // it needs no counterpart, or little changes
    warning,    // it is not converted, or works otherwise: somebody has to look at it
    error,      // a part of the configuration is missing in the result
};

constexpr std::string_view name_of(Severity severity) {
    constexpr std::string_view names[] = {"converted", "note", "warning", "error"};
    return names[static_cast<std::size_t>(severity)];
}

struct Note {
    Place place;
    Severity severity = Severity::note;
    std::string text;
};

// More than anybody reads; a file that is no keepalived.conf at all has one for every line.
inline constexpr std::size_t most_notes = 5000;

class Notes {
public:
    void add(Severity severity, const Place& place, std::string text) {
        if (notes_.size() < most_notes) {
            notes_.push_back({place, severity, std::move(text)});
        } else if (severity == Severity::error) {
            notes_.back() = {place, severity, std::move(text)};  // that there was one is not lost
        }
    }
    std::vector<Note> take() { return std::move(notes_); }

private:
    std::vector<Note> notes_;
};

}  // namespace understudy::importer
