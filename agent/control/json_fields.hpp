// The fields of a JSON object, for a reader that passes over what it does not know: a field that is
// missing leaves its value as it was, and one of a wrong type throws.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "agent/control/json.hpp"

namespace understudy::control::fields {

using Json = nlohmann::json;

// What a reader below throws, beside the library's own errors.
struct Misfit : std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <class Value>
void read(const Json& object, const char* key, Value& value) {
    if (const auto field = object.find(key); field != object.end()) {
        field->get_to(value);
    }
}

// The library converts any number into any other; a negative or broken count would become another
// one.
inline void read_count(const Json& object, const char* key, std::uint64_t& value) {
    if (const auto field = object.find(key); field != object.end()) {
        if (!field->is_number_unsigned()) {
            throw Misfit(std::string{key} + " is not a count");
        }
        field->get_to(value);
    }
}

inline void read_int(const Json& object, const char* key, int& value) {
    if (const auto field = object.find(key); field != object.end()) {
        const bool small = field->is_number_integer() && std::abs(field->get<double>()) < 1e9;
        if (!small) {
            throw Misfit(std::string{key} + " is not a small whole number");
        }
        field->get_to(value);
    }
}

inline void read_duration(const Json& object, const char* key, double us_per_unit,
                          Duration& value) {
    if (const auto field = object.find(key); field != object.end()) {
        const double us = field->get<double>() * us_per_unit;
        if (!(std::abs(us) < 1e18)) {
            throw Misfit(std::string{key} + " is out of range");
        }
        value = Duration{std::llround(us)};
    }
}

inline void read_time(const Json& object, const char* key, BootOrigin origin, TimePoint& value) {
    if (const auto field = object.find(key); field != object.end()) {
        const auto time = parse_utc(field->get_ref<const std::string&>());
        if (!time) {
            throw Misfit(std::string{key} + " is not a time");
        }
        value = TimePoint{*time - origin};
    }
}

// `values` in the order of their numbers.
template <class Named, std::size_t count>
void read_name(const Json& object, const char* key, const std::array<Named, count>& values,
               Named& value) {
    const auto field = object.find(key);
    if (field == object.end()) {
        return;
    }
    const auto& name = field->get_ref<const std::string&>();
    const auto found =
        std::ranges::find_if(values, [&](Named each) { return name_of(each) == name; });
    if (found == values.end()) {
        throw Misfit(std::string{key} + " has an unknown value");
    }
    value = *found;
}

inline void read_state(const Json& object, const char* key, State& value) {
    constexpr std::array states = {State::init, State::backup, State::promoting, State::active,
                                   State::fault};
    read_name(object, key, states, value);
}

inline void read_readiness(const Json& object, const char* key, Readiness& value) {
    constexpr std::array all = {Readiness::hot, Readiness::cold, Readiness::unready};
    read_name(object, key, all, value);
}

inline void read_check_state(const Json& object, const char* key, CheckState& value) {
    constexpr std::array states = {CheckState::unknown, CheckState::up, CheckState::down};
    read_name(object, key, states, value);
}

// Calls `read_each` with every element of the list under `key`.
template <class ReadEach>
void read_list(const Json& object, const char* key, ReadEach read_each) {
    const auto field = object.find(key);
    if (field == object.end()) {
        return;
    }
    if (!field->is_array()) {
        throw Misfit(std::string{key} + " is not a list");
    }
    for (const Json& element : *field) {
        read_each(element);
    }
}

inline void expect_object(const Json& value) {
    if (!value.is_object()) {
        throw Misfit("an object was expected");
    }
}

}  // namespace understudy::control::fields
