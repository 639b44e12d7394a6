#include "agent/config/values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/text.hpp"

namespace understudy::config {

namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units = {
    {{"us", 1}, {"ms", 1'000}, {"s", 1'000'000}, {"m", 60'000'000}, {"h", 3'600'000'000}}};
// Far beyond every limit of a key, and small enough that nothing below overflows.
constexpr std::int64_t longest_duration = 1'000'000'000'000'000;  // microseconds, 31 years
constexpr std::size_t longest_quote = 80;
constexpr std::string_view digits = "0123456789";
constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

// All of it, or nothing if it is no number or too large.
std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t value = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, value);
    if (error != std::errc{} || end != last) {
        return std::nullopt;
    }
    return value;
}

// `number` (digits, perhaps with a point) times `unit` in whole microseconds. Not in floating
// point, which knows infinity, "nan", and a 0.1 that is not 0.1.
Parsed<Duration> scaled(std::string_view text, std::string_view number, std::int64_t unit) {
    const auto point = number.find('.');
    auto fraction = point == std::string_view::npos ? std::string_view{} : number.substr(point + 1);
    while (fraction.ends_with('0')) {
        fraction.remove_suffix(1);
    }
    const auto whole = whole_number(number.substr(0, point));
    if (!whole || *whole > longest_duration / unit) {
        return std::unexpected(in_quotes(text) + " is too long");
    }
    std::int64_t result = *whole * unit;
    std::int64_t rest = unit;
    for (const char digit : fraction) {
        if (rest % 10 != 0) {
            return std::unexpected(in_quotes(text) + " is finer than a microsecond");
        }
        rest /= 10;
        result += rest * (digit - '0');
    }
    return Duration{result};
}

bool is_decimal(std::string_view text) {
    const auto point = text.find('.');
    const bool has_fraction = point != std::string_view::npos;
    return !text.empty() && point != 0 &&
           (!has_fraction ||
            (point + 1 < text.size() && text.find('.', point + 1) == std::string_view::npos));
}

// Insertions, deletions, replacements, and two neighbours that changed places, each counted once.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_last;
    std::vector<std::size_t> last;
    for (std::size_t j = 0; j <= b.size(); ++j) {
        last.push_back(j);
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::vector<std::size_t> row = {i};
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            std::size_t distance = std::min({last[j] + 1, row.back() + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                distance = std::min(distance, before_last[j - 2] + 1);
            }
            row.push_back(distance);
        }
        before_last = std::exchange(last, std::move(row));
    }
    return last.back();
}

}  // namespace

Parsed<Duration> parse_duration(std::string_view text) {
    const auto number = text.substr(0, text.find_first_not_of("0123456789."));
    const auto unit = text.substr(number.size());
    if (!is_decimal(number)) {
        return std::unexpected(in_quotes(text) +
                               " is not a duration; write one like 10ms, 1s, 5m or 2h");
    }
    if (unit.empty()) {
        const std::string bare{number.substr(0, longest_quote)};
        return std::unexpected(in_quotes(text) + " has no unit; write " + bare + "ms, " + bare +
                               "s, " + bare + "m or " + bare + 'h');
    }
    for (const auto& [name, microseconds] : units) {
        if (unit == name) {
            return scaled(text, number, microseconds);
        }
    }
    return std::unexpected("the unit of " + in_quotes(text) + " is not one of us, ms, s, m, h");
}

Parsed<std::string> parse_user(const std::string& text) {
    constexpr std::size_t longest_user = 31;
    const bool fits = text.size() <= longest_user && !text.empty() && text.front() != '-' &&
                      text.find_first_of(" \t:/\"'$\\#;") == std::string::npos;
    if (!fits) {
        return std::unexpected(in_quotes(text) + " is not the name of a user");
    }
    return text;
}

std::string format_duration(Duration duration) {
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
        if (duration.count() % unit->second == 0 && duration.count() != 0) {
            return std::to_string(duration.count() / unit->second) + std::string{unit->first};
        }
    }
    return "0s";
}

Parsed<int> parse_number(std::string_view text, int least, int most) {
    const auto value = whole_number(text);
    if (!value || *value < least || *value > most) {
        return std::unexpected(in_quotes(text) + " is not a whole number from " +
                               std::to_string(least) + " to " + std::to_string(most));
    }
    return static_cast<int>(*value);
}

Parsed<bool> parse_yes_no(std::string_view text) {
    static const std::vector<std::string> words = {"no",  "yes", "false", "true",
                                                   "off", "on",  "0",     "1"};
    const auto found = std::ranges::find(words, text);
    if (found == words.end()) {
        return std::unexpected(in_quotes(text) + " is not yes or no" + did_you_mean(text, words));
    }
    return (found - words.begin()) % 2 == 1;
}

Parsed<std::size_t> parse_word(std::string_view text, const std::vector<std::string>& words) {
    const auto found = std::ranges::find(words, text);
    if (found != words.end()) {
        return static_cast<std::size_t>(found - words.begin());
    }
    std::string list;
    for (const std::string& word : words) {
        list += (list.empty() ? "" : ", ") + word;
    }
    return std::unexpected(in_quotes(text) + " is not one of " + list + did_you_mean(text, words));
}

Parsed<std::string> parse_name(std::string_view text) {
    const std::string allowed = std::string{letters} + std::string{digits} + "._:-";
    if (text.empty() || text.size() > longest_name || text.front() == '-' ||
        text.find_first_not_of(allowed) != std::string_view::npos) {
        return std::unexpected(in_quotes(text) + " is not a name: at most " +
                               std::to_string(longest_name) +
                               " letters, digits and . _ : - with no - in front");
    }
    return std::string{text};
}

std::string after_blanks(const std::string& text, std::size_t from) {
    const auto first = text.find_first_not_of(" \t", from);
    return first == std::string::npos ? "" : text.substr(first);
}

std::string in_quotes(std::string_view text) {
    if (text.size() > longest_quote) {
        return '"' + std::string{text.substr(0, longest_quote)} + "…\"";
    }
    return '"' + std::string{text} + '"';
}

std::string nearest(std::string_view text, const std::vector<std::string>& candidates) {
    if (text.size() > longest_quote) {
        return {};
    }
    const std::string lower = lower_case(text);
    std::string best;
    // One slip in a short word, two in a longer one: more than that is another word.
    std::size_t best_distance =
        (text.size() <= 3 ? 1 : std::max<std::size_t>(2, text.size() / 3)) + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t distance = edit_distance(lower, candidate);
        if (distance < best_distance && distance < candidate.size()) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view text, const std::vector<std::string>& candidates) {
    const std::string likely = nearest(text, candidates);
    return likely.empty() ? "" : "; did you mean " + in_quotes(likely) + '?';
}

}  // namespace understudy::config
