// What one run of a check saw.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/time.hpp"

namespace understudy::checks {

// Since the start of the run; nothing where the step did not happen.
struct Timings {
    std::optional<Duration> lookup;      // the name was resolved
    std::optional<Duration> connect;     // TCP was connected
    std::optional<Duration> tls;         // the handshake was done
    std::optional<Duration> first_byte;  // of the answer
    std::optional<Duration> total;

    bool operator==(const Timings&) const = default;
};

// Longer texts are cut when they leave the prober.
inline constexpr std::size_t longest_detail = 400;
inline constexpr std::size_t longest_output = 4000;

struct Outcome {
    bool passed = false;
    std::string detail;         // one line for people: "HTTP 200 in 1.2 ms", "connection refused"
    std::string output;         // what a script wrote, or the beginning of an answer
    std::optional<int> weight;  // the value of a `file` check with value_as_weight
    Timings timings;

    bool operator==(const Outcome&) const = default;
};

}  // namespace understudy::checks
