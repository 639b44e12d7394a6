// A reload of checks and services, and of VIPs that come and go.
#include "tests/unit/core/reloading.hpp"

namespace understudy {
namespace {

// --- checks and services -------------------------------------------------------------------------

control::CheckStatus status_of(VirtualHost& host, const std::string& name) {
    const auto answer = host.ask(control::CheckListRequest{});
    for (const auto& status : std::get<control::CheckListResponse>(answer).checks) {
        if (status.name == name) {
            return status;
        }
    }
    return {};
}

TEST_F(Reload, a_check_goes_on_with_its_run_in_another_place) {
    start(tracking(150), tracking(100));
    Configuration more = tracking(150);
    more.checks.insert(more.checks.begin(), check("first"));
    more.vips.front().tracks.push_back({"first", 10});
    const auto before = status_of(lb1, "gateway");
    // In the middle of a run: it takes 1 ms.
    ASSERT_TRUE(lan.run_until(
        [&] {
            lan.run_for(100us);
            decided.clear();
            return status_of(lb1, "gateway").runs == before.runs + 3;
        },
        3s));
    for (int i = 0; i < 40; ++i) {
        lb1.reload(i % 2 == 0 ? more : tracking(150));
        lan.run_for(500us + 25ms);
    }
    const auto after = status_of(lb1, "gateway");
    EXPECT_EQ(after.runs, before.runs + 3 + 2) << "one every 500 ms, and none was lost";
    EXPECT_EQ(after.state, control::CheckState::up);
    EXPECT_EQ(after.since, before.since);
    EXPECT_EQ(after.failures, 0U);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_THAT(lb1.orders(), IsEmpty()) << "nobody thought that the prober hangs";
}

TEST_F(Reload, a_new_check_is_run_at_once_and_one_that_is_gone_no_more) {
    start(web(150), web(100));
    lb1.reload(tracking(150));
    EXPECT_THAT(decided, ElementsAre("run"));
    EXPECT_EQ(lb1.state(), "active") << "who holds the address waits for the first outcome";
    lan.run_for(5s);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_GE(status_of(lb1, "gateway").runs, 10U);
    lb1.set_check("gateway", false, "no answer");
    ASSERT_TRUE(reaches(lb1, "fault"));
    lb1.reload(web(150));
    lan.run_for(1ms);
    EXPECT_EQ(lb1.state(), "backup");
    EXPECT_EQ(status_of(lb1, "gateway").name, "");
    ASSERT_TRUE(reaches(lb1, "active", 5s));
}

TEST_F(Reload, another_timing_counts_from_the_last_run) {
    Configuration slow = tracking(150);
    slow.checks.front() = check("gateway", 3600s);
    slow.checks.front().fast_interval.reset();
    start(slow, web(100));
    const auto runs = status_of(lb1, "gateway").runs;
    lb1.reload(tracking(150));
    lan.run_for(10ms);
    EXPECT_EQ(status_of(lb1, "gateway").runs, runs + 1) << "it is overdue by the new interval";
    EXPECT_EQ(status_of(lb1, "gateway").state, control::CheckState::up);
    lan.run_for(5s);
    EXPECT_EQ(status_of(lb1, "gateway").runs, runs + 11);
    EXPECT_EQ(lb1.state(), "active");
}

TEST_F(Reload, another_question_keeps_the_last_word_and_is_asked_at_once) {
    start(tracking(150), web(100));
    const auto before = status_of(lb1, "gateway");
    Configuration other = tracking(150);
    checks::Http question;
    question.url = "http://192.0.2.99/";
    other.checks.front().question = question;
    lb1.set_check("gateway", false, "404");
    lb1.reload(other);
    EXPECT_THAT(decided, ElementsAre("run"));
    EXPECT_EQ(status_of(lb1, "gateway").state, control::CheckState::up);
    EXPECT_EQ(status_of(lb1, "gateway").runs, before.runs);
    EXPECT_EQ(lb1.state(), "active");
    lan.run_for(60ms);  // a failure, and one more after the fast interval
    EXPECT_EQ(status_of(lb1, "gateway").state, control::CheckState::down);
}

TEST_F(Reload, a_run_by_hand_of_a_check_that_is_gone_is_answered) {
    start(tracking(150), web(100));
    const auto client = lb1.send(control::CheckRunRequest{"gateway"});
    lb1.reload(web(150));
    ASSERT_TRUE(lb1.answer(client));
    EXPECT_THAT(std::get<ErrorResponse>(*lb1.answer(client)).text,
                HasSubstr("is not configured any more"));
}

TEST_F(Reload, a_vip_without_its_service_claims_at_once) {
    lb1.set_start(3600s, false);
    lb1.set_check("frontend", false);
    lb1.start(served(150));
    ASSERT_TRUE(reaches(lb1, "promoting", 20s));
    EXPECT_FALSE(lb1.holds(vip));
    lb1.reload(web(150));
    EXPECT_THAT(decided, ElementsAre("advert", "add " + vip, "announce 192.0.2.10", "state"));
    EXPECT_TRUE(lb1.holds(vip));
}

TEST_F(Reload, a_service_with_another_command_may_be_started_again) {
    lb1.set_start(1s, false);
    lb1.set_check("frontend", false);
    lb1.start(served(150));
    ASSERT_TRUE(reaches(lb1, "fault", 20s));
    lan.run_for(10s);
    EXPECT_EQ(lb1.vip().readiness, control::Readiness::unready);
    lb1.reload(served(150));
    EXPECT_EQ(lb1.vip().readiness, control::Readiness::unready) << "nothing is better now";
    Configuration mended = served(150);
    mended.services.front().unit = "haproxy2.service";
    lb1.reload(mended);
    EXPECT_EQ(lb1.vip().readiness, control::Readiness::cold);
}

TEST_F(Reload, a_service_that_is_not_this_agents_to_start_any_more_is_not_stopped) {
    Configuration before = served(150);
    before.services.front().stop_on_release = true;
    Configuration after = served(150);
    after.services.front().unit.clear();
    after.vips.front().vrid = 77;  // another virtual router: the former one ends
    start(before, web(100));
    lb1.reload(after);
    ASSERT_TRUE(reaches(lb1, "active"));
    EXPECT_THAT(lb1.orders(), IsEmpty());
}

// Found by the fuzzer of the core. It runs, so this node is ready.
TEST_F(Reload, a_service_that_was_being_stopped_is_left_alone_when_it_is_not_this_agents_any_more) {
    Configuration before = served(150);
    before.services.front().stop_on_release = true;
    Configuration after = served(150);
    after.services.front().unit.clear();
    start(before, web(100));
    lb1.set_stop(3600s);
    lb1.set_link(false);
    ASSERT_TRUE(lan.run_until([&] { return !lb1.orders().empty(); }, 10s));
    lb1.reload(after);
    lb1.set_link(true);
    lan.run_for(2s);
    EXPECT_THAT(lb1.orders(), ElementsAre("stop haproxy"));
    EXPECT_EQ(lb1.vip().readiness, control::Readiness::hot);
}

// --- VIPs come and go ----------------------------------------------------------------------------

TEST_F(Reload, a_vip_that_is_gone_releases_and_resigns) {
    Configuration both = web(150);
    both.vips.push_back(mail(150));
    Configuration others = web(100);
    others.vips.push_back(mail(100));
    start(both, others);
    lan.adverts.clear();
    Configuration mail_only = both;
    mail_only.vips.erase(mail_only.vips.begin());
    lb1.reload(mail_only);
    EXPECT_THAT(decided, ElementsAre("state", "remove " + vip, "advert"));
    ASSERT_EQ(lan.adverts.size(), 1U);
    EXPECT_EQ(lan.adverts.front().advert.vrid, 51);
    EXPECT_EQ(lan.adverts.front().advert.priority, 0);
    ASSERT_TRUE(lan.run_until([&] { return lb2.state("web") == "active"; }, 700ms));
    lan.run_for(10s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
    EXPECT_THAT(lan.holders("192.0.2.20/24"), ElementsAre("lb1"));
    EXPECT_EQ(lb2.state("mail"), "backup");

    lb1.reload(both);  // and it is there again: as at the start
    lan.run_for(1ms);
    EXPECT_EQ(lb1.state("web"), "backup");
    ASSERT_TRUE(lan.run_until([&] { return lb1.state("web") == "active"; }, 10s));
}

TEST_F(Reload, vips_in_another_order_are_the_same_ones) {
    Configuration both = web(150);
    both.vips.push_back(mail(150));
    Configuration others = web(100);
    others.vips.push_back(mail(100));
    start(both, others);
    const auto client = lb1.send(control::FailoverRequest{"mail", 10s});
    std::ranges::reverse(both.vips);
    lb1.reload(both);
    EXPECT_THAT(decided, IsEmpty());
    ASSERT_TRUE(lan.run_until([&] { return lb2.state("mail") == "active"; }, 2s));
    lan.run_for(100ms);
    ASSERT_TRUE(lb1.answer(client));
    EXPECT_TRUE(std::holds_alternative<DoneResponse>(*lb1.answer(client)));
    lan.run_for(10s);
    EXPECT_EQ(lb1.state("web"), "active");
    EXPECT_EQ(lb1.state("mail"), "backup");
    lb2.crash();
    ASSERT_TRUE(lan.run_until([&] { return lb1.state("mail") == "active"; }, 10s));
}

TEST_F(Reload, a_vip_of_another_name_is_another_one_and_adopts_nothing) {
    start(web(150), web(100));
    Configuration renamed = web(150);
    renamed.vips.front().name = "www";
    lb1.reload(renamed);
    EXPECT_EQ(lb1.state("www"), "backup");
    EXPECT_FALSE(lb1.holds(vip));
    ASSERT_TRUE(lan.run_until([&] { return lb2.holds(vip); }, 700ms));
    ASSERT_TRUE(lan.run_until([&] { return lb1.state("www") == "active"; }, 10s));
    EXPECT_TRUE(lb1.holds(vip));
    EXPECT_EQ(lb1.vip("www").counters.address_repairs, 0U);
}

TEST_F(Reload, another_vrid_begins_only_this_vip_anew) {
    Configuration both = web(150);
    both.vips.push_back(mail(150));
    lb1.start(both);
    ASSERT_TRUE(lan.run_until([&] { return lb1.state("mail") == "active"; }, 10s));
    lan.run_for(5s);
    const auto client = lb1.send(control::FailoverRequest{"web", 10s});
    lan.adverts.clear();
    both.vips.front().vrid = 77;
    lb1.reload(both);
    EXPECT_EQ(lan.adverts.front().advert.vrid, 51);
    EXPECT_EQ(lan.adverts.front().advert.priority, 0);
    EXPECT_EQ(lb1.state("web"), "backup");
    EXPECT_EQ(lb1.state("mail"), "active");
    ASSERT_TRUE(lb1.answer(client));
    EXPECT_THAT(std::get<ErrorResponse>(*lb1.answer(client)).text, HasSubstr("reload"));
    ASSERT_TRUE(reaches(lb1, "active"));
    EXPECT_EQ(lan.adverts.back().advert.vrid, 77);
    EXPECT_EQ(lb1.vip("mail").transitions, 2U);
}

TEST_F(Reload, an_address_moves_between_two_vips_of_a_node_without_being_let_go) {
    Configuration before = web(150);
    before.vips.front().addresses.push_back(address(second));
    before.vips.push_back(mail(150));
    Configuration after = web(150);
    after.vips.push_back(mail(150));
    after.vips.back().addresses.push_back(address(second));
    lb1.start(before);
    ASSERT_TRUE(lan.run_until([&] { return lb1.state("mail") == "active"; }, 10s));
    lan.run_for(5s);
    lan.after_step = [this] { ASSERT_TRUE(lb1.holds(second)); };
    lb1.reload(after);
    EXPECT_THAT(decided, ElementsAre("announce 192.0.2.11"));
    lan.run_for(20s);
    // One VIP takes over everything of the other.
    after.vips.back().addresses.push_back(address(vip));
    after.vips.erase(after.vips.begin());
    lb1.reload(after);
    EXPECT_THAT(decided, ElementsAre("state", "advert", "announce 192.0.2.10"));
    lan.run_for(20s);
    EXPECT_TRUE(lb1.holds(vip));
    EXPECT_EQ(lb1.vip("mail").addresses.size(), 3U);
    EXPECT_EQ(lb1.vip("mail").counters.address_repairs, 0U);
}

// What the kernel has not told yet: the address is gone already, or there already.
TEST_F(Reload, an_address_moves_between_two_vips_while_it_is_being_removed_or_added) {
    Configuration before = web(150);
    before.vips.push_back(mail(150));
    before.vips.back().addresses.push_back(address(second));
    Configuration after = before;
    after.vips.front().addresses.push_back(address(second));
    after.vips.back().addresses.pop_back();
    Configuration other = web(100);
    other.vips.push_back(mail(100));
    lose_second_slowly(before, other);
    lb1.reload(after);
    EXPECT_THAT(decided, ElementsAre("add 192.0.2.11/24", "announce 192.0.2.11"));
    EXPECT_TRUE(lb1.holds(second));
    lan.run_for(1s);

    lb1.reload(before);
    EXPECT_FALSE(lb1.holds(second));
    lb1.send(control::FailbackRequest{"mail"});
    ASSERT_TRUE(lan.run_until([&] { return lb1.holds(second); }, 10s));
    lb1.reload(after);
    EXPECT_THAT(decided, ElementsAre("announce 192.0.2.11"));
    lan.run_for(5s);
    EXPECT_EQ(lb1.state(), "active") << "it is no address of somebody else";
    EXPECT_TRUE(lb1.holds(second));
}

// Found by the fuzzer of the core.
TEST_F(Reload, an_address_that_is_being_announced_is_not_announced_anew_by_every_reload) {
    Configuration more = web(150);
    more.vips.front().addresses.push_back(address(second));
    start(web(150), web(100));
    lb1.reload(more);
    EXPECT_THAT(decided, ElementsAre("add " + second, "announce 192.0.2.11"));
    lan.announced.clear();
    for (int i = 0; i < 20; ++i) {
        more.vips.front().priority = i % 2 == 0 ? 149 : 150;
        lb1.reload(more);
        EXPECT_THAT(decided, testing::Not(testing::Contains("announce 192.0.2.11")));
        lan.run_for(500ms);
    }
    EXPECT_EQ(lan.announced.size(), 3U) << "again after 0.2, 1 and 5 s";
}

// Found by the fuzzer of the core. The VIP that asked for the removal is no more, and what it knew.
TEST_F(Reload, an_address_of_a_vip_that_is_gone_is_added_also_before_the_kernel_has_told) {
    Configuration before = web(150);
    before.vips.push_back(mail(150));
    before.vips.back().addresses.push_back(address(second));
    Configuration after = web(150);
    after.vips.front().addresses.push_back(address(second));
    Configuration other = web(100);
    other.vips.push_back(mail(100));
    lose_second_slowly(before, other);
    lb1.reload(web(150));
    lb1.reload(after);
    EXPECT_THAT(decided, ElementsAre("add 192.0.2.11/24", "announce 192.0.2.11"));
    EXPECT_TRUE(lb1.holds(second));
    lan.run_for(1s);
    EXPECT_TRUE(lb1.holds(second));
    EXPECT_EQ(lb1.vip().counters.address_repairs, 0U);
}

TEST(ReloadRules, what_makes_another_virtual_router) {
    const core::VipSettings from = web(150).vips.front();
    const auto same = [&](auto change) {
        core::VipSettings to = from;
        change(to);
        return core::is_same_router(from, to);
    };
    EXPECT_TRUE(same([](auto& to) { to.priority = 255; }));
    EXPECT_TRUE(same([](auto& to) { to.unicast_peers = {*IpAddress::parse("192.0.2.2")}; }));
    EXPECT_TRUE(same([](auto& to) { to.addresses.push_back(address(second)); }));
    EXPECT_FALSE(same([](auto& to) { to.vrid = 7; }));
    EXPECT_FALSE(same([](auto& to) { to.interface = "eth1"; }));
    EXPECT_FALSE(same([](auto& to) { to.version = vrrp::Version::v2; }));
    EXPECT_FALSE(same([](auto& to) { to.addresses.push_back(address("2001:db8::1/64")); }));
}

// --- hooks ---------------------------------------------------------------------------------------

TEST_F(Reload, hooks_that_waited_and_are_not_configured_any_more_keep_nobody_from_stopping) {
    Configuration told = web(150);
    for (const auto kind :
         {core::HookKind::active, core::HookKind::fault, core::HookKind::release}) {
        told.vips.front().hooks.commands.at(static_cast<std::size_t>(kind)) = {"/hooks/run"};
    }
    lb1.set_hook(core::HookKind::active, {.vanishes = true});
    lb1.start(told);
    ASSERT_TRUE(reaches(lb1, "active"));
    lb1.set_link(false);
    lan.run_for(10ms);
    ASSERT_EQ(lb1.state(), "fault") << "on_release and on_fault wait for on_active";
    lb1.reload(web(150));
    lb1.stop();
    EXPECT_TRUE(lan.run_until([&] { return lb1.exited(); }, 10s));
}

}  // namespace
}  // namespace understudy
