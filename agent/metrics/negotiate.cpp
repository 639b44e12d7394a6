// Which form a scraper asks for (RFC 9110 12.5.1, as far as it matters here).
#include <algorithm>
#include <charconv>

#include "agent/metrics/exposition.hpp"
#include "base/text.hpp"

namespace understudy::metrics {

namespace {

// RFC 9110 5.6.3.
constexpr std::string_view optional_whitespace = " \t";

// What stands before the separator, which is taken away with it.
std::string_view take(std::string_view& text, char separator) {
    const auto end = text.find(separator);
    const std::string_view part = trim(text.substr(0, end), optional_whitespace);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    return part;
}

struct Range {
    std::string type;
    std::string version;
    double quality = 1;
};

Range read_range(std::string_view text) {
    Range range;
    range.type = lower_case(take(text, ';'));
    while (!text.empty()) {
        std::string_view parameter = take(text, ';');
        const std::string name = lower_case(take(parameter, '='));
        std::string_view value = parameter;
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
            value = value.substr(1, value.size() - 2);
        }
        if (name == "version") {
            range.version = value;
        } else if (name == "q") {
            const auto [end, error] =
                std::from_chars(value.data(), value.data() + value.size(), range.quality);
            range.quality = error == std::errc{} ? range.quality : 0;
        }
    }
    return range;
}

}  // namespace

Format negotiate(std::string_view accept) {
    double open_metrics = 0;
    double prometheus = 0;
    while (!accept.empty()) {
        const Range range = read_range(take(accept, ','));
        const bool ours = range.version.empty() || range.version == "1.0.0";
        if (range.type == "application/openmetrics-text" && ours) {
            open_metrics = std::max(open_metrics, range.quality);
        } else if (range.type == "text/plain") {
            prometheus = std::max(prometheus, range.quality);
        }
    }
    return open_metrics > 0 && open_metrics >= prometheus ? Format::open_metrics
                                                          : Format::prometheus;
}

}  // namespace understudy::metrics
