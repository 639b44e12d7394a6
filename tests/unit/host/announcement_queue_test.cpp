// When an address is announced, on virtual time.
#include "agent/host/announcement_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace understudy::host {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t all = 1'000'000;
const MacAddress mac{{2, 0, 0, 0, 0, 1}};

core::Announce numbered(unsigned number, core::InterfaceIndex interface = 2) {
    const auto byte = [](unsigned value) { return static_cast<std::uint8_t>(value); };
    return {interface, mac, IpAddress::v4(198, 18, byte(number / 256), byte(number % 256))};
}
core::RemoveAddress release_of(const core::Announce& announcement) {
    return {announcement.interface, {announcement.address, 24}};
}

class AnnouncementQueueTest : public testing::Test {
protected:
    void add(const core::Announce& announcement, AnnouncementQueue::Batch after = 0) {
        queue.add(now, announcement, after);
    }
    std::size_t take() { return queue.take(now, all).size(); }

    AnnouncementQueue queue;
    TimePoint now{1000s};
};

TEST_F(AnnouncementQueueTest, one_waits_for_each_address) {
    add(numbered(1));
    add(numbered(2));
    add(numbered(1));
    EXPECT_EQ(take(), 2U);
    EXPECT_EQ(take(), 0U);
}

TEST_F(AnnouncementQueueTest, takes_no_more_than_asked_for_and_keeps_the_rest) {
    for (unsigned i = 0; i < 1000; ++i) {
        add(numbered(i));
    }
    EXPECT_EQ(queue.take(now, 256).size(), 256U);
    EXPECT_EQ(queue.next(), now);
    EXPECT_EQ(take(), 744U);
    EXPECT_FALSE(queue.next());
}

// A planned move, and the repetitions after it (Announcer), none of them late.
TEST_F(AnnouncementQueueTest, the_announcements_of_a_claim_leave_at_once) {
    for (const Duration wait : {0ms, 3ms, 197ms, 1000ms, 5000ms, 60000ms}) {
        now += wait;
        for (unsigned i = 0; i < 1000; ++i) {
            add(numbered(i));
        }
        EXPECT_EQ(take(), 1000U) << wait / 1ms << " ms later";
    }
}

// A rival's losing advertisements, each answered by the Node with all addresses.
TEST_F(AnnouncementQueueTest, a_storm_of_requests_is_paced_for_each_address) {
    std::size_t sent = 0;
    for (const TimePoint end = now + 60s; now < end; now += 50ms) {
        add(numbered(1));
        sent += take();
    }
    EXPECT_LE(sent, 60U + AnnouncementQueue::burst);
    EXPECT_GE(sent, 60U);
}

TEST_F(AnnouncementQueueTest, a_storm_of_requests_is_paced_for_the_interface) {
    std::size_t sent = 0;
    for (const TimePoint end = now + 10s; now < end; now += 10ms) {
        for (unsigned i = 0; i < 1000; ++i) {
            add(numbered(i));
        }
        sent += take();
    }
    const std::size_t paced = 10s / AnnouncementQueue::interface_spacing;
    EXPECT_LE(sent, paced + AnnouncementQueue::burst * 1000U);
    EXPECT_GE(sent, paced);
}

// Each gets its turn, and another interface is not held up.
TEST_F(AnnouncementQueueTest, every_address_has_its_turn_in_a_storm) {
    std::map<IpAddress, int> turns;
    for (const TimePoint end = now + 10s; now < end; now += 10ms) {
        for (unsigned i = 0; i < 1000; ++i) {
            add(numbered(i));
        }
        for (const core::Announce& sent : queue.take(now, all)) {
            ++turns[sent.address];
        }
    }
    const auto [fewest, most] =
        std::ranges::minmax_element(turns, {}, [](const auto& entry) { return entry.second; });
    EXPECT_EQ(turns.size(), 1000U);
    EXPECT_LE(most->second - fewest->second, 2);
    add(numbered(1, 3));
    EXPECT_THAT(queue.take(now, all),
                testing::Contains(testing::Field(&core::Announce::interface, 3)));
}

TEST_F(AnnouncementQueueTest, what_has_to_wait_has_a_time) {
    for (int i = 0; i < AnnouncementQueue::burst; ++i) {
        add(numbered(1));
        EXPECT_EQ(take(), 1U);
    }
    add(numbered(1));
    EXPECT_EQ(take(), 0U);
    ASSERT_TRUE(queue.next());
    EXPECT_GT(*queue.next(), now);
    now = *queue.next();
    EXPECT_EQ(take(), 1U);
}

TEST_F(AnnouncementQueueTest, another_claim_and_another_mac_do_not_wait) {
    for (int i = 0; i <= AnnouncementQueue::burst; ++i) {
        add(numbered(1));
        take();
    }
    queue.forget(release_of(numbered(1)));
    EXPECT_FALSE(queue.next());
    EXPECT_EQ(take(), 0U);
    for (int i = 0; i < AnnouncementQueue::burst; ++i) {
        add(numbered(1));
        EXPECT_EQ(take(), 1U);
    }
    core::Announce moved = numbered(1);
    moved.mac.bytes[5] = 9;
    add(moved);
    const auto sent = queue.take(now, all);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent.front().mac, moved.mac);
}

TEST_F(AnnouncementQueueTest, an_address_that_is_being_added_waits_for_it) {
    add(numbered(1), 7);
    add(numbered(2));
    EXPECT_EQ(take(), 1U);
    EXPECT_FALSE(queue.next());
    queue.done(now, 6);
    EXPECT_EQ(take(), 0U);
    queue.done(now, 7);
    EXPECT_EQ(take(), 1U);
}

TEST_F(AnnouncementQueueTest, what_was_asked_for_before_a_pause_is_forgotten) {
    add(numbered(1));
    now += 1s;
    add(numbered(2));
    queue.forget_since(now);
    const auto sent = queue.take(now, all);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent.front().address, numbered(1).address);
}

}  // namespace
}  // namespace understudy::host
