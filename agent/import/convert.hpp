// keepalived.conf -> understudy.conf, with a note for every line of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/config/source.hpp"
#include "agent/import/notes.hpp"

namespace understudy::importer {

struct Result {
    std::string text;         // a valid configuration; empty if there is no VIP in it
    std::vector<Note> notes;  // in the order of the lines
    std::size_t vips = 0;
    std::size_t checks = 0;

    bool has_error() const;
};

// `id` is this node's, for @id lines.
Result convert(const std::string& file_name, std::string_view text, const std::string& id,
               const config::Surroundings& surroundings);

}  // namespace understudy::importer
