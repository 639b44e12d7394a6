// Metrics as text, in the two forms that are read by everybody: OpenMetrics 1.0 and the text format
// of Prometheus (0.0.4). Pure.
//
// Families are written one after the other, each whole: its TYPE, HELP and UNIT, then its samples.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "agent/control/messages.hpp"

namespace understudy::metrics {

enum class Format : std::uint8_t { prometheus, open_metrics };

// For an HTTP answer.
std::string_view content_type(Format format);
// What a reader with this Accept header wants; `prometheus` for one that does not say.
Format negotiate(std::string_view accept);

enum class Kind : std::uint8_t { gauge, counter, info, histogram };

struct Family {
    std::string_view name;  // with its unit, without the "_total" or "_info" of its samples
    Kind kind;
    std::string_view help;
    std::string_view unit;  // the end of the name, if that is a unit
};

struct Label {
    std::string_view name;
    std::string_view value;
};
using Labels = std::initializer_list<Label>;

class Exposition {
public:
    explicit Exposition(Format format) : format_(format) {}

    void begin(const Family& family);
    // Samples of the family that was begun last.
    void sample(Labels labels, std::uint64_t value);
    void sample(Labels labels, double value);
    void flag(Labels labels, bool value) { sample(labels, std::uint64_t{value}); }
    void histogram(Labels labels, const control::Histogram& histogram);

    // The whole text; this is at its end then.
    std::string finish();

private:
    void line(std::string_view suffix, Labels labels, Label last, std::string_view value);

    Format format_;
    std::string name_;  // of the samples of this family
    std::string text_;
};

}  // namespace understudy::metrics
