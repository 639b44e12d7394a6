// The timetable of one check, and what a row of its outcomes means. Words and habits are those of
// HAProxy's configuration manual (rise, fall, inter, fastinter, downinter).
#include "checks/monitor.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace understudy::checks {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint begin{1000s};

CheckSettings settings() {
    CheckSettings check;
    check.name = "c";
    check.interval = 1s;
    check.fast_interval = 100ms;
    check.down_interval = 5s;
    check.timeout = 300ms;
    check.rise = 2;
    check.fall = 3;
    return check;
}

Outcome outcome(bool passed) {
    Outcome result;
    result.passed = passed;
    result.detail = passed ? "fine" : "bad";
    return result;
}

// Runs the check when it is due, each run taking 10 ms; the times of the starts.
class Runs {
public:
    explicit Runs(const CheckSettings& check)
        : settings_(check), monitor(settings_, begin, begin) {}

    bool next(bool passed) {
        const TimePoint at = monitor.next_deadline();
        const auto run = monitor.start_if_due(at);
        EXPECT_TRUE(run.has_value());
        starts.push_back(at);
        return monitor.finished(at + 10ms, run.value_or(0), outcome(passed));
    }
    Duration last_pause() const { return starts.back() - starts[starts.size() - 2]; }

private:
    CheckSettings settings_;

public:
    Monitor monitor;
    std::vector<TimePoint> starts;
};

TEST(Monitor, BeginsUnknownAndTheFirstOutcomeDecides) {
    for (const bool passed : {true, false}) {
        Runs runs(settings());
        EXPECT_EQ(runs.monitor.state(), CheckState::unknown);
        EXPECT_TRUE(runs.next(passed));
        EXPECT_EQ(runs.monitor.state(), passed ? CheckState::up : CheckState::down);
    }
}

TEST(Monitor, FallFailuresInARowMakeItDown) {
    Runs runs(settings());
    runs.next(true);
    EXPECT_FALSE(runs.next(false));
    EXPECT_FALSE(runs.next(false));
    EXPECT_FALSE(runs.next(true));  // the row is broken
    EXPECT_FALSE(runs.next(false));
    EXPECT_FALSE(runs.next(false));
    EXPECT_TRUE(runs.next(false));
    EXPECT_EQ(runs.monitor.state(), CheckState::down);
    EXPECT_EQ(runs.monitor.runs(), 7U);
    EXPECT_EQ(runs.monitor.failures(), 5U);
}

TEST(Monitor, RiseSuccessesInARowMakeItUp) {
    Runs runs(settings());
    runs.next(false);
    EXPECT_FALSE(runs.next(true));
    EXPECT_FALSE(runs.next(false));
    EXPECT_FALSE(runs.next(true));
    EXPECT_TRUE(runs.next(true));
    EXPECT_EQ(runs.monitor.state(), CheckState::up);
}

TEST(Monitor, IntervalsCountFromStartToStart) {
    Runs runs(settings());
    runs.next(true);
    runs.next(true);
    EXPECT_EQ(runs.last_pause(), 1s);
    runs.next(false);
    EXPECT_EQ(runs.last_pause(), 1s);
    runs.next(false);
    EXPECT_EQ(runs.last_pause(), 100ms) << "a change is being confirmed";
    runs.next(false);
    EXPECT_EQ(runs.last_pause(), 100ms);
    runs.next(false);
    EXPECT_EQ(runs.last_pause(), 5s) << "it is down";
    runs.next(true);
    EXPECT_EQ(runs.last_pause(), 5s);
    runs.next(true);
    EXPECT_EQ(runs.last_pause(), 100ms);
}

TEST(Monitor, ARunThatTookLongerThanTheIntervalIsFollowedAtOnce) {
    Runs runs(settings());
    const auto run = runs.monitor.start_if_due(begin);
    runs.monitor.finished(begin + 2s, *run, outcome(true));
    EXPECT_EQ(runs.monitor.next_deadline(), begin + 2s);
}

TEST(Monitor, TurnsOutcomesRoundWhereThatIsAskedFor) {
    CheckSettings check = settings();
    check.inverted = true;
    Runs runs(check);
    runs.next(false);
    EXPECT_EQ(runs.monitor.state(), CheckState::up);
    EXPECT_EQ(runs.monitor.failures(), 0U);
}

TEST(Monitor, AnInitialStateIsLeftLikeAnyOther) {
    CheckSettings check = settings();
    check.initial = CheckState::up;
    Runs runs(check);
    EXPECT_FALSE(runs.next(false));
    EXPECT_FALSE(runs.next(false));
    EXPECT_TRUE(runs.next(false));
    EXPECT_FALSE(Runs(check).monitor.has_run());
}

TEST(Monitor, ARunWithoutAnOutcomeIsGivenUpAndProvesNothing) {
    Runs runs(settings());
    runs.next(true);
    const TimePoint at = runs.monitor.next_deadline();
    const auto run = runs.monitor.start_if_due(at);
    EXPECT_EQ(runs.monitor.next_deadline(), at + 300ms + outcome_grace);
    EXPECT_FALSE(runs.monitor.time_passed(at + 300ms + outcome_grace));
    EXPECT_EQ(runs.monitor.state(), CheckState::up);
    EXPECT_FALSE(runs.monitor.finished(at + 5s, *run, outcome(false))) << "too late to count";
    EXPECT_EQ(runs.monitor.failures(), 0U);
}

TEST(Monitor, ItsLastWordCountsForABoundedTime) {
    CheckSettings check = settings();
    check.down_interval.reset();
    Runs runs(check);
    runs.next(true);
    EXPECT_EQ(runs.monitor.memory(), 10s + 300ms);
    const TimePoint forgotten = begin + 10ms + runs.monitor.memory();
    EXPECT_FALSE(runs.monitor.time_passed(forgotten - 1us));
    EXPECT_TRUE(runs.monitor.time_passed(forgotten));
    EXPECT_EQ(runs.monitor.state(), CheckState::unknown);
    check.interval = 10s;
    EXPECT_EQ(Runs(check).monitor.memory(), 50s + 300ms);
}

TEST(Monitor, HurriedItRunsNowAndFastUntilItIsUp) {
    Runs runs(settings());
    runs.next(false);
    runs.monitor.hurry(begin + 1s);
    EXPECT_EQ(runs.monitor.next_deadline(), begin + 1s);
    runs.next(false);
    runs.next(false);
    EXPECT_EQ(runs.last_pause(), 100ms);
    runs.monitor.calm();
    runs.next(false);
    runs.next(false);
    EXPECT_EQ(runs.last_pause(), 5s);
}

TEST(Monitor, KeepsTheWeightThatAFileHad) {
    Runs runs(settings());
    Outcome weighted = outcome(true);
    weighted.weight = -20;
    const auto run = runs.monitor.start_if_due(begin);
    EXPECT_TRUE(runs.monitor.finished(begin, *run, weighted));
    EXPECT_EQ(runs.monitor.weight(), -20);
    EXPECT_FALSE(runs.next(true));
    EXPECT_EQ(runs.monitor.weight(), -20);
}

}  // namespace
}  // namespace understudy::checks
