// What the router does without an RFC basis: the low band, offers, delays, grids.
#include "tests/unit/vrrp/router_fixture.hpp"

namespace understudy::vrrp {
namespace {

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

}  // namespace
}  // namespace understudy::vrrp
