// The queue of one VIP's hooks, by itself (hooks_test.cpp has it in a Node).
#include <gmock/gmock.h>

#include "agent/core/hooks.hpp"
#include "tests/unit/core/hooked.hpp"

namespace understudy {
namespace {

using namespace std::chrono_literals;
using control::State;
using core::HookKind;
using testing::ElementsAre;

TEST(HookQueue, ThousandStatesInTenSecondsEndWithTheLastOne) {
    const core::HookSettings settings = told(100).vips.front().hooks;
    core::HookQueue queue;
    core::HookDesk desk;
    TimePoint now{1000s};
    TimePoint runs_until;
    bool busy = false;
    State last = State::init;
    int runs = 0;
    for (int i = 0; i < 10'000; ++i) {  // milliseconds
        now += 1ms;
        if (i % 10 == 0) {
            const State state = i % 20 == 0 ? State::active : State::backup;
            queue.enter(settings, {state, last, ""});
            last = state;
        }
        if (busy && now >= runs_until) {
            ASSERT_TRUE(queue.finished(now, {desk.last_order, true, ""}));
            busy = false;
        }
        if (const auto due = queue.begin(now, settings, desk)) {
            ASSERT_FALSE(busy) << "two at once";
            ASSERT_EQ(due->entered->state, last) << "a state that is over";
            runs_until = now + 95ms;
            busy = true;
            ++runs;
        }
    }
    ASSERT_TRUE(queue.finished(now, {desk.last_order, true, ""}));
    while (const auto due = queue.begin(now, settings, desk)) {
        EXPECT_EQ(due->entered->state, last);
        EXPECT_TRUE(queue.finished(now, {desk.last_order, true, ""}));
        ++runs;
    }
    EXPECT_TRUE(queue.is_idle());
    EXPECT_NEAR(runs, 10'000 / 95, 8);  // it is never idle while there is something to tell
    EXPECT_EQ(last, State::backup);
}

TEST(HookQueue, AStateWithoutAHookEndsTheWaitingOfTheLastOne) {
    const core::HookSettings settings = with(sim::web(100), {HookKind::active}).vips.front().hooks;
    core::HookQueue queue;
    core::HookDesk desk;
    const TimePoint now{1000s};
    queue.enter(settings, {State::active, State::backup, ""});
    ASSERT_TRUE(queue.begin(now, settings, desk));
    queue.enter(settings, {State::backup, State::active, ""});
    queue.enter(settings, {State::active, State::backup, ""});
    queue.enter(settings, {State::fault, State::active, ""});
    EXPECT_TRUE(queue.finished(now, {1, true, ""}));
    EXPECT_FALSE(queue.begin(now, settings, desk));
}

TEST(HookQueue, WhatBelongsToTheOldStateComesFirst) {
    const core::HookSettings settings = with(drained(100), {HookKind::promote}).vips.front().hooks;
    core::HookQueue queue;
    core::HookDesk desk;
    TimePoint now{1000s};
    queue.enter(settings, {State::active, State::backup, ""});
    queue.ask(HookKind::promote);
    queue.ask(HookKind::release);
    queue.ask(HookKind::release);
    std::vector<HookKind> order;
    while (const auto due = queue.begin(now, settings, desk)) {
        order.push_back(due->kind);
        EXPECT_FALSE(queue.finished(now, {desk.last_order - 1, true, ""})) << "another one's end";
        queue.finished(now, {desk.last_order, true, ""});
    }
    EXPECT_THAT(order, ElementsAre(HookKind::release, HookKind::promote, HookKind::active));
}

}  // namespace
}  // namespace understudy
