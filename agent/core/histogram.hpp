// Counts of values between fixed bounds: no allocation, a handful of comparisons for each value.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "agent/control/messages.hpp"
#include "base/state_fields.hpp"

namespace understudy::core {

// `bounds` are upper ones, included, and grow; values are whole numbers of some small unit.
template <std::size_t size, const std::array<std::int64_t, size>& bounds>
class Histogram {
public:
    void record(std::int64_t value) {
        const auto place = std::ranges::lower_bound(bounds, value) - bounds.begin();
        ++counts_.at(static_cast<std::size_t>(place));
        sum_ += value;
    }

    // `per_unit`: so many of the small unit make one of those that are shown.
    control::Histogram shown(double per_unit) const {
        control::Histogram shown;
        for (const std::int64_t bound : bounds) {
            shown.bounds.push_back(static_cast<double>(bound) / per_unit);
        }
        shown.counts.assign(counts_.begin(), counts_.end());
        shown.sum = static_cast<double>(sum_) / per_unit;
        return shown;
    }

private:
    friend struct understudy::StateFields;

    std::array<std::uint64_t, size + 1> counts_{};
    std::int64_t sum_ = 0;
};

}  // namespace understudy::core
