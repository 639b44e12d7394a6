#define PCRE2_CODE_UNIT_WIDTH 8
#include "checks/probes/body_pattern.hpp"

#include <pcre2.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <limits>

namespace understudy::checks {

namespace {

constexpr std::uint32_t most_heap = 1024;  // KiB

const PCRE2_UCHAR8* units(std::string_view text) {
    return reinterpret_cast<const PCRE2_UCHAR8*>(text.data());
}

std::chrono::nanoseconds time_of(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

// PCRE2's own match limit starts again at each position of the text. The callouts that
// PCRE2_AUTO_CALLOUT puts before every item of the expression see all of the work, and between two
// of them lies at most one scan of the text.
//
// CPU time counts, so that a match does not fail because the machine is busy. Reading it is a
// system call; the coarse clock costs some nanoseconds, and says when it is worth it.
class Budget {
public:
    explicit Budget(std::size_t size)
        : end_(time_of(CLOCK_THREAD_CPUTIME_ID) + BodyPattern::most_cpu_time +
               static_cast<std::int64_t>(size) * for_a_byte) {}

    static int spend(pcre2_callout_block_8*, void* data) {
        auto& budget = *static_cast<Budget*>(data);
        const auto tick = time_of(CLOCK_MONOTONIC_COARSE);
        if (tick == budget.tick_) {
            return 0;
        }
        budget.tick_ = tick;
        return time_of(CLOCK_THREAD_CPUTIME_ID) >= budget.end_ ? PCRE2_ERROR_MATCHLIMIT : 0;
    }

private:
    // Some scans of the text: what the largest max_size costs in any case.
    static constexpr std::chrono::nanoseconds for_a_byte{2};

    std::chrono::nanoseconds end_;
    std::chrono::nanoseconds tick_ = time_of(CLOCK_MONOTONIC_COARSE);
};

}  // namespace

BodyPattern::BodyPattern(const std::string& expression) {
    int number = 0;
    PCRE2_SIZE place = 0;
    constexpr std::uint32_t options = PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;
    code_ =
        pcre2_compile_8(units(expression), expression.size(), options, &number, &place, nullptr);
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
    Budget budget(text.size());
    pcre2_set_callout_8(limits, &Budget::spend, &budget);
    pcre2_set_match_limit_8(limits, std::numeric_limits<std::uint32_t>::max());
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
