// The state tables of RFC 9568 6.4, cell by cell, both polarities; then RFC 3768. What has no RFC
// basis is in router_extensions_test.cpp.
#include "tests/unit/vrrp/router_fixture.hpp"

namespace understudy::vrrp {
namespace {

using namespace std::chrono_literals;

// --- 6.4.1 Initialize ----------------------------------------------------------------------------

TEST_F(RouterTest, s6_4_1_the_owner_is_active_at_once) {
    router(255);
    EXPECT_EQ(feed(Startup{}), ">active take S255 announce");
    EXPECT_EQ(left(), 1s);
}

TEST_F(RouterTest, s6_4_1_anybody_else_waits_for_the_active_down_interval) {
    router(100);
    EXPECT_EQ(feed(Startup{}), ">backup");
    EXPECT_EQ(left(), 3609375us);
}

TEST_F(RouterTest, s6_4_1_nothing_but_startup_matters) {
    router(100);
    EXPECT_EQ(feed(advert(200)), "");
    EXPECT_EQ(feed(Shutdown{}), "");
    EXPECT_EQ(feed(Claim{}), "");
    EXPECT_EQ(wait(100s), "");
    EXPECT_EQ(router_->next_deadline(), std::nullopt);
}

// --- 6.4.2 Backup --------------------------------------------------------------------------------

TEST_F(RouterTest, s6_4_2_shutdown_is_silent) {
    router();
    feed(Startup{});
    EXPECT_EQ(feed(Shutdown{}), ">initialize");
}

TEST_F(RouterTest, s6_4_2_silence_makes_active) {
    router();
    feed(Startup{});
    EXPECT_EQ(wait(3609374us), "");
    EXPECT_EQ(wait(1us), ">active take S100 announce");
    EXPECT_EQ(cause, Cause::silence);
    EXPECT_EQ(left(), 1s);
}

TEST_F(RouterTest, s6_4_2_priority_zero_shortens_the_wait_to_the_skew_time) {
    router();
    feed(Startup{});
    wait(1s);
    EXPECT_EQ(feed(advert(0)), "");
    EXPECT_EQ(left(), 609375us);
    EXPECT_EQ(wait(left()), ">active take S100 announce");
    EXPECT_EQ(cause, Cause::resignation);
}

TEST_F(RouterTest, s6_4_2_an_equal_or_higher_priority_restarts_the_timer) {
    router();
    feed(Startup{});
    for (const int priority : {100, 101, 255}) {
        wait(2s);
        EXPECT_EQ(feed(advert(priority)), "");
        EXPECT_EQ(left(), 3609375us);
    }
}

TEST_F(RouterTest, s6_4_2_the_interval_of_the_active_router_is_learned) {
    router();
    feed(Startup{});
    feed(advert(150, "192.0.2.2", 100ms));
    EXPECT_EQ(left(), 360937us);
    feed(advert(150, "192.0.2.2", 2s));
    EXPECT_EQ(left(), 2 * 3609375us);
}

TEST_F(RouterTest, s6_4_2_a_lower_priority_is_ignored_with_preemption) {
    router();
    feed(Startup{});
    wait(3s);
    EXPECT_EQ(feed(advert(99)), "");
    EXPECT_EQ(left(), 609375us) << "the timer runs on";
    EXPECT_EQ(wait(left()), ">active take announce")
        << "announced before it is advertised: the rival lives";
    EXPECT_EQ(cause, Cause::preemption);
    EXPECT_EQ(left(), handover_overlap);
    EXPECT_EQ(wait(left()), "S100");
}

// No RFC basis: what was said to be the interval may have been forged.
TEST_F(RouterTest, preemption_does_not_wait_for_an_interval_that_is_no_longer_advertised) {
    router();
    feed(Startup{});
    feed(advert(200, "192.0.2.2", 40950ms));
    ASSERT_GT(left(), 120s);
    wait(10s);
    EXPECT_EQ(feed(advert(99)), "");
    EXPECT_EQ(wait(0s), ">active take announce") << "3.6 s after the last one that it followed";
}

TEST_F(RouterTest, a_lower_priority_never_shortens_preemption_below_the_own_interval) {
    router();
    feed(Startup{});
    feed(advert(99, "192.0.2.2", 10ms));
    EXPECT_EQ(left(), 3609375us);
}

TEST_F(RouterTest, s6_4_2_a_lower_priority_is_accepted_without_preemption) {
    RouterSettings settings;
    settings.preempt = false;
    router(100, settings);
    feed(Startup{});
    wait(3s);
    feed(advert(99));
    EXPECT_EQ(left(), 3609375us);
}

TEST_F(RouterTest, s6_1_the_owner_preempts_whatever_the_mode) {
    RouterSettings settings;
    settings.preempt = false;
    router(255, settings);
    feed(StandingChanged{{255, false}});
    feed(Startup{});
    feed(StandingChanged{{255, true}});
    const Duration before = left();
    feed(advert(254));
    EXPECT_EQ(left(), before);
}

TEST_F(RouterTest, s6_4_2_equal_priority_is_no_matter_of_addresses_in_backup) {
    router();
    feed(Startup{});
    wait(1s);
    feed(advert(100, "192.0.2.1"));
    EXPECT_EQ(left(), 3609375us);
}

// --- 6.4.3 Active --------------------------------------------------------------------------------

TEST_F(RouterTest, s6_4_3_advertises_every_interval) {
    become_active();
    EXPECT_EQ(wait(999999us), "");
    EXPECT_EQ(wait(1us), "S100");
    EXPECT_EQ(wait(1s), "S100");
}

TEST_F(RouterTest, s6_4_3_shutdown_resigns_after_the_release) {
    become_active();
    EXPECT_EQ(feed(Shutdown{}), ">initialize release S0");
}

TEST_F(RouterTest, s6_4_3_priority_zero_is_answered_at_once_and_the_timer_restarts) {
    become_active();
    wait(400ms);
    EXPECT_EQ(feed(advert(0)), "S100 announce");
    EXPECT_EQ(left(), 1s);
}

TEST_F(RouterTest, s6_4_3_a_higher_priority_wins) {
    become_active();
    EXPECT_EQ(feed(advert(101, "192.0.2.2", 2s)), ">backup release S100");
    EXPECT_EQ(cause, Cause::higher_priority);
    EXPECT_EQ(left(), 2 * 3609375us) << "with the winner's interval";
}

TEST_F(RouterTest, s6_4_3_equal_priority_the_higher_address_wins) {
    become_active();
    EXPECT_EQ(feed(advert(100, "192.0.2.6")), ">backup release S100");
    EXPECT_EQ(cause, Cause::tie_lost);
    become_active();
    EXPECT_EQ(feed(advert(100, "192.0.2.4")), "S100 announce");
    EXPECT_EQ(router_->state(), State::active);
}

TEST_F(RouterTest, s6_4_3_the_comparison_of_addresses_is_unsigned) {
    become_active();
    EXPECT_EQ(feed(advert(100, "200.0.2.1")), ">backup release S100");
}

TEST_F(RouterTest, s6_4_3_a_losing_advertisement_is_answered_and_the_timer_runs_on) {
    become_active();
    wait(400ms);
    EXPECT_EQ(feed(advert(99)), "S100 announce");
    EXPECT_EQ(left(), 600ms);
}

TEST_F(RouterTest, a_stream_of_losing_advertisements_is_answered_at_a_bounded_rate) {
    become_active();
    int answers = 0;
    for (int i = 0; i < 1000; ++i) {
        now += 100us;
        answers += feed(advert(99)).empty() ? 0 : 1;
    }
    EXPECT_GE(answers, 1);
    EXPECT_LE(answers, 3) << "100 ms, one in 50 ms";
}

TEST_F(RouterTest, s6_4_3_our_own_interval_is_used_whatever_was_learned) {
    router();
    feed(Startup{});
    feed(advert(150, "192.0.2.2", 100ms));
    wait(left());
    ASSERT_EQ(router_->state(), State::active);
    EXPECT_EQ(left(), 1s);
}

// --- RFC 3768 ------------------------------------------------------------------------------------

TEST_F(RouterTest, rfc3768_s6_4_3_a_losing_advertisement_is_not_answered_in_version_2) {
    RouterSettings settings;
    settings.version = Version::v2;
    become_active(100, settings);
    EXPECT_EQ(feed(advert(99)), "announce");
}

TEST_F(RouterTest, rfc3768_s6_1_the_interval_is_not_learned_in_version_2) {
    RouterSettings settings;
    settings.version = Version::v2;
    router(100, settings);
    feed(Startup{});
    feed(advert(150, "192.0.2.2", 5s));
    EXPECT_EQ(left(), 3609375us);
}

// --- what an advertisement waits for: addresses take time to change ------------------------------

TEST_F(RouterTest, the_first_advertisement_follows_the_addresses_and_a_heartbeat_nothing) {
    router();
    feed(Startup{});
    EXPECT_EQ(wait(left()), ">active take S100 announce");
    EXPECT_EQ(waits, std::vector{After::claim});
    EXPECT_EQ(wait(left()), "S100");
    EXPECT_EQ(waits, std::vector{After::nothing});
    EXPECT_EQ(feed(advert(50)), "S100 announce");
    EXPECT_EQ(waits, std::vector{After::nothing});
}

// The rival would let go of what is not here yet.
TEST_F(RouterTest, against_a_living_rival_the_first_advertisement_waits_until_traffic_has_moved) {
    router(150);
    feed(Startup{});
    feed(advert(100));
    feed(Claim{});
    EXPECT_EQ(wait(left()), "S150");
    EXPECT_EQ(waits, std::vector{After::handover});
    EXPECT_EQ(wait(left()), "S150");
    EXPECT_EQ(waits, std::vector{After::nothing});
}

// Also the one that answers the rival before its time.
TEST_F(RouterTest, an_answer_to_a_living_rival_waits_as_the_first_advertisement_would) {
    router(150);
    feed(Startup{});
    feed(advert(100));
    feed(Claim{});
    now += 1ms;
    EXPECT_EQ(feed(advert(100)), "S150 announce");
    EXPECT_EQ(waits, std::vector{After::handover});
}

TEST_F(RouterTest, the_last_advertisement_follows_the_release) {
    become_active();
    feed(advert(150));
    EXPECT_EQ(waits, std::vector{After::release});
    become_active();
    feed(Shutdown{});
    EXPECT_EQ(waits, std::vector{After::release});
    become_active();
    feed(StandingChanged{{100, false}});
    EXPECT_EQ(waits, std::vector{After::release});
}

}  // namespace
}  // namespace understudy::vrrp
