// The regular expression of body_regex: what it matches, and how long a chosen text can keep it.
#include "checks/probes/body_pattern.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <string>
#include <vector>

namespace understudy::checks {
namespace {

using namespace std::chrono_literals;
using Match = BodyPattern::Match;

constexpr std::size_t default_max_size = 65536;
// One tick of the slowest kernel clock, and one scan of a large body under sanitizers.
constexpr auto grace = 100ms;
constexpr std::size_t largest_max_size = 16 * 1024 * 1024;

std::string repeated(const std::string& part, std::size_t size) {
    std::string text;
    while (text.size() + part.size() <= size) {
        text += part;
    }
    return text;
}

struct Timed {
    Match match;
    std::chrono::nanoseconds cpu_time;
};

Timed timed_match(const std::string& expression, const std::string& text) {
    const BodyPattern pattern(expression);
    EXPECT_EQ(pattern.error(), "");
    timespec before{};
    timespec after{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    const Match match = pattern.match(text);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    return {match, std::chrono::seconds{after.tv_sec - before.tv_sec} +
                       std::chrono::nanoseconds{after.tv_nsec - before.tv_nsec}};
}

TEST(BodyPattern, matches_anywhere_in_the_text) {
    EXPECT_EQ(BodyPattern("status.*ok").match("the status is ok"), Match::yes);
    EXPECT_EQ(BodyPattern("status.*ok").match("the status is bad"), Match::no);
    EXPECT_EQ(BodyPattern("^ok$").match("ok"), Match::yes);
    EXPECT_EQ(BodyPattern(R"((\w+) \1)").match("really really"), Match::yes);
    EXPECT_EQ(BodyPattern("x").match(""), Match::no);
}

TEST(BodyPattern, finds_its_match_at_the_end_of_the_largest_body) {
    std::string text(largest_max_size, '.');
    text += "status: all is ok";
    EXPECT_EQ(timed_match("status.*ok", text).match, Match::yes);
}

// An ordinary page costs far less than the budget.
TEST(BodyPattern, innocent_body_of_the_default_size_is_within_the_budget) {
    const std::string text = repeated("<li>node 17 is up, status good</li>\n", default_max_size);
    for (const char* expression :
         {"status.*ok", "(?i)STATUS.*OK", "[a-z]+ is down", R"(\d+ errors)"}) {
        EXPECT_EQ(timed_match(expression, text).match, Match::no) << expression;
    }
}

TEST(BodyPattern, chosen_text_costs_no_more_than_one_budget) {
    struct Attack {
        const char* expression;
        const char* part;
        const char* end;  // has what the expression ends with, or PCRE2 sees at once that it fails
    };
    const std::vector<Attack> attacks = {
        {"status.*ok", "status", "k"},           // quadratic: each position begins a match
        {"status.*?ok", "status", "k"},          // the same, lazily
        {"(?s)status.*ok", "status\n", "k"},     // over several lines
        {"a.*b.*c.*d!", "abcd", "!"},            // a higher power of the size
        {"(a+)+$", "aaaaaaaaaaaaaaaaaaa", "!"},  // exponential
        {"(a|aa)+$", "a", "!"},                  // the same, by alternatives
        {"(.*)(.*)(.*)\\1x", "ab", "x "},        // back references
        {"(?=.*ok)status", "status", ""},        // lookahead
        {"\\s+$", "          ", "x"},            // trailing blanks
    };
    for (const Attack& attack : attacks) {
        for (const std::size_t size : {default_max_size, 16 * default_max_size}) {
            const Timed timed =
                timed_match(attack.expression, repeated(attack.part, size - 2) + attack.end);
            EXPECT_LT(timed.cpu_time, BodyPattern::most_cpu_time + grace)
                << attack.expression << " on " << size << " bytes";
        }
    }
    const std::string text = repeated("status", default_max_size) + 'k';
    EXPECT_EQ(timed_match("status.*ok", text).match, Match::too_costly);
}

}  // namespace
}  // namespace understudy::checks
