// What strangers must not be able to guess.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

namespace understudy::checks {

// From the kernel (getrandom(2)), without waiting. Throws std::runtime_error where it has none.
void fill_randomly(std::span<std::byte> bytes);

template <class Value>
Value random_value() {
    static_assert(std::is_trivially_copyable_v<Value>);
    Value value{};
    fill_randomly(std::as_writable_bytes(std::span{&value, 1}));
    return value;
}

}  // namespace understudy::checks
