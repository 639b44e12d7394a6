#include "agent/import/lines.hpp"

#include <algorithm>

namespace understudy::importer {

namespace {

// What stands in quotes, from behind the opening one; `end` is behind the closing one, or npos.
std::string quoted(std::string_view line, std::size_t start, char quote, std::size_t& end) {
    std::string text;
    for (std::size_t i = start; i < line.size(); ++i) {
        const bool escapes =
            line[i] == '\\' && i + 1 < line.size() && (line[i + 1] == quote || line[i + 1] == '\\');
        if (escapes) {
            text += line[++i];
        } else if (line[i] == quote) {
            end = i + 1;
            return text;
        } else {
            text += line[i];
        }
    }
    end = std::string_view::npos;
    return text;
}

// An apostrophe inside a word is none.
bool opens_quote(std::string_view line, std::size_t at) {
    return line[at] == '"' ||
           (line[at] == '\'' && line.find('\'', at + 1) != std::string_view::npos);
}

// The end of a word without quotes; "${NAME}" belongs to it.
std::size_t word_end(std::string_view line, std::size_t at) {
    while (at < line.size() && blanks_of_a_line.find(line[at]) == std::string_view::npos &&
           line[at] != '"' && line[at] != '{' && line[at] != '}') {
        const auto close =
            line.substr(at).starts_with("${") ? line.find('}', at) : std::string_view::npos;
        at = close == std::string_view::npos ? at + 1 + (line.substr(at).starts_with("${") ? 1 : 0)
                                             : close + 1;
    }
    return at;
}

}  // namespace

std::string without_comment(std::string_view line) {
    std::string kept;
    bool in_quotes = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == '\\' && i + 1 < line.size()) {
            const bool hides = !in_quotes && (line[i + 1] == '#' || line[i + 1] == '!');
            kept += hides ? "" : "\\";
            kept += line[++i];
            continue;
        }
        if (!in_quotes && (c == '#' || c == '!')) {
            break;
        }
        in_quotes ^= c == '"';
        kept += c;
    }
    return std::string{trim(kept)};
}

bool split_line(std::string_view line, const Place& place, std::vector<Token>& tokens) {
    std::size_t at = 0;
    bool closed = true;
    while (true) {
        at = line.find_first_not_of(blanks_of_a_line, at);
        if (at == std::string_view::npos) {
            break;
        }
        if (line[at] == '{' || line[at] == '}') {
            tokens.push_back({line[at] == '{' ? Token::Kind::open : Token::Kind::close, {}, place});
            ++at;
        } else if (opens_quote(line, at)) {
            std::size_t end = 0;
            tokens.push_back({Token::Kind::word, quoted(line, at + 1, line[at], end), place});
            closed = closed && end != std::string_view::npos;
            at = std::min(end, line.size());
        } else {
            const std::size_t end = word_end(line, at + 1);
            tokens.push_back({Token::Kind::word, std::string{line.substr(at, end - at)}, place});
            at = end;
        }
    }
    tokens.push_back({Token::Kind::line_end, {}, place});
    return closed;
}

bool is_parameter_character(char c, bool first) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

std::size_t definition_length(std::string_view line) {
    if (!line.starts_with('$')) {
        return 0;
    }
    std::size_t end = 1;
    while (end < line.size() && is_parameter_character(line[end], end == 1)) {
        ++end;
    }
    return end > 1 && end < line.size() && line[end] == '=' ? end + 1 : 0;
}

}  // namespace understudy::importer
