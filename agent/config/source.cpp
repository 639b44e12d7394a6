#include "agent/config/source.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "agent/config/values.hpp"
#include "agent/config/writer.hpp"
#include "base/text.hpp"

namespace understudy::config {

namespace {

// Up to the comment, which starts at the beginning or after a blank.
std::string_view without_comment(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool starts = i == 0 || blanks_of_a_line.find(text[i - 1]) != std::string_view::npos;
        if (starts && (text[i] == '#' || text[i] == ';')) {
            return text.substr(0, i);
        }
    }
    return text;
}

bool has_control_character(std::string_view text) {
    return std::ranges::any_of(text, [](char character) {
        const auto byte = static_cast<unsigned char>(character);
        return (byte < 0x20 && byte != '\t') || byte == 0x7f;
    });
}

// The directory of the including file; "" for a bare name.
std::string beside(const std::string& including, const std::string& pattern) {
    const auto slash = including.rfind('/');
    if (pattern.starts_with('/') || slash == std::string::npos) {
        return pattern;
    }
    return including.substr(0, slash + 1) + pattern;
}

// The same file under another spelling ("./a", "a") is still the same.
std::string identity(const std::string& path) {
    return std::filesystem::path(path).lexically_normal().string();
}

class Reader {
public:
    Reader(const Surroundings& surroundings, Diagnostics& diagnostics)
        : surroundings_(surroundings), diagnostics_(diagnostics) {}

    void read(const std::string& path, std::string_view text, int depth);
    Source take() { return std::move(source_); }

private:
    void line(const Place& place, std::string_view text, int depth);
    void section(const Place& place, std::string_view text);
    void assignment(const Place& place, std::string_view text, int depth);
    std::optional<std::string> value_of(const Place& place, std::string_view text);
    std::optional<std::string> expand(const Place& place, std::string_view value);
    void include(const Place& place, const std::string& pattern, int depth);
    void include_file(const Place& place, const std::string& file, int depth);
    void complain(const Place& place, std::string message) {
        diagnostics_.push_back({place, std::move(message), Severity::error});
    }

    const Surroundings& surroundings_;
    Diagnostics& diagnostics_;
    Source source_;
    std::optional<std::size_t> current_;  // the section that keys belong to
    std::set<std::string> open_;          // files, from the first down to the one being read
    std::size_t included_ = 0;
};

void Reader::read(const std::string& path, std::string_view text, int depth) {
    Place place{path, 0, 1};
    source_.files.push_back(path);
    if (text.size() > largest_file) {
        complain({path, 1, 1}, "the file is larger than 1 MiB");
        return;
    }
    if (text.starts_with("\xef\xbb\xbf")) {  // a byte order mark, as some editors leave it
        text.remove_prefix(3);
    }
    open_.insert(identity(path));
    while (!text.empty()) {
        ++place.line;
        const auto end = text.find('\n');
        const auto one = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (one.find('\0') != std::string_view::npos) {
            complain(place, "the line has a NUL byte: this is not a text file");
            break;
        }
        if (one.size() > longest_line) {
            complain(place, "the line is longer than " + std::to_string(longest_line) + " bytes");
        } else {
            line(place, one, depth);
        }
    }
    open_.erase(identity(path));
}

void Reader::line(const Place& place, std::string_view text, int depth) {
    const auto uncommented = trim(without_comment(text));
    if (uncommented.empty()) {
        return;
    }
    Place exact = place;
    exact.column = static_cast<int>(uncommented.data() - text.data()) + 1;
    if (has_control_character(uncommented)) {
        complain(exact, "the line has a control character");
    } else if (uncommented.front() == '[') {
        section(exact, uncommented);
    } else if (uncommented.find('=') == std::string_view::npos) {
        complain(exact, "expected \"key = value\", not " + in_quotes(uncommented));
    } else {
        // With what looks like a comment: it may be inside quotes.
        assignment(exact, trim(text), depth);
    }
}

void Reader::section(const Place& place, std::string_view text) {
    const bool closed = text.ends_with(']');
    if (!closed) {
        complain(place, "a section is written [kind name], not " + in_quotes(text));
    }
    const auto inside = trim(text.substr(1, text.size() - (closed ? 2 : 1)));
    const auto blank = inside.find_first_of(blanks_of_a_line);
    Section section;
    section.place = place;
    section.kind = inside.substr(0, blank);
    if (blank != std::string_view::npos) {
        // A name that does not expand stays as it is: its keys are still worth reading.
        const auto name = trim(inside.substr(blank));
        section.name = expand(place, name).value_or(std::string{name});
    }
    current_ = source_.sections.size();
    source_.sections.push_back(std::move(section));
}

void Reader::assignment(const Place& place, std::string_view text, int depth) {
    const auto equals = text.find('=');
    Assignment assignment;
    assignment.key = trim(text.substr(0, equals));
    assignment.place = place;
    const auto value = value_of(place, text.substr(equals + 1));
    if (!value) {
        return;
    }
    assignment.value = *value;
    if (assignment.key.empty()) {
        complain(place, "there is no key before the \"=\"");
    } else if (!Writer::can_write(assignment.value)) {
        complain(place, assignment.key +
                            ": with its variables the value has a quote, and a comment sign or a "
                            "blank at an end; that cannot be written down for the runner");
    } else if (assignment.value.empty()) {
        complain(place, assignment.key + " has no value");
    } else if (assignment.key == "include") {
        include(place, assignment.value, depth);
    } else if (!current_) {
        complain(place, assignment.key + " stands before the first section");
    } else {
        source_.sections[*current_].assignments.push_back(std::move(assignment));
    }
}

// Without quotes and comment, with the environment's values.
std::optional<std::string> Reader::value_of(const Place& place, std::string_view text) {
    const auto first = text.find_first_not_of(blanks_of_a_line);
    if (first == std::string_view::npos || text[first] != '"') {
        return expand(place, trim(without_comment(text)));
    }
    const auto start = first + 1;
    const auto end = text.find('"', start);
    if (end == std::string_view::npos) {
        complain(place, "the quote is not closed: " + in_quotes(trim(text)));
        return std::nullopt;
    }
    const auto rest = text.substr(end + 1);
    if (!trim(without_comment(rest)).empty()) {
        complain(place, "after the closing quote there is still " + in_quotes(trim(rest)));
        return std::nullopt;
    }
    const auto value = text.substr(start, end - start);
    if (has_control_character(value)) {
        complain(place, "the value has a control character");
        return std::nullopt;
    }
    return expand(place, value);
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
            complain(place, "\"${\" without \"}\"; a plain \"${\" is written \"$${\"");
            return std::nullopt;
        }
        const std::string name{value.substr(start + 2, end - start - 2)};
        const auto content =
            surroundings_.environment ? surroundings_.environment(name) : std::nullopt;
        if (!content) {
            complain(place, "the environment has no variable " + in_quotes(name));
            return std::nullopt;
        }
        if (has_control_character(*content)) {
            complain(place, "the variable " + in_quotes(name) +
                                " has a line end or another control character");
            return std::nullopt;
        }
        result += std::string{value.substr(0, start)} + *content;
        value.remove_prefix(end + 1);
        if (result.size() > longest_line) {
            complain(place, "the line is longer than " + std::to_string(longest_line) +
                                " bytes with its variables");
            return std::nullopt;
        }
    }
}

void Reader::include(const Place& place, const std::string& pattern, int depth) {
    if (depth >= deepest_include) {
        complain(place, "includes are nested deeper than " + std::to_string(deepest_include));
        return;
    }
    const std::string path = beside(place.file, pattern);
    std::string error;
    auto files = surroundings_.glob ? surroundings_.glob(path, error) : std::vector<std::string>{};
    std::ranges::sort(files);
    if (!error.empty()) {
        complain(place, in_quotes(path) + ": " + error);
    } else if (files.empty() && pattern.find_first_of("*?[") == std::string::npos) {
        complain(place, "there is no file " + in_quotes(path));
    }
    for (const std::string& file : files) {
        if (included_ == most_files) {
            complain(place, "more than " + std::to_string(most_files) + " files are included");
            return;
        }
        ++included_;
        include_file(place, file, depth);
    }
}

void Reader::include_file(const Place& place, const std::string& file, int depth) {
    if (open_.contains(identity(file))) {
        complain(place, file + " includes itself");
        return;
    }
    std::string error = "cannot be read";
    const auto text = surroundings_.read ? surroundings_.read(file, error) : std::nullopt;
    if (!text) {
        complain(place, file + ": " + error);
        return;
    }
    const auto section_before = current_;
    read(file, *text, depth + 1);
    current_ = section_before;
}

}  // namespace

Source read_source(const std::string& path, std::string_view text, const Surroundings& surroundings,
                   Diagnostics& diagnostics) {
    Reader reader(surroundings, diagnostics);
    reader.read(path, text, 0);
    return reader.take();
}

}  // namespace understudy::config
