// The state tables of RFC 9568 6.4, cell by cell, both polarities; then RFC 3768, and the
// extensions.
#include "vrrp/router.hpp"

#include <gtest/gtest.h>

#include <string>

namespace understudy::vrrp {
namespace {

using namespace std::chrono_literals;

class RouterTest : public testing::Test {
protected:
    Router& router(Priority priority = 100, RouterSettings settings = {}) {
        router_.emplace(settings, Standing{priority, true});
        return *router_;
    }
    // What the router does, as a line: "S100" an advert, "take", "release", "announce", ">backup" …
    // What an advertisement waits for is in `waits`.
    std::string feed(const Event& event) {
        Actions actions;
        router_->handle(now, event, actions);
        std::string line;
        waits.clear();
        for (const Action& action : actions) {
            line += line.empty() ? "" : " ";
            if (const auto* advert = std::get_if<SendAdvert>(&action)) {
                line += "S" + std::to_string(advert->priority);
                waits.push_back(advert->after);
            } else if (std::holds_alternative<TakeAddresses>(action)) {
                line += "take";
            } else if (std::holds_alternative<ReleaseAddresses>(action)) {
                line += "release";
            } else if (std::holds_alternative<AnnounceAddresses>(action)) {
                line += "announce";
            } else {
                constexpr const char* names[] = {">initialize", ">backup", ">active"};
                cause = std::get<Transition>(action).cause;
                line += names[static_cast<int>(std::get<Transition>(action).to)];
            }
        }
        return line;
    }
    static Advert advert(int priority, const char* source = "192.0.2.2", Duration interval = 1s) {
        return {*IpAddress::parse(source), static_cast<Priority>(priority), interval,
                *IpAddress::parse("192.0.2.5"), true};
    }
    Duration left() const { return *router_->next_deadline() - now; }
    std::string wait(Duration duration) {
        now += duration;
        return feed(TimePassed{});
    }
    void become_active(Priority priority = 100, RouterSettings settings = {}) {
        router(priority, settings);
        feed(Startup{});
        wait(left());
        ASSERT_EQ(router_->state(), State::active);
    }

    TimePoint now{1000s};
    std::vector<After> waits;
    std::optional<Router> router_;
    Cause cause = Cause::started;
};

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

// --- extensions ----------------------------------------------------------------------------------

TEST_F(RouterTest, low_band_a_backup_takes_over_after_its_skew_time_also_without_preemption) {
    RouterSettings settings;
    settings.preempt = false;
    router(100, settings);
    feed(Startup{});
    feed(advert(150));
    wait(500ms);
    feed(advert(1));
    EXPECT_EQ(left(), 609375us);
    wait(300ms);
    feed(advert(1));
    EXPECT_EQ(left(), 309375us) << "a second offer does not put it off";
    EXPECT_EQ(wait(left()), ">active take announce");
    EXPECT_EQ(cause, Cause::yielded_to_us);
}

TEST_F(RouterTest, low_band_an_offer_does_not_set_the_interval) {
    for (const bool may_lead : {true, false}) {
        router();
        feed(Startup{});
        feed(advert(150, "192.0.2.2", 2s));
        feed(StandingChanged{Standing{100, may_lead}});
        feed(advert(1, "192.0.2.2", 10ms));
        feed(advert(16, "192.0.2.2", 40s));
        EXPECT_EQ(router_->active_interval(), 2s);
    }
    router();
    feed(Startup{});
    feed(advert(1, "192.0.2.2", 10ms));
    EXPECT_EQ(left(), 609375us) << "our own one counts";
}

TEST_F(RouterTest, low_band_an_offer_that_may_be_forged_has_to_stand) {
    router();
    feed(Startup{});
    feed(advert(150));
    Advert offer = advert(1);
    offer.counts_from = now + 2s;
    feed(offer);
    EXPECT_EQ(left(), 2s);
    wait(1s);
    feed(offer);
    EXPECT_EQ(left(), 1s) << "said again";
    feed(advert(150));
    EXPECT_EQ(left(), 3609375us) << "contradicted";
    feed(offer);
    wait(700ms);
    EXPECT_EQ(feed(advert(1)), ">active take announce") << "it is believed now";
}

TEST_F(RouterTest, low_band_an_offer_that_is_contradicted_leaves_preemption_its_time) {
    router(200);
    feed(Startup{});
    feed(advert(100));
    const Duration preempts = left();
    for (int i = 0; i < 3; ++i) {
        wait(500ms);
        feed(advert(1));
        EXPECT_LE(left(), 218750us);
        wait(100ms);
        feed(advert(100));
        EXPECT_EQ(left(), preempts - (i + 1) * 600ms) << "the timer runs on";
    }
}

TEST_F(RouterTest, low_band_nobody_but_the_active_router_offers_the_addresses) {
    RouterSettings settings;
    settings.preempt = false;
    router(150, settings);
    feed(Startup{});
    feed(advert(100));
    wait(500ms);
    feed(advert(1, "192.0.2.3"));
    EXPECT_EQ(left(), 3414062us - 500ms);
    wait(1500ms);
    feed(advert(1, "192.0.2.3"));
    EXPECT_EQ(left(), 414062us) << "the active one has fallen silent";
}

// A cold standby: its service is not up, but can be started.
TEST_F(RouterTest, low_band_who_is_in_it_takes_what_nobody_else_wants_also_without_preemption) {
    RouterSettings settings;
    settings.preempt = false;
    router(13, settings);
    feed(Startup{});
    wait(1s);
    feed(advert(1));
    EXPECT_EQ(left(), 125ms + 949218us) << "later than anybody outside the band";
    wait(500ms);
    feed(advert(1));
    EXPECT_EQ(left(), 574218us);
    EXPECT_EQ(wait(left()), ">active take announce");
    EXPECT_EQ(cause, Cause::yielded_to_us);
}

TEST_F(RouterTest, low_band_who_is_in_it_leaves_others_in_it_alone) {
    RouterSettings settings;
    settings.preempt = false;
    router(13, settings);
    feed(Startup{});
    feed(advert(1));
    feed(advert(7, "192.0.2.3"));
    EXPECT_EQ(left(), 3s + 949218us) << "somebody else is starting its service";
    router(1);
    feed(Startup{});
    feed(advert(1));
    EXPECT_EQ(left(), 3s + 996093us) << "who gives the addresses away itself does not want them";
}

TEST_F(RouterTest, low_band_a_resignation_hurries_everybody) {
    router(13);
    feed(Startup{});
    feed(advert(1));
    feed(advert(0));
    EXPECT_EQ(left(), 949218us);
}

TEST_F(RouterTest, low_band_a_resignation_after_an_offer_ends_the_wait_that_was_for_others) {
    router(8);
    feed(Startup{});
    feed(advert(1));
    EXPECT_EQ(left(), 968750us + 125ms) << "those outside the low band come first";
    wait(1s);
    EXPECT_EQ(feed(advert(0)), ">active take S8 announce") << "its skew time is over";
    EXPECT_EQ(cause, Cause::resignation);
}

// The addresses and their announcement come from the owner of this router, at once.
TEST_F(RouterTest, low_band_who_leaves_it_beside_one_that_serves_advertises_after_the_handover) {
    become_active(7);
    feed(advert(1));
    EXPECT_EQ(feed(StandingChanged{Standing{100, true}}), "");
    EXPECT_EQ(left(), handover_overlap);
    EXPECT_EQ(wait(left()), "S100");
    become_active(7);
    feed(advert(1));
    wait(3s);
    EXPECT_EQ(feed(StandingChanged{Standing{100, true}}), "S100") << "it is gone";
}

TEST_F(RouterTest, low_band_a_withdrawn_offer_is_forgotten) {
    router();
    feed(Startup{});
    feed(advert(1));
    feed(advert(150));
    EXPECT_EQ(left(), 3609375us);
}

TEST_F(RouterTest, a_reordered_advertisement_after_a_resignation_does_not_stretch_the_takeover) {
    router();
    feed(Startup{});
    feed(advert(150));
    feed(advert(0));
    feed(advert(150));
    EXPECT_EQ(left(), 609375us);
    feed(advert(150, "192.0.2.3"));
    EXPECT_EQ(left(), 3609375us) << "somebody else has taken over";
}

TEST_F(RouterTest, an_advertisement_that_goes_on_after_a_resignation_contradicts_it) {
    router();
    feed(Startup{});
    feed(advert(150));
    wait(500ms);
    feed(advert(0));
    wait(50ms);
    feed(advert(150));
    EXPECT_EQ(left(), 3609375us);
}

TEST_F(RouterTest, a_doubted_resignation_is_contradicted_at_once) {
    router();
    feed(Startup{});
    feed(advert(150));
    Advert doubted = advert(0);
    doubted.counts_from = now + 1s;
    feed(doubted);
    feed(advert(150));
    EXPECT_EQ(left(), 3609375us);
}

TEST_F(RouterTest, the_resignation_of_another_router_waits_for_the_active_one) {
    router();
    feed(Startup{});
    feed(advert(150));
    wait(100ms);
    feed(advert(0, "192.0.2.3"));
    EXPECT_EQ(left(), 900ms + 31250us) << "until its next advertisement is missing";
    wait(800ms);
    feed(advert(150));
    EXPECT_EQ(left(), 3609375us);
}

TEST_F(RouterTest, a_longer_interval_is_told_twice_in_the_former_rhythm) {
    RouterSettings settings;
    become_active(100, settings);
    wait(600ms);
    settings.advert_interval = 5s;
    EXPECT_EQ(feed(SettingsChanged{settings}), "");
    EXPECT_EQ(left(), 400ms);
    EXPECT_EQ(wait(left()), "S100");
    EXPECT_EQ(left(), 1s);
    EXPECT_EQ(feed(advert(50)), "S100 announce") << "the answer to a rival is not one of the two";
    EXPECT_EQ(left(), 1s);
    EXPECT_EQ(wait(left()), "S100");
    EXPECT_EQ(left(), 5s);
    settings.advert_interval = 2s;
    EXPECT_EQ(feed(SettingsChanged{settings}), "S100") << "a shorter one, at once";
    EXPECT_EQ(left(), 2s);
}

TEST_F(RouterTest, preempt_delay_counts_from_the_first_lower_advertisement) {
    RouterSettings settings;
    settings.preempt_delay = 10s;
    router(100, settings);
    feed(Startup{});
    for (int i = 0; i < 10; ++i) {
        feed(advert(50));
        EXPECT_EQ(wait(1s), "");
    }
    EXPECT_EQ(router_->state(), State::backup);
    feed(advert(50));
    EXPECT_LE(left(), 2609375us + 1s) << "no longer put off";
}

TEST_F(RouterTest, who_slept_longer_than_its_peers_wait_stands_down_without_a_word) {
    become_active();
    now += 3700ms;
    EXPECT_EQ(feed(advert(50)), ">backup release");
    EXPECT_EQ(cause, Cause::slept);
    become_active();
    now += 3500ms;
    EXPECT_EQ(feed(TimePassed{}), "S100") << "nobody can have taken over yet";
}

TEST_F(RouterTest, who_did_not_run_listens_for_a_whole_interval_again) {
    router();
    feed(Startup{});
    feed(advert(150));
    now += 3500ms;
    EXPECT_EQ(feed(Resumed{}), "");
    EXPECT_EQ(left(), 3609375us);
    feed(advert(0));
    now += 100s;
    feed(Resumed{});
    EXPECT_EQ(left(), 3609375us) << "a resignation of long ago hurries nobody";
    become_active();
    EXPECT_EQ(feed(Resumed{}), "") << "its own sleep is measured by its own advertisements";
}

TEST_F(RouterTest, low_band_the_last_word_of_who_gave_way_is_no_offer) {
    router(140);
    feed(Startup{});
    feed(advert(200, "192.0.2.1"));
    feed(advert(1, "192.0.2.1"));
    EXPECT_EQ(left(), 453125us);
    feed(advert(170, "192.0.2.2"));
    EXPECT_EQ(left(), 3453125us);
    now += 1ms;
    feed(advert(1, "192.0.2.1"));
    EXPECT_EQ(left(), 3452125us) << "neither hurried nor put off";
}

// Two losers: what the first one says must not make the better router forgotten for the second.
TEST_F(RouterTest, low_band_two_last_words_are_no_offer_either) {
    router(155);
    feed(Startup{});
    feed(advert(200, "192.0.2.2"));
    const auto before = left();
    now += 1ms;
    feed(advert(144, "192.0.2.3"));
    feed(advert(1, "192.0.2.4"));
    EXPECT_EQ(left(), before - 1ms);
}

TEST_F(RouterTest, who_may_not_lead_resigns_and_never_claims) {
    become_active();
    EXPECT_EQ(feed(StandingChanged{{100, false}}), ">backup release S0");
    EXPECT_EQ(wait(100s), "");
    EXPECT_EQ(router_->next_deadline(), std::nullopt);
    EXPECT_EQ(feed(StandingChanged{{100, true}}), ">active take S100 announce") << "long silence";
}

TEST_F(RouterTest, a_change_of_priority_shifts_the_running_timer) {
    router();
    feed(Startup{});
    wait(1s);
    feed(StandingChanged{{200, true}});
    EXPECT_EQ(left(), 3218750us - 1s);
}

TEST_F(RouterTest, a_change_of_priority_is_advertised_at_once) {
    become_active();
    wait(300ms);
    EXPECT_EQ(feed(StandingChanged{{1, true}}), "S1");
}

TEST_F(RouterTest, claim_leads_at_once) {
    router();
    feed(Startup{});
    feed(advert(150));
    feed(StandingChanged{{254, true}});
    EXPECT_EQ(feed(Claim{}), ">active take announce");
    EXPECT_EQ(cause, Cause::claimed);
}

TEST_F(RouterTest, adoption_is_active_at_once) {
    router();
    EXPECT_EQ(feed(Startup{true}), ">active take S100 announce");
    EXPECT_EQ(cause, Cause::adopted);
}

TEST_F(RouterTest, a_tie_that_is_broken_elsewhere_decides_nothing) {
    become_active();
    Advert tied = advert(100, "192.0.2.6");
    tied.decides_tie = false;
    EXPECT_EQ(feed(tied), "");
}

TEST_F(RouterTest, on_a_grid_advertisements_are_never_late) {
    RouterSettings settings;
    settings.advert_interval = settings.advert_grid = 10ms;
    router(100, settings);
    now += 3333us;
    feed(Startup{});
    wait(left());
    ASSERT_EQ(router_->state(), State::active);
    EXPECT_LE(left(), 10ms);
    wait(left());
    EXPECT_EQ(left(), 10ms);
    EXPECT_EQ(now.time_since_epoch() % 10ms, 0us);
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
