#include "agent/import/reader.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "agent/config/values.hpp"
#include "agent/import/lines.hpp"

namespace understudy::importer {

namespace {

constexpr std::string_view blanks = " \t";
constexpr int deepest_expansion = 64;

std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

bool has_control_character(std::string_view text) {
    return std::ranges::any_of(text, [](char character) {
        const auto byte = static_cast<unsigned char>(character);
        return (byte < 0x20 && byte != '\t') || byte == 0x7f;
    });
}

std::string_view first_word(std::string_view line) {
    return line.substr(0, line.find_first_of(blanks));
}

// Only a definition keeps its line breaks.
std::string in_one_line(std::string text) {
    std::string_view rest = text;
    while (rest.starts_with('@')) {
        rest = trim(rest.substr(first_word(rest).size()));
    }
    if (definition_length(rest) == 0) {
        std::ranges::replace(text, '\n', ' ');
    }
    return text;
}

bool is_include(std::string_view line) {
    static const std::set<std::string_view> words = {"include",  "includer", "includem",
                                                     "includew", "includeb", "includea"};
    return words.contains(first_word(line));
}

class Reader {
public:
    Reader(std::string id, const config::Surroundings& surroundings, Notes& notes)
        : id_(std::move(id)), surroundings_(surroundings), notes_(notes) {}

    void file(const std::string& path, std::string_view text, int depth);
    const std::vector<Token>& tokens() const { return tokens_; }
    std::vector<std::string> take_files() { return std::move(files_); }

private:
    void line(const Place& place, std::string text, int depth);
    void lines(const Place& place, std::string_view text, int depth);
    bool applies(std::string& text) const;
    bool is_skipped(const Place& place, const std::string& text);
    bool substitute(std::string& text);
    std::optional<std::string> parameter(const std::string& name) const;
    void include(const Place& place, const std::string& text, int depth);
    void include_file(const Place& place, const std::string& path, int depth);
    bool spend(const Place& place, std::size_t size);
    void split(const Place& place, const std::string& text);

    std::string id_;
    const config::Surroundings& surroundings_;
    Notes& notes_;
    std::vector<Token> tokens_;
    std::vector<std::string> files_;
    std::map<std::string, std::string> parameters_;
    std::set<std::string> open_;
    std::string directory_ = ".";
    std::size_t included_ = 0;
    std::size_t spent_ = 0;
};

// False once there is too much of it all.
bool Reader::spend(const Place& place, std::size_t size) {
    constexpr std::size_t overhead = 64;  // an empty line is work, too
    if (spent_ > most_text) {
        return false;
    }
    spent_ += size + overhead;
    if (spent_ > most_text) {
        notes_.add(Severity::error, place,
                   "with its parameters and includes the text is larger than 8 MiB; what follows "
                   "is not read");
        return false;
    }
    return true;
}

void Reader::file(const std::string& path, std::string_view text, int depth) {
    Place place{path, 0, 1};
    files_.push_back(path);
    open_.insert(path);
    const std::string directory_before = std::exchange(directory_, directory_of(path));
    std::string whole;  // a line and those that continue it
    Place start = place;
    bool continues = false;
    while (!text.empty()) {
        ++place.line;
        const auto end = text.find('\n');
        std::string one = without_comment(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (one.empty()) {
            continue;  // also between the lines of a definition
        }
        start = continues ? start : place;
        continues = one.ends_with('\\');
        if (continues) {
            one.pop_back();
        }
        whole += (whole.empty() ? "" : "\n") + std::string{trim(one)};
        if (!continues) {
            line(start, in_one_line(std::exchange(whole, {})), depth);
        }
        if (spent_ > most_text) {
            break;
        }
    }
    line(start, in_one_line(whole), depth);
    directory_ = directory_before;
    open_.erase(path);
}

// "@id rest", "@^id rest": whether the rest counts on this node. A line without one does.
bool Reader::applies(std::string& text) const {
    while (text.starts_with('@')) {
        const std::string condition{first_word(text)};
        const bool negative = condition.starts_with("@^");
        if ((condition.substr(negative ? 2 : 1) == id_) == negative) {
            return false;
        }
        text = std::string{trim(std::string_view{text}.substr(condition.size()))};
    }
    return true;
}

// What is not understood as a line of its own.
bool Reader::is_skipped(const Place& place, const std::string& text) {
    if (!text.starts_with("~SEQ") && !text.starts_with("~LST")) {
        return false;
    }
    notes_.add(Severity::error, place,
               config::in_quotes(text) +
                   ": sequences and lists are not converted; write out the lines that they stand "
                   "for, and import again");
    return true;
}

std::optional<std::string> Reader::parameter(const std::string& name) const {
    constexpr std::string_view environment = "_ENV ";
    if (name.starts_with(environment) && surroundings_.environment) {
        return surroundings_.environment(
            std::string{trim(std::string_view{name}.substr(environment.size()))});
    }
    const std::map<std::string, std::string> predefined = {
        {"_PWD", directory_}, {"_INSTANCE", id_}, {"_HASH", "#"}, {"_BANG", "!"}};
    for (const auto* known : {&parameters_, &predefined}) {
        if (const auto found = known->find(name); found != known->end()) {
            return found->second;
        }
    }
    return std::nullopt;
}

// Replaces the first parameter that is defined; false if there is none.
bool Reader::substitute(std::string& text) {
    for (auto at = text.find('$'); at != std::string::npos; at = text.find('$', at + 1)) {
        const bool braces = text.compare(at, 2, "${") == 0;
        std::size_t end = at + 1;
        if (braces) {
            end = text.find('}', at);
            if (end == std::string::npos) {
                return false;
            }
        } else {
            while (end < text.size() && is_parameter_character(text[end], end == at + 1)) {
                ++end;
            }
            if (end < text.size() && blanks.find(text[end]) == std::string_view::npos &&
                text[end] != '\n') {
                continue;  // without braces, only before a blank
            }
        }
        const std::size_t start = at + (braces ? 2 : 1);
        const auto value = parameter(text.substr(start, end - start));
        if (value) {
            text.replace(at, end + (braces ? 1 : 0) - at, *value);
            return true;
        }
    }
    return false;
}

void Reader::line(const Place& place, std::string text, int depth) {
    if (is_include(text)) {
        if (spend(place, text.size())) {
            include(place, text, depth);
        }
        return;
    }
    bool is_expanded = false;
    while (spend(place, text.size())) {
        if (text.size() > longest_line || depth > deepest_expansion) {
            notes_.add(Severity::error, place, "with its parameters the line is too long");
            return;
        }
        if (is_expanded && text.contains('\n')) {
            lines(place, text, depth);
            return;
        }
        if (!applies(text) || text.empty() || is_skipped(place, text)) {
            return;
        }
        if (const std::size_t length = definition_length(text); length > 0) {
            parameters_[text.substr(1, length - 2)] = text.substr(length);
            return;
        }
        if (!substitute(text)) {
            split(place, text);
            return;
        }
        is_expanded = true;
        text = std::string{trim(text)};
    }
}

// What a parameter of several lines stands for.
void Reader::lines(const Place& place, std::string_view text, int depth) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        line(place, std::string{trim(text.substr(0, end))}, depth + 1);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
}

void Reader::split(const Place& place, const std::string& text) {
    if (has_control_character(text)) {
        notes_.add(Severity::error, place, "the line has a control character; it is left out");
        return;
    }
    const auto undefined = text.find("${");
    if (undefined != std::string::npos && undefined + 2 < text.size() &&
        is_parameter_character(text[undefined + 2], true)) {
        notes_.add(Severity::warning, place,
                   "a parameter that is not defined, or not known: " + config::in_quotes(text));
    }
    if (!split_line(text, place, tokens_)) {
        notes_.add(Severity::warning, place, "a quote is not closed");
    }
}

void Reader::include(const Place& place, const std::string& text, int depth) {
    std::vector<Token> words;
    split_line(text, place, words);
    if (words.size() < 3 || words[1].kind != Token::Kind::word) {
        notes_.add(Severity::warning, place, "include without the name of a file");
        return;
    }
    std::string pattern = words[1].text;
    if (!pattern.starts_with('/') && directory_ != ".") {
        pattern.insert(0, directory_ + '/');
    }
    std::string error;
    auto files =
        surroundings_.glob ? surroundings_.glob(pattern, error) : std::vector<std::string>{};
    std::ranges::sort(files);
    if (files.empty()) {
        notes_.add(Severity::warning, place,
                   "include: there is no file " + config::in_quotes(pattern) +
                       (error.empty() ? "" : ": " + error));
    }
    for (const std::string& path : files) {
        include_file(place, path, depth);
    }
}

void Reader::include_file(const Place& place, const std::string& path, int depth) {
    if (depth >= deepest_include || included_ == most_includes || open_.contains(path)) {
        notes_.add(Severity::error, place,
                   path + " is not read: includes are nested too deep, too many, or in a circle");
        return;
    }
    ++included_;
    std::string error = "cannot be read";
    const auto text = surroundings_.read ? surroundings_.read(path, error) : std::nullopt;
    if (!text || text->size() > config::largest_file) {
        notes_.add(Severity::error, place,
                   path + ": " + (text ? "is larger than 1 MiB" : error) + "; it is missing here");
        return;
    }
    file(path, *text, depth + 1);
}

}  // namespace

Source read(const std::string& path, std::string_view text, const std::string& id,
            const config::Surroundings& surroundings, Notes& notes) {
    Reader reader(id, surroundings, notes);
    reader.file(path, text, 0);
    return {build_statements(reader.tokens(), notes), reader.take_files()};
}

}  // namespace understudy::importer
