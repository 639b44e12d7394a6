// keepalived.conf -> statements with their places. Comments, quotes, @id lines, $PARAMETERS and
// includes are dealt with here; what the words mean is not known here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/source.hpp"
#include "agent/import/notes.hpp"

namespace understudy::importer {

inline constexpr int deepest_include = 8;
inline constexpr std::size_t most_includes = 256;
inline constexpr int deepest_block = 32;
// Of text that parameters and includes can multiply; about a thousand times what people write.
inline constexpr std::size_t most_text = std::size_t{8} * 1024 * 1024;
inline constexpr std::size_t longest_line = std::size_t{64} * 1024;

// "keyword word ... { statements }"
struct Statement {
    Place place;
    std::vector<std::string> words;
    std::vector<Statement> block;
    bool has_block = false;

    const std::string& keyword() const { return words.front(); }
    // The word after the keyword; empty if there is none.
    std::string argument() const { return words.size() > 1 ? words[1] : std::string{}; }
    // As it was written, on one line, cut where it gets too long for a message.
    std::string text() const;
};

struct Token {
    enum class Kind : unsigned char { word, open, close, line_end };
    Kind kind = Kind::word;
    std::string text;
    Place place;
};

struct Source {
    std::vector<Statement> statements;
    std::vector<std::string> files;  // in the order in which they were read
};

// `id` is what keepalived's option -i would say: whose @id lines count.
Source read(const std::string& path, std::string_view text, const std::string& id,
            const config::Surroundings& surroundings, Notes& notes);

// No statement has no word.
std::vector<Statement> build_statements(const std::vector<Token>& tokens, Notes& notes);

}  // namespace understudy::importer
