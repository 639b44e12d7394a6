#include "agent/metrics/exposition.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace understudy::metrics {

namespace {

std::string_view type_name(Kind kind, Format format) {
    switch (kind) {
        case Kind::gauge:
            return "gauge";
        case Kind::counter:
            return "counter";
        case Kind::info:
            return format == Format::open_metrics ? "info" : "gauge";
        case Kind::histogram:
            return "histogram";
    }
    return "unknown";
}

std::string_view suffix_of(Kind kind) {
    switch (kind) {
        case Kind::counter:
            return "_total";
        case Kind::info:
            return "_info";
        default:
            return {};
    }
}

std::string escaped(std::string_view text, bool quotes) {
    std::string escaped;
    for (const char c : text) {
        if (c == '\\') {
            escaped += "\\\\";
        } else if (c == '\n') {
            escaped += "\\n";
        } else if (c == '"' && quotes) {
            escaped += "\\\"";
        } else {
            escaped += c;
        }
    }
    return escaped;
}

std::string number(double value) {
    if (std::isnan(value)) {
        return "NaN";
    }
    if (std::isinf(value)) {
        return value > 0 ? "+Inf" : "-Inf";
    }
    std::array<char, 32> text{};
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
    return {text.data(), end};
}

// OpenMetrics wants "1.0"; the same text in both forms keeps a series one series.
std::string bound(double value) {
    std::string text = number(value);
    return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
}

}  // namespace

std::string_view content_type(Format format) {
    return format == Format::open_metrics
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

// The form of Prometheus has the suffix in the name of the family, OpenMetrics has not.
void Exposition::begin(const Family& family) {
    name_ = std::string{family.name} + std::string{suffix_of(family.kind)};
    const bool open = format_ == Format::open_metrics;
    const std::string shown = open ? std::string{family.name} : name_;
    text_ += "# HELP " + shown + ' ' + escaped(family.help, open) + '\n';
    text_ += "# TYPE " + shown + ' ' + std::string{type_name(family.kind, format_)} + '\n';
    if (open && !family.unit.empty()) {
        text_ += "# UNIT " + shown + ' ' + std::string{family.unit} + '\n';
    }
}

void Exposition::line(std::string_view suffix, Labels labels, Label last, std::string_view value) {
    text_ += name_;
    text_ += suffix;
    char before = '{';
    const auto add = [&](const Label& label) {
        text_ += before;
        text_ += label.name;
        text_ += "=\"";
        text_ += escaped(label.value, true);
        text_ += '"';
        before = ',';
    };
    for (const Label& label : labels) {
        add(label);
    }
    if (!last.name.empty()) {
        add(last);
    }
    text_ += before == ',' ? "} " : " ";
    text_ += value;
    text_ += '\n';
}

void Exposition::sample(Labels labels, std::uint64_t value) {
    line({}, labels, {}, std::to_string(value));
}

void Exposition::sample(Labels labels, double value) {
    line({}, labels, {}, number(value));
}

void Exposition::histogram(Labels labels, const control::Histogram& histogram) {
    if (histogram.counts.empty()) {  // of an agent that does not count this
        line("_bucket", labels, {"le", "+Inf"}, "0");
    }
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        count += histogram.counts[i];
        const bool last = i >= histogram.bounds.size();
        line("_bucket", labels, {"le", last ? "+Inf" : bound(histogram.bounds[i])},
             std::to_string(count));
    }
    line("_sum", labels, {}, number(histogram.sum));
    line("_count", labels, {}, std::to_string(count));
}

std::string Exposition::finish() {
    if (format_ == Format::open_metrics) {
        text_ += "# EOF\n";
    }
    return std::move(text_);
}

}  // namespace understudy::metrics
