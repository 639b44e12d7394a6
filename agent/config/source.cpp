#include "agent/config/source.hpp"

#include <glob.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

namespace understudy::config {

namespace {

constexpr std::string_view blanks = " \t\r\v\f";

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// A comment starts at the beginning of a line or after a blank; not inside "…".
std::string_view without_comment(std::string_view line) {
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"') {
            quoted = !quoted;
        }
        const bool starts = i == 0 || blanks.find(line[i - 1]) != std::string_view::npos;
        if (!quoted && starts && (line[i] == '#' || line[i] == ';')) {
            return line.substr(0, i);
        }
    }
    return line;
}

class Reader {
   public:
    Reader(const Surroundings& surroundings, Diagnostics& diagnostics)
        : surroundings_(surroundings), diagnostics_(diagnostics) {}

    void read(const std::string& path, std::string_view text, int depth);
    std::vector<Section> take() { return std::move(sections_); }

   private:
    void line(const Place& place, std::string_view text, int depth);
    void section(const Place& place, std::string_view text);
    void assignment(const Place& place, std::string_view text, int depth);
    void include(const Place& place, const std::string& pattern, int depth);
    std::optional<std::string> expand(const Place& place, std::string_view value);
    void complain(const Place& place, std::string message) {
        diagnostics_.push_back({place, std::move(message), Severity::error});
    }

    const Surroundings& surroundings_;
    Diagnostics& diagnostics_;
    std::vector<Section> sections_;
    std::set<std::string> open_;
    std::size_t files_ = 0;
};

void Reader::read(const std::string& path, std::string_view text, int depth) {
    Place place{path, 0, 1};
    if (++files_ > most_files) {
        complain(place, "more than " + std::to_string(most_files) + " files are included");
        return;
    }
    if (text.size() > largest_file) {
        complain(place, "the file is larger than 1 MiB");
        return;
    }
    if (text.starts_with("\xef\xbb\xbf")) {  // a byte order mark, as some editors leave it
        text.remove_prefix(3);
    }
    open_.insert(path);
    while (!text.empty()) {
        ++place.line;
        const auto end = text.find('\n');
        const auto one = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (one.size() > longest_line) {
            complain(place, "the line is longer than " + std::to_string(longest_line) + " bytes");
        } else if (one.find('\0') != std::string_view::npos) {
            complain(place, "the line has a NUL byte");
        } else {
            line(place, one, depth);
        }
    }
    open_.erase(path);
}

void Reader::line(const Place& place, std::string_view text, int depth) {
    const auto meaning = trim(without_comment(text));
    if (meaning.empty()) {
        return;
    }
    Place exact = place;
    exact.column = static_cast<int>(meaning.data() - text.data()) + 1;
    if (meaning.front() == '[') {
        section(exact, meaning);
    } else {
        assignment(exact, meaning, depth);
    }
}

void Reader::section(const Place& place, std::string_view text) {
    Section section;
    section.place = place;
    if (text.back() != ']') {
        complain(place, "a section is written [kind name]: \"" + std::string{text} + '"');
    }
    const auto inside = trim(text.substr(1, text.size() - (text.back() == ']' ? 2 : 1)));
    const auto blank = inside.find_first_of(blanks);
    section.kind = inside.substr(0, blank);
    if (blank != std::string_view::npos) {
        section.name = trim(inside.substr(blank));
    }
    sections_.push_back(std::move(section));
}

void Reader::assignment(const Place& place, std::string_view text, int depth) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) {
        complain(place, "expected \"key = value\": \"" + std::string{text} + '"');
        return;
    }
    Assignment assignment;
    assignment.key = trim(text.substr(0, equals));
    assignment.place = place;
    auto value = trim(text.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
    }
    const auto expanded = expand(place, value);
    if (!expanded) {
        return;
    }
    assignment.value = *expanded;
    if (assignment.key.empty()) {
        complain(place, "there is no key before the \"=\"");
    } else if (assignment.value.empty()) {
        complain(place, assignment.key + " has no value");
    } else if (assignment.key == "include") {
        include(place, assignment.value, depth);
    } else if (sections_.empty()) {
        complain(place, assignment.key + " stands before the first section");
    } else {
        sections_.back().assignments.push_back(std::move(assignment));
    }
}

std::optional<std::string> Reader::expand(const Place& place, std::string_view value) {
    std::string result;
    while (true) {
        const auto start = value.find("${");
        if (start == std::string_view::npos) {
            return result + std::string{value};
        }
        if (start > 0 && value[start - 1] == '$') {  // $${ is a plain ${
            result += std::string{value.substr(0, start - 1)} + "${";
            value.remove_prefix(start + 2);
            continue;
        }
        const auto end = value.find('}', start);
        if (end == std::string_view::npos) {
            complain(place, "\"${\" without \"}\"");
            return std::nullopt;
        }
        const std::string name{value.substr(start + 2, end - start - 2)};
        const auto content = surroundings_.environment(name);
        if (!content) {
            complain(place, "the environment has no variable \"" + name + '"');
            return std::nullopt;
        }
        result += std::string{value.substr(0, start)} + *content;
        value.remove_prefix(end + 1);
    }
}

void Reader::include(const Place& place, const std::string& pattern, int depth) {
    if (depth >= deepest_include) {
        complain(place, "includes are nested deeper than " + std::to_string(deepest_include));
        return;
    }
    std::filesystem::path path{pattern};
    if (path.is_relative()) {
        path = std::filesystem::path{place.file}.parent_path() / path;
    }
    const auto files = surroundings_.glob(path.string());
    if (files.empty() && pattern.find_first_of("*?[") == std::string::npos) {
        complain(place, "there is no file \"" + path.string() + '"');
    }
    for (const std::string& file : files) {
        std::string error;
        if (open_.contains(file)) {
            complain(place, file + " includes itself");
        } else if (const auto text = surroundings_.read(file, error)) {
            read(file, *text, depth + 1);
        } else {
            complain(place, file + ": " + error);
        }
    }
}

std::optional<std::string> read_file_text(const std::string& path, std::string& error) {
    std::error_code code;
    if (std::filesystem::is_directory(path, code)) {
        error = "is a directory";
        return std::nullopt;
    }
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        error = "cannot be read";
        return std::nullopt;
    }
    std::string text(largest_file + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
}

std::vector<std::string> files_of(const std::string& pattern) {
    glob_t found{};
    std::vector<std::string> files;
    if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
        files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    }
    globfree(&found);
    return files;
}

}  // namespace

Surroundings real_surroundings() {
    Surroundings surroundings;
    surroundings.environment = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>{value};
    };
    surroundings.read = read_file_text;
    surroundings.glob = files_of;
    return surroundings;
}

std::vector<Section> read_sections(const std::string& path, std::string_view text,
                                   const Surroundings& surroundings, Diagnostics& diagnostics) {
    Reader reader(surroundings, diagnostics);
    reader.read(path, text, 0);
    return reader.take();
}

}  // namespace understudy::config
