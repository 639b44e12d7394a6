#include "tests/unit/metrics/exposition_reader.hpp"

#include <cmath>
#include <cstdlib>
#include <regex>
#include <sstream>

namespace understudy::metrics {

namespace {

bool is_name(const std::string& text) {
    static const std::regex form("[a-zA-Z_:][a-zA-Z0-9_:]*");
    return std::regex_match(text, form);
}

std::set<std::string> suffixes_of(const std::string& type, Format format) {
    if (type == "histogram") {
        return {"_bucket", "_sum", "_count"};
    }
    if (format == Format::open_metrics && type == "counter") {
        return {"_total"};
    }
    if (format == Format::open_metrics && type == "info") {
        return {"_info"};
    }
    return {""};
}

}  // namespace

ExpositionReader::ExpositionReader(const std::string& text, Format format) : format_(format) {
    if (text.empty() || text.back() != '\n') {
        complain("the text does not end with a line break");
    }
    std::istringstream lines(text);
    std::string line;
    std::string last;
    while (std::getline(lines, line)) {
        if (last == "# EOF") {
            complain("something follows # EOF");
        }
        read_line(line);
        last = line;
    }
    if ((last == "# EOF") != (format_ == Format::open_metrics)) {
        complain("# EOF is the end of OpenMetrics, and of nothing else");
    }
    check_histograms();
}

void ExpositionReader::read_line(const std::string& line) {
    if (line.empty()) {
        complain("an empty line");
    } else if (line == "# EOF") {
        return;
    } else if (line.front() == '#') {
        read_comment(line);
    } else {
        read_sample(line);
    }
}

// A family is one block: its descriptions, then its samples.
void ExpositionReader::read_comment(const std::string& line) {
    std::istringstream words(line);
    std::string hash, kind, name, rest;
    words >> hash >> kind >> name;
    std::getline(words, rest);
    rest.erase(0, 1);
    if (!is_name(name)) {
        complain("no name: " + line);
    }
    if (family_ != name) {
        if (!begun_.insert(name).second) {
            complain("a family comes twice: " + name);
        }
        family_ = name;
    } else if (!samples_.empty() && samples_.back().name.starts_with(name) && kind != "UNIT" &&
               types_.contains(name) && kind == "TYPE") {
        complain("TYPE comes twice or after samples: " + name);
    }
    if (kind == "TYPE") {
        types_[name] = rest;
    } else if (kind == "UNIT") {
        if (format_ != Format::open_metrics || !name.ends_with("_" + rest)) {
            complain("the unit is not the end of the name: " + line);
        }
    } else if (kind != "HELP" || rest.empty()) {
        complain("neither HELP nor TYPE nor UNIT: " + line);
    }
}

bool ExpositionReader::read_labels(const std::string& line, std::size_t& at, Sample& sample) {
    while (line.at(at) != '}') {
        ++at;  // '{' or ','
        const auto equals = line.find("=\"", at);
        const std::string name = line.substr(at, equals - at);
        if (equals == std::string::npos || !is_name(name) || name.starts_with("__")) {
            return false;
        }
        std::string value;
        for (at = equals + 2; line.at(at) != '"'; ++at) {
            if (line[at] == '\\') {
                ++at;
                const char escaped = line.at(at);
                if (escaped != 'n' && escaped != '\\' && escaped != '"') {
                    return false;
                }
                value += escaped == 'n' ? '\n' : escaped;
            } else {
                value += line[at];
            }
        }
        ++at;
        if (!sample.labels.emplace(name, value).second) {
            return false;
        }
    }
    ++at;
    return true;
}

void ExpositionReader::read_sample(const std::string& line) {
    Sample sample;
    std::size_t at = line.find_first_of("{ ");
    try {
        sample.name = line.substr(0, at);
        if (!is_name(sample.name) || (line.at(at) == '{' && !read_labels(line, at, sample))) {
            complain("not a sample: " + line);
            return;
        }
        const std::string value = line.substr(at);
        char* end = nullptr;
        sample.value = std::strtod(value.c_str() + 1, &end);
        if (value.front() != ' ' || end == value.c_str() + 1 || *end != '\0') {
            complain("not a value: " + line);
        }
    } catch (const std::out_of_range&) {
        complain("cut off: " + line);
        return;
    }
    if (!series_.insert(line.substr(0, at)).second) {
        complain("a series comes twice: " + line);
    }
    check_name(sample);
    samples_.push_back(std::move(sample));
}

void ExpositionReader::check_name(const Sample& sample) {
    const std::string& type = types_[family_];
    bool fits = false;
    for (const std::string& suffix : suffixes_of(type, format_)) {
        fits = fits || sample.name == family_ + suffix;
    }
    if (!fits) {
        complain(sample.name + " is no sample of the " + type + " " + family_);
    }
    const bool counts = type == "counter" || type == "histogram";
    if (counts && (sample.value < 0 || std::isnan(sample.value))) {
        complain(sample.name + " counts down");
    }
    if (type == "counter" && !sample.name.ends_with("_total")) {
        complain(sample.name + " is a counter without _total");
    }
}

// Buckets grow, have +Inf as the last one, and that is the count.
void ExpositionReader::check_histograms() {
    double before = -1;
    double bound_before = -INFINITY;
    for (const Sample& sample : samples_) {
        if (sample.name.ends_with("_bucket")) {
            const double bound = std::strtod(sample.labels.at("le").c_str(), nullptr);
            if (bound <= bound_before || sample.value < before) {
                complain("the buckets do not grow: " + sample.name);
            }
            before = sample.value;
            bound_before = bound;
        } else if (sample.name.ends_with("_sum") && !std::isinf(bound_before)) {
            complain("no bucket for +Inf: " + sample.name);
        } else if (sample.name.ends_with("_count")) {
            if (sample.value != before) {
                complain("the last bucket is not the count: " + sample.name);
            }
            before = -1;
            bound_before = -INFINITY;
        }
    }
}

std::optional<double> ExpositionReader::value(
    const std::string& name, const std::map<std::string, std::string>& labels) const {
    for (const Sample& sample : samples_) {
        bool same = sample.name == name;
        for (const auto& [label, text] : labels) {
            const auto found = sample.labels.find(label);
            same = same && found != sample.labels.end() && found->second == text;
        }
        if (same) {
            return sample.value;
        }
    }
    return std::nullopt;
}

std::size_t ExpositionReader::count(const std::string& name) const {
    std::size_t count = 0;
    for (const Sample& sample : samples_) {
        count += sample.name == name ? 1U : 0U;
    }
    return count;
}

}  // namespace understudy::metrics
