#include "agent/config/values.hpp"

#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(Durations, CarryAUnit) {
    EXPECT_EQ(parse_duration("10ms"), Duration{10ms});
    EXPECT_EQ(parse_duration("1s"), Duration{1s});
    EXPECT_EQ(parse_duration("5m"), Duration{5min});
    EXPECT_EQ(parse_duration("2h"), Duration{2h});
    EXPECT_EQ(parse_duration("100us"), Duration{100us});
    EXPECT_EQ(parse_duration("0s"), Duration{0s});
}

TEST(Durations, FractionsAreExact) {
    EXPECT_EQ(parse_duration("40.95s"), Duration{40'950ms});
    EXPECT_EQ(parse_duration("0.1s"), Duration{100ms});
    EXPECT_EQ(parse_duration("1.5h"), Duration{90min});
    EXPECT_EQ(parse_duration("0.000001s"), Duration{1us});
    EXPECT_EQ(parse_duration("1.50000000000s"), Duration{1500ms});
    EXPECT_EQ(parse_duration("0.0000001s").error(), R"("0.0000001s" is finer than a microsecond)");
}

TEST(Durations, ABareNumberNamesTheUnits) {
    EXPECT_EQ(parse_duration("5").error(), R"("5" has no unit; write 5ms, 5s, 5m or 5h)");
    EXPECT_EQ(parse_duration("0").error(), R"("0" has no unit; write 0ms, 0s, 0m or 0h)");
    EXPECT_EQ(parse_duration("1.5").error(),
              R"("1.5" has no unit; write 1.5ms, 1.5s, 1.5m or 1.5h)");
}

TEST(Durations, AnotherUnitIsAnError) {
    for (const char* text : {"5sec", "5min", "5M", "5 s", "5d", "5s5ms"}) {
        EXPECT_EQ(parse_duration(text).error(),
                  "the unit of " + in_quotes(text) + " is not one of us, ms, s, m, h");
    }
}

TEST(Durations, WhatIsNoNumberIsNoDuration) {
    // std::from_chars for floating point reads the first four, as infinity and as what is no
    // number.
    for (const char* text : {"infs", "nans", "nan", "infinityms", "", "s", "-1s", "+1s", ".5s",
                             "1.s", "1..5s", "1.2.3s", "1e3s", "0x10s", "five"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
    EXPECT_EQ(parse_duration("nans").error(),
              R"("nans" is not a duration; write one like 10ms, 1s, 5m or 2h)");
}

TEST(Durations, HaveALimit) {
    EXPECT_EQ(parse_duration("277777h"), Duration{277'777h});
    EXPECT_EQ(parse_duration("277778h").error(), R"("277778h" is too long)");
    EXPECT_EQ(parse_duration("99999999999999999999s").error(),
              R"("99999999999999999999s" is too long)");
}

TEST(Durations, AreWrittenInTheLargestUnitThatFits) {
    EXPECT_EQ(format_duration(0s), "0s");
    EXPECT_EQ(format_duration(1500ms), "1500ms");
    EXPECT_EQ(format_duration(2s), "2s");
    EXPECT_EQ(format_duration(120s), "2m");
    EXPECT_EQ(format_duration(3600s), "1h");
    EXPECT_EQ(format_duration(90s), "90s");
    EXPECT_EQ(format_duration(1us), "1us");
}

TEST(Numbers, AreWholeAndInTheirBounds) {
    EXPECT_EQ(parse_number("1", 1, 255), 1);
    EXPECT_EQ(parse_number("255", 1, 255), 255);
    for (const char* text :
         {"0", "256", "-1", "", "x", "1x", "1.0", "+1", "0x1", " 1", "99999999999999999999"}) {
        EXPECT_EQ(parse_number(text, 1, 255).error(),
                  in_quotes(text) + " is not a whole number from 1 to 255");
    }
}

TEST(YesAndNo, HaveFourSpellings) {
    for (const char* text : {"yes", "true", "on", "1"}) {
        EXPECT_EQ(parse_yes_no(text), true) << text;
    }
    for (const char* text : {"no", "false", "off", "0"}) {
        EXPECT_EQ(parse_yes_no(text), false) << text;
    }
    EXPECT_EQ(parse_yes_no("YES").error(), R"("YES" is not yes or no; did you mean "yes"?)");
    EXPECT_EQ(parse_yes_no("maybe").error(), R"("maybe" is not yes or no)");
}

TEST(Names, AreWhatAShellLeavesAlone) {
    for (const char* text : {"web", "lb1.example.net", "a:b", "A_1-2", "_x"}) {
        EXPECT_EQ(parse_name(text), text);
    }
    const std::string longest(64, 'x');
    EXPECT_TRUE(parse_name(longest));
    EXPECT_FALSE(parse_name(longest + 'x'));
    for (const char* text : {"", "-x", "--all", "a b", "a/b", "a$b", "b\xc3\xbcro", "a]"}) {
        EXPECT_FALSE(parse_name(text)) << text;
    }
}

TEST(Suggestions, AreForSlipsNotForOtherWords) {
    const std::vector<std::string> keys = {"priority", "preempt", "vrid", "mac", "lease"};
    EXPECT_EQ(nearest("prioirty", keys), "priority");
    EXPECT_EQ(nearest("vird", keys), "vrid");
    EXPECT_EQ(nearest("VRID", keys), "vrid");
    EXPECT_EQ(nearest("Priority", keys), "priority");
    EXPECT_EQ(nearest("prempt", keys), "preempt");
    EXPECT_EQ(nearest("mca", keys), "mac");
    EXPECT_EQ(nearest("abc", keys), "");
    EXPECT_EQ(nearest("garp_master_delay", keys), "");
    EXPECT_EQ(nearest("", keys), "");
    EXPECT_EQ(nearest(std::string(100'000, 'x'), keys), "");
    EXPECT_EQ(did_you_mean("leese", keys), R"(; did you mean "lease"?)");
}

TEST(Quotes, CutWhatIsTooLongForAMessage) {
    EXPECT_EQ(in_quotes("short"), R"("short")");
    EXPECT_EQ(in_quotes(std::string(5000, 'x')), '"' + std::string(80, 'x') + "…\"");
}

}  // namespace
}  // namespace understudy::config
