// The simulator's dice: the same numbers for the same seed on every machine (std's distributions
// do not promise that).
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "base/time.hpp"

namespace understudy::sim {

// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }
    // From 0 to below `end`, which is not 0.
    std::uint64_t below(std::uint64_t end) { return next() % end; }
    // Both ends belong to it.
    int between(int least, int most) {
        return least + static_cast<int>(below(static_cast<std::uint64_t>(most - least + 1)));
    }
    Duration between(Duration least, Duration most) {
        return least + Duration{static_cast<Duration::rep>(
                           below(static_cast<std::uint64_t>((most - least).count() + 1)))};
    }
    bool chance(int percent) { return below(100) < static_cast<std::uint64_t>(percent); }
    template <class T>
    T one_of(std::initializer_list<T> choices) {
        return *(choices.begin() + below(choices.size()));
    }

private:
    std::uint64_t state_;
};

}  // namespace understudy::sim
