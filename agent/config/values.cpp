#include "agent/config/values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace understudy::config {

namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units = {{
    {"us", 1}, {"ms", 1'000}, {"s", 1'000'000}, {"m", 60'000'000}, {"h", 3'600'000'000}}};

std::string quoted(std::string_view text) {
    return '"' + std::string{text} + '"';
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
        }
    }
    return row.back();
}

}  // namespace

Parsed<Duration> parse_duration(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value,
                                              std::chars_format::fixed);
    const std::string_view unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    if (error != std::errc{} || value < 0) {
        return std::unexpected(quoted(text) + " is not a duration; write one like 10ms, 1s, 5m or 2h");
    }
    if (unit.empty()) {
        return std::unexpected(quoted(text) + " has no unit; write " + std::string{text} + "ms, " +
                               std::string{text} + "s, " + std::string{text} + "m or " +
                               std::string{text} + "h");
    }
    for (const auto& [name, microseconds] : units) {
        if (unit != name) {
            continue;
        }
        const double exact = value * static_cast<double>(microseconds);
        if (exact > 1e15) {
            return std::unexpected(quoted(text) + " is too long");
        }
        return Duration{static_cast<Duration::rep>(std::llround(exact))};
    }
    return std::unexpected("the unit of " + quoted(text) + " is not one of us, ms, s, m, h");
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
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    if (!whole || value < least || value > most) {
        return std::unexpected(quoted(text) + " is not a whole number from " + std::to_string(least) +
                               " to " + std::to_string(most));
    }
    return value;
}

Parsed<bool> parse_yes_no(std::string_view text) {
    static const std::vector<std::string> words = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    const auto found = std::ranges::find(words, text);
    if (found == words.end()) {
        return std::unexpected(quoted(text) + " is not yes or no" + did_you_mean(text, words));
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
    return std::unexpected(quoted(text) + " is not one of " + list + did_you_mean(text, words));
}

std::string nearest(std::string_view text, const std::vector<std::string>& candidates) {
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(2, text.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t distance = edit_distance(text, candidate);
        if (distance < best_distance && distance < candidate.size()) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view text, const std::vector<std::string>& candidates) {
    const std::string likely = nearest(text, candidates);
    return likely.empty() ? "" : "; did you mean " + quoted(likely) + '?';
}

}  // namespace understudy::config
