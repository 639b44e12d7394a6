// Which advertisement waits for what, on virtual time.
#include "agent/host/held_adverts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "vrrp/router.hpp"

namespace understudy::host {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using vrrp::After;

class HeldAdvertsTest : public testing::Test {
protected:
    // Its payload is its number.
    bool hold(unsigned number, After after, HeldAdverts::Batch batch, vrrp::Vrid vrid = 51) {
        core::SendAdvert advert;
        advert.interface = 2;
        advert.source = IpAddress::v4(192, 0, 2, 1);
        advert.destination = IpAddress::v4(224, 0, 0, 18);
        advert.vrid = vrid;
        advert.after = after;
        const std::byte payload{static_cast<std::uint8_t>(number)};
        return held.hold(now, advert, {&payload, 1}, batch);
    }
    std::vector<int> leaving() {
        std::vector<int> numbers;
        held.release(now, [&](const core::SendAdvert&, std::span<const std::byte> payload) {
            numbers.push_back(std::to_integer<int>(payload.front()));
        });
        return numbers;
    }

    HeldAdverts held;
    TimePoint now{1000s};
};

TEST_F(HeldAdvertsTest, a_heartbeat_waits_for_no_change) {
    EXPECT_FALSE(hold(1, After::nothing, 7));
}

TEST_F(HeldAdvertsTest, nothing_waits_where_nothing_is_under_way) {
    EXPECT_FALSE(hold(1, After::claim, 0));
    EXPECT_FALSE(hold(2, After::release, 0));
    EXPECT_FALSE(hold(3, After::handover, 0));
}

TEST_F(HeldAdvertsTest, a_resignation_waits_for_the_release_however_long_that_takes) {
    EXPECT_TRUE(hold(1, After::release, 7));
    now += 1h;
    held.done(now, 6, false);
    EXPECT_THAT(leaving(), IsEmpty());
    EXPECT_FALSE(held.next_deadline());
    held.done(now, 7, false);
    EXPECT_THAT(leaving(), ElementsAre(1));
    EXPECT_TRUE(held.is_empty());
}

TEST_F(HeldAdvertsTest, a_claim_against_nobody_is_advertised_soon_in_any_case) {
    EXPECT_TRUE(hold(1, After::claim, 7));
    EXPECT_THAT(leaving(), IsEmpty());
    EXPECT_EQ(held.next_deadline(), now + HeldAdverts::longest_claim_wait);
    now = *held.next_deadline();
    EXPECT_THAT(leaving(), ElementsAre(1));
    EXPECT_FALSE(hold(2, After::nothing, 7));
}

TEST_F(HeldAdvertsTest, a_claim_is_advertised_when_the_addresses_are_there) {
    EXPECT_TRUE(hold(1, After::claim, 7));
    held.done(now, 7, true);
    EXPECT_THAT(leaving(), ElementsAre(1));
}

// The rival lets go when it hears it, so traffic has to have moved by then.
TEST_F(HeldAdvertsTest, a_handover_waits_for_the_addresses_and_the_overlap) {
    EXPECT_TRUE(hold(1, After::handover, 7));
    now += 400ms;
    EXPECT_THAT(leaving(), IsEmpty());
    held.done(now, 7, true);
    EXPECT_THAT(leaving(), IsEmpty());
    EXPECT_EQ(held.next_deadline(), now + vrrp::handover_overlap);
    now = *held.next_deadline();
    EXPECT_THAT(leaving(), ElementsAre(1));
}

TEST_F(HeldAdvertsTest, a_handover_that_is_asked_for_after_the_claim_keeps_the_overlap) {
    held.done(now, 7, true);
    now += vrrp::handover_overlap / 2;
    EXPECT_TRUE(hold(1, After::handover, 0));
    now += vrrp::handover_overlap / 2;
    EXPECT_THAT(leaving(), ElementsAre(1));
}

// Otherwise the rival would let go of what is not here.
TEST_F(HeldAdvertsTest, heartbeats_wait_behind_a_handover_and_the_last_one_counts) {
    EXPECT_TRUE(hold(1, After::handover, 7));
    EXPECT_TRUE(hold(2, After::nothing, 7));
    EXPECT_TRUE(hold(3, After::nothing, 7));
    EXPECT_FALSE(hold(4, After::nothing, 7, 52)) << "another router";
    EXPECT_FALSE(held.next_deadline()) << "it would be in the past";
    held.done(now, 7, true);
    now += vrrp::handover_overlap;
    EXPECT_THAT(leaving(), ElementsAre(1, 3));
}

TEST_F(HeldAdvertsTest, who_lets_go_does_not_say_that_it_has_the_addresses) {
    EXPECT_TRUE(hold(1, After::handover, 7));
    EXPECT_TRUE(hold(2, After::nothing, 7));
    EXPECT_TRUE(hold(3, After::release, 8));
    held.done(now, 8, false);
    EXPECT_THAT(leaving(), ElementsAre(3));
}

TEST_F(HeldAdvertsTest, a_claim_after_a_release_keeps_the_order) {
    EXPECT_TRUE(hold(1, After::release, 7));
    EXPECT_TRUE(hold(2, After::claim, 8));
    now += HeldAdverts::longest_claim_wait;
    EXPECT_THAT(leaving(), IsEmpty());
    held.done(now, 7, false);
    EXPECT_THAT(leaving(), ElementsAre(1, 2));
}

}  // namespace
}  // namespace understudy::host
