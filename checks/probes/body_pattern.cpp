#define PCRE2_CODE_UNIT_WIDTH 8
#include "checks/probes/body_pattern.hpp"

#include <pcre2.h>

#include <array>
#include <cstdint>

namespace understudy::checks {

namespace {

constexpr std::uint32_t most_steps = 200'000;  // some milliseconds
constexpr std::uint32_t most_heap = 1024;      // KiB

const PCRE2_UCHAR8* units(std::string_view text) {
    return reinterpret_cast<const PCRE2_UCHAR8*>(text.data());
}

}  // namespace

BodyPattern::BodyPattern(const std::string& expression) {
    int number = 0;
    PCRE2_SIZE place = 0;
    code_ = pcre2_compile_8(units(expression), expression.size(), PCRE2_NEVER_BACKSLASH_C, &number,
                            &place, nullptr);
    if (code_ == nullptr) {
        std::array<PCRE2_UCHAR8, 256> text{};
        pcre2_get_error_message_8(number, text.data(), text.size());
        error_ = std::string{reinterpret_cast<const char*>(text.data())} + " at character " +
                 std::to_string(place + 1);
    }
}

BodyPattern::~BodyPattern() {
    pcre2_code_free_8(code_);
}

BodyPattern::Match BodyPattern::match(std::string_view text) const {
    if (code_ == nullptr) {
        return Match::no;
    }
    pcre2_match_context_8* limits = pcre2_match_context_create_8(nullptr);
    pcre2_match_data_8* data = pcre2_match_data_create_from_pattern_8(code_, nullptr);
    pcre2_set_match_limit_8(limits, most_steps);
    pcre2_set_heap_limit_8(limits, most_heap);
    const int result = pcre2_match_8(code_, units(text), text.size(), 0, 0, data, limits);
    pcre2_match_data_free_8(data);
    pcre2_match_context_free_8(limits);
    if (result >= 0) {
        return Match::yes;
    }
    return result == PCRE2_ERROR_NOMATCH ? Match::no : Match::too_costly;
}

}  // namespace understudy::checks
