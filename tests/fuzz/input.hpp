// The bytes of a fuzzer as a row of decisions. Where they end, every decision is the first choice.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

namespace understudy::fuzz {

class Input {
public:
    explicit Input(std::span<const std::uint8_t> rest) : rest_(rest) {}

    bool is_over() const { return rest_.empty(); }
    std::uint8_t byte() {
        if (rest_.empty()) {
            return 0;
        }
        const std::uint8_t value = rest_.front();
        rest_ = rest_.subspan(1);
        return value;
    }
    std::uint32_t number() {
        std::uint32_t value = 0;
        for (int i = 0; i < 4; ++i) {
            value = value << 8U | byte();
        }
        return value;
    }
    // 0..limit-1; limit is 1..256.
    std::size_t below(std::size_t limit) { return byte() % limit; }
    bool flag() { return below(2) == 1; }
    bool rarely() { return byte() >= 240; }
    template <class Value>
    Value pick(std::initializer_list<Value> values) {
        return values.begin()[below(values.size())];
    }
    // A block of just that size, so that AddressSanitizer sees a read behind its end.
    std::vector<std::byte> take(std::size_t size) {
        const auto front = std::as_bytes(rest_.first(std::min(size, rest_.size())));
        rest_ = rest_.subspan(front.size());
        return {front.begin(), front.end()};
    }
    std::vector<std::byte> take_all() { return take(rest_.size()); }

private:
    std::span<const std::uint8_t> rest_;
};

}  // namespace understudy::fuzz
