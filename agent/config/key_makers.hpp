// Makers of keys, for the files that list them.
#pragma once

#include <chrono>
#include <string>
#include <type_traits>
#include <vector>

#include "agent/config/keys.hpp"
#include "agent/config/values.hpp"

namespace understudy::config {

// Puts a parsed value where it belongs, or hands on the error.
template <class Value, class Store>
std::string store(const Parsed<Value>& parsed, Store&& place_value) {
    if (!parsed) {
        return parsed.error();
    }
    place_value(*parsed);
    return {};
}

inline Parsed<Duration> duration_up_to(const std::string& text, Duration longest) {
    auto parsed = parse_duration(text);
    if (parsed && *parsed > longest) {
        return std::unexpected(in_quotes(text) + " is longer than " + format_duration(longest));
    }
    return parsed;
}

inline Parsed<Duration> duration_between(const std::string& text, Duration least,
                                         Duration longest) {
    auto parsed = duration_up_to(text, longest);
    if (parsed && *parsed < least) {
        return std::unexpected(in_quotes(text) + " is shorter than " + format_duration(least));
    }
    return parsed;
}

// Makers of keys: `member` gives the place in the target.

template <class Target, class Member>
Key<Target> yes_no(const char* name, Member member) {
    return {name, false, [member](Target& target, const std::string& value, const Place&) {
                return store(parse_yes_no(value), [&](bool parsed) { member(target) = parsed; });
            }};
}

template <class Target, class Member>
Key<Target> duration(const char* name, Duration longest, Member member) {
    return {name, false, [member, longest](Target& target, const std::string& value, const Place&) {
                return store(duration_up_to(value, longest),
                             [&](Duration parsed) { member(target) = parsed; });
            }};
}

template <class Target, class Member>
Key<Target> duration(const char* name, Duration least, Duration longest, Member member) {
    return {name, false,
            [member, least, longest](Target& target, const std::string& value, const Place&) {
                return store(duration_between(value, least, longest),
                             [&](Duration parsed) { member(target) = parsed; });
            }};
}

template <class Target, class Member>
Key<Target> number(const char* name, int least, int most, Member member) {
    return {name, false,
            [member, least, most](Target& target, const std::string& value, const Place&) {
                return store(parse_number(value, least, most), [&](int parsed) {
                    auto& place = member(target);
                    place = static_cast<std::remove_reference_t<decltype(place)>>(parsed);
                });
            }};
}

// `first` is the value that the first word stands for.
template <class Target, class Member>
Key<Target> word(const char* name, const std::vector<std::string>& words, int first,
                 Member member) {
    return {name, false,
            [member, &words, first](Target& target, const std::string& value, const Place&) {
                return store(parse_word(value, words), [&](std::size_t index) {
                    auto& place = member(target);
                    place = static_cast<std::remove_reference_t<decltype(place)>>(
                        first + static_cast<int>(index));
                });
            }};
}

// `parse` gives a Parsed value of the member's type.
template <class Target, class Parse, class Member>
Key<Target> parsed(const char* name, const Parse& parse, Member member) {
    return {name, false, [parse, member](Target& target, const std::string& value, const Place&) {
                return store(parse(value), [&](auto& read) { member(target) = read; });
            }};
}

}  // namespace understudy::config
