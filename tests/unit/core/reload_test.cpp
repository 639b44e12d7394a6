// A reload: real Nodes on a virtual LAN are given another configuration while they work.
#include "agent/core/reload.hpp"

#include <gmock/gmock.h>

#include "tests/sim/virtual_lan.hpp"

namespace understudy {
namespace {

using namespace std::chrono_literals;
using control::DoneResponse;
using control::ErrorResponse;
using core::Configuration;
using sim::VirtualHost;
using sim::VirtualLan;
using sim::web;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::string vip = "192.0.2.10/24";
const std::string second = "192.0.2.11/24";

core::VirtualAddress address(const std::string& prefix) {
    return {*IpPrefix::parse(prefix), "eth0", true, false};
}

// Another VIP beside "web".
core::VipSettings mail(vrrp::Priority priority) {
    core::VipSettings settings = web(priority).vips.front();
    settings.name = "mail";
    settings.vrid = 52;
    settings.addresses = {address("192.0.2.20/24")};
    return settings;
}

checks::CheckSettings check(const std::string& name, Duration interval = 500ms) {
    checks::CheckSettings settings;
    settings.name = name;
    settings.type = "http";
    settings.question = checks::Http{};
    settings.interval = interval;
    settings.fast_interval = 50ms;
    settings.rise = 2;
    settings.fall = 2;
    return settings;
}

Configuration tracking(vrrp::Priority priority) {
    Configuration configuration = web(priority);
    configuration.checks = {check("gateway")};
    configuration.vips.front().tracks = {{"gateway", std::nullopt}};
    return configuration;
}

Configuration served(vrrp::Priority priority) {
    Configuration configuration = web(priority);
    configuration.checks = {check("frontend")};
    core::ServiceSettings service;
    service.name = "haproxy";
    service.checks = {"frontend"};
    service.unit = "haproxy.service";
    service.start_timeout = 5s;
    configuration.services = {service};
    configuration.vips.front().service = "haproxy";
    return configuration;
}

std::string name_of(const core::Action& action) {
    if (const auto* add = std::get_if<core::AddAddress>(&action)) {
        return "add " + add->prefix.to_string();
    }
    if (const auto* remove = std::get_if<core::RemoveAddress>(&action)) {
        return "remove " + remove->prefix.to_string();
    }
    if (const auto* renew = std::get_if<core::RenewAddress>(&action)) {
        return "renew " + renew->prefix.to_string();
    }
    if (const auto* announce = std::get_if<core::Announce>(&action)) {
        return "announce " + announce->address.to_string();
    }
    return std::holds_alternative<core::SendAdvert>(action) ? "advert"
           : std::holds_alternative<core::RunCheck>(action) ? "run"
           : std::holds_alternative<core::Publish>(action)  ? "state"
                                                            : "other";
}

class Reload : public testing::Test {
protected:
    Reload() {
        lb1.recorder = [this](TimePoint, const core::Event& event, const core::Outbox& out) {
            if (std::holds_alternative<core::ConfigurationChanged>(event)) {
                decided.clear();
                std::ranges::transform(out.actions, std::back_inserter(decided), name_of);
            }
        };
    }
    void start(const Configuration& first, const Configuration& other) {
        lb1.start(first);
        lb2.start(other);
        ASSERT_TRUE(reaches(lb1, "active", 60s));
        lan.run_for(10s + 300ms);
    }
    bool reaches(VirtualHost& host, const std::string& state, Duration limit = 10s) {
        return lan.run_until([&] { return host.state() == state; }, limit);
    }
    // No second of lb1 passes without an advertisement, and nothing changes its state.
    void undisturbed(Duration duration) {
        lan.adverts.clear();
        const auto events = lb1.events().size();
        const TimePoint begin = lan.now();
        lan.run_for(duration);
        TimePoint last = begin;
        for (const auto& advert : lan.adverts) {
            EXPECT_EQ(advert.from, "lb1");
            EXPECT_LE(advert.at - last, 1s);
            last = advert.at;
        }
        EXPECT_LE(lan.now() - last, 1s);
        EXPECT_EQ(lb1.events().size(), events);
    }

    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    VirtualHost& lb2 = lan.add("lb2");
    std::vector<std::string> decided;  // on the last reload of lb1
};

// --- without a difference ------------------------------------------------------------------------

TEST_F(Reload, without_a_difference_decides_nothing_in_any_state) {
    Configuration configuration = served(150);
    configuration.checks.push_back(check("gateway"));
    configuration.vips.front().tracks = {{"gateway", std::nullopt}};
    configuration.vips.front().startup_delay = 3s;
    const auto unchanged_in = [&](const std::string& state) {
        ASSERT_EQ(lb1.state(), state);
        decided = {"never reloaded"};
        lb1.reload(configuration);
        EXPECT_THAT(decided, IsEmpty()) << state;
        EXPECT_EQ(lb1.state(), state);
    };
    lb2.start(served(100));
    ASSERT_TRUE(reaches(lb2, "active"));
    lb1.start(configuration);
    lan.run_for(10ms);
    unchanged_in("init");
    lan.run_for(1500ms);
    unchanged_in("init");  // startup_delay
    ASSERT_TRUE(reaches(lb1, "backup"));
    unchanged_in("backup");
    ASSERT_TRUE(reaches(lb1, "active"));
    lan.run_for(100ms);
    unchanged_in("active");
    lb1.send(control::FailoverRequest{"web", 10s});
    unchanged_in("active");  // yielding
    ASSERT_TRUE(reaches(lb1, "backup"));
    unchanged_in("backup");
    lb1.ask(control::TakeoverRequest{"web", false});
    unchanged_in("active");  // taken
    EXPECT_EQ(lb1.vip().effective_priority, 254);
    lb1.set_check("gateway", false);
    ASSERT_TRUE(reaches(lb1, "fault"));
    unchanged_in("fault");
    lb1.set_link(false);
    unchanged_in("fault");
}

TEST_F(Reload, without_a_difference_decides_nothing_while_a_service_is_started) {
    lb1.start(served(150));
    ASSERT_TRUE(reaches(lb1, "active"));
    lb2.start(served(100));
    lan.run_for(5s);
    lb1.send(control::FailoverRequest{"web", 10s});
    ASSERT_TRUE(reaches(lb2, "active"));
    lb1.kill_service("haproxy");
    lan.run_for(5s);
    const auto client = lb1.send(control::TakeoverRequest{"web", false});
    ASSERT_EQ(lb1.state(), "promoting");
    lb1.reload(served(150));
    EXPECT_THAT(decided, IsEmpty());
    EXPECT_EQ(lb1.state(), "promoting");
    ASSERT_TRUE(reaches(lb1, "active", 2s));
    ASSERT_TRUE(lb1.answer(client));
    EXPECT_TRUE(std::holds_alternative<DoneResponse>(*lb1.answer(client)));
    EXPECT_THAT(lb1.orders(), ElementsAre("start haproxy"));
}

TEST_F(Reload, startup_delay_goes_on_and_can_be_changed) {
    Configuration configuration = web(150);
    configuration.vips.front().startup_delay = 60s;
    lb1.start(configuration);
    lan.run_for(40s);
    configuration.vips.front().preempt = false;
    lb1.reload(configuration);
    lan.run_for(19s);
    EXPECT_EQ(lb1.state(), "init");
    ASSERT_TRUE(reaches(lb1, "active", 2s)) << "nobody was heard meanwhile";

    lb2.start(configuration);
    lan.run_for(10s);
    configuration.vips.front().startup_delay = 20s;
    lb2.reload(configuration);
    lan.run_for(9s);
    EXPECT_EQ(lb2.state(), "init");
    ASSERT_TRUE(reaches(lb2, "backup", 2s));
}

// --- in place ------------------------------------------------------------------------------------

TEST_F(Reload, an_address_that_is_added_is_added_and_announced_and_it_alone) {
    start(web(150), web(100));
    Configuration more = web(150);
    more.vips.front().addresses.push_back(address(second));
    lan.announced.clear();
    const auto sent = lb1.vip().counters.adverts_sent;
    lb1.reload(more);
    EXPECT_THAT(decided, ElementsAre("add " + second, "announce 192.0.2.11"));
    EXPECT_TRUE(lb1.holds(second));
    EXPECT_EQ(lb1.vip().addresses.size(), 2U);
    undisturbed(10s);
    EXPECT_EQ(lb1.vip().counters.adverts_sent, sent + 10);
    // At once, after 200 ms, 1.2 s and 6.2 s.
    EXPECT_EQ(std::ranges::count(lan.announced, *IpAddress::parse("192.0.2.11"),
                                 &sim::Announced::address),
              4);
    lan.run_for(60s);  // then with the others
    const auto of_first = std::ranges::count(lan.announced, *IpAddress::parse("192.0.2.10"),
                                             &sim::Announced::address);
    const auto of_second = std::ranges::count(lan.announced, *IpAddress::parse("192.0.2.11"),
                                              &sim::Announced::address);
    EXPECT_EQ(of_second, of_first + 4);
    EXPECT_TRUE(lb1.holds(second)) << "it is renewed";
}

TEST_F(Reload, an_address_that_is_not_named_any_more_is_removed_and_it_alone) {
    Configuration two = web(150);
    two.vips.front().addresses.push_back(address(second));
    start(two, web(100));
    ASSERT_TRUE(lb1.holds(second));
    lb1.reload(web(150));
    EXPECT_THAT(decided, ElementsAre("remove " + second));
    EXPECT_FALSE(lb1.holds(second));
    undisturbed(10s);
    EXPECT_FALSE(lb1.holds(second));
    EXPECT_TRUE(lb1.holds(vip));
    lb1.reload(two);
    EXPECT_THAT(decided, ElementsAre("add " + second, "announce 192.0.2.11"));
    EXPECT_EQ(lb1.vip().counters.address_repairs, 0U);
}

TEST_F(Reload, a_kernel_that_tells_late_changes_nothing_about_that) {
    start(web(150), web(100));
    lb1.slow_down_kernel(30ms);
    Configuration two = web(150);
    two.vips.front().addresses.push_back(address(second));
    for (int i = 0; i < 20; ++i) {
        lb1.reload(i % 2 == 0 ? two : web(150));
        lan.run_for(7ms);
        EXPECT_EQ(lb1.holds(second), i % 2 == 0);
        EXPECT_EQ(lb1.state(), "active");
    }
    lan.run_for(2s);
    EXPECT_FALSE(lb1.holds(second));
    EXPECT_EQ(lb1.vip().counters.address_repairs, 0U);
}

TEST_F(Reload, a_standby_adds_nothing) {
    start(web(150), web(100));
    Configuration more = web(100);
    more.vips.front().addresses.push_back(address(second));
    lb2.reload(more);
    lan.run_for(10s);
    EXPECT_FALSE(lb2.holds(second));
    lb1.crash();
    ASSERT_TRUE(reaches(lb2, "active"));
    EXPECT_TRUE(lb2.holds(second));
}

TEST_F(Reload, another_priority_counts_in_the_election_and_nothing_is_dropped) {
    start(web(150), web(100));
    lan.after_step = [this] { ASSERT_THAT(lan.holders(vip), testing::Not(IsEmpty())); };
    lb1.reload(web(90));
    EXPECT_THAT(decided, ElementsAre("advert"));
    EXPECT_EQ(lb1.vip().base_priority, 90);
    EXPECT_EQ(lb1.state(), "active") << "until somebody preempts";
    ASSERT_TRUE(reaches(lb2, "active", 5s));
    ASSERT_TRUE(reaches(lb1, "backup", 1s));
    lb1.reload(web(200));
    ASSERT_TRUE(reaches(lb1, "active", 5s));
}

TEST_F(Reload, the_lease_and_other_keys_are_changed_in_place) {
    start(web(150), web(100));
    Configuration other = web(150);
    core::VipSettings& settings = other.vips.front();
    settings.lease = 60s;
    settings.preempt = false;
    settings.preempt_delay = 5s;
    settings.accept = false;
    settings.last_resort = core::LastResort::release;
    settings.max_transitions = core::MaxTransitions{5, 60s};
    settings.checksum = core::ChecksumPolicy::pseudo_header;
    lb1.reload(other);
    EXPECT_THAT(decided, ElementsAre("renew " + vip));
    undisturbed(5s);
    EXPECT_EQ(lb1.vip().checksum, "pseudo-header");
    lb1.crash();
    lan.run_for(50s);
    EXPECT_TRUE(lb1.holds(vip)) << "for the new lease";
}

TEST_F(Reload, another_interval_ends_nobodys_turn) {
    start(web(150, 10s), web(100, 10s));
    lan.run_for(95s);
    lb1.reload(web(150, 100ms));
    EXPECT_EQ(lb1.state(), "active") << "it has not slept: the last advertisement was in time";
    lan.run_for(1s);
    EXPECT_EQ(lb2.state(), "backup");
    lb2.reload(web(100, 100ms));
    lan.run_for(3s);
    EXPECT_EQ(lb2.state(), "backup");
    EXPECT_LE(lb2.vip().active_down_interval, 400ms);
    lb1.reload(web(150, 1s));
    lan.run_for(10s);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(lb2.state(), "backup");
    lb1.crash();
    const TimePoint killed = lan.now();
    ASSERT_TRUE(reaches(lb2, "active", 5s));
    EXPECT_GE(lan.now() - killed, 2s) << "it waits as the active node's interval has it";
}

TEST_F(Reload, the_interval_of_version_2_is_not_learned_and_the_silence_before_does_not_count) {
    const auto old_style = [](vrrp::Priority priority, Duration interval) {
        Configuration configuration = web(priority, interval);
        configuration.vips.front().version = vrrp::Version::v2;
        return configuration;
    };
    start(old_style(150, 10s), old_style(100, 10s));
    lan.run_for(88s);  // some seconds after an advertisement
    lb2.reload(old_style(100, 1s));
    lb1.reload(old_style(150, 1s));
    lan.run_for(20s);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(lb2.state(), "backup");
    EXPECT_THAT(lb2.events(), testing::SizeIs(1)) << "init to backup";
}

TEST_F(Reload, from_multicast_to_unicast_without_a_transition) {
    start(web(150), web(100));
    const auto unicast = [](VirtualHost& peer, vrrp::Priority priority) {
        Configuration configuration = web(priority);
        configuration.vips.front().unicast_peers = {peer.address(Family::ipv4)};
        return configuration;
    };
    lb1.reload(unicast(lb2, 150));
    lb2.reload(unicast(lb1, 100));
    undisturbed(20s);
    EXPECT_EQ(lan.adverts.back().destination, lb2.address(Family::ipv4));
    EXPECT_EQ(lb2.state(), "backup");
}

TEST_F(Reload, what_was_asked_for_by_hand_stays) {
    start(web(150), web(100));
    lb1.send(control::FailoverRequest{"web", 10s});
    ASSERT_TRUE(reaches(lb1, "backup"));
    Configuration other = web(200);
    lb1.reload(other);
    lan.run_for(30s);
    EXPECT_EQ(lb1.state(), "backup") << "it stays behind until failback";
    EXPECT_EQ(lb1.vip().effective_priority, 1);
    lb1.ask(control::FailbackRequest{"web"});
    ASSERT_TRUE(reaches(lb1, "active"));
}

TEST_F(Reload, maintenance_goes_on_and_holds_for_a_new_vip) {
    Configuration others = web(100);
    others.vips.push_back(mail(100));
    start(web(150), others);
    lb1.send(control::MaintenanceRequest{.on = true, .expiry = {}});
    ASSERT_TRUE(reaches(lb1, "backup"));
    lb1.reload(web(150));
    EXPECT_THAT(decided, IsEmpty());
    Configuration both = web(150);
    both.vips.push_back(mail(150));
    lb1.reload(both);
    lan.run_for(30s);
    EXPECT_THAT(lan.holders(vip), ElementsAre("lb2"));
    EXPECT_THAT(lan.holders("192.0.2.20/24"), ElementsAre("lb2"));
    EXPECT_EQ(lb1.vip("mail").effective_priority, 1);
    lb1.send(control::MaintenanceRequest{.on = false, .expiry = {}});
    ASSERT_TRUE(lan.run_until([&] { return lb1.state("mail") == "active"; }, 10s));
}

TEST_F(Reload, the_limit_on_transitions_still_holds) {
    Configuration limited = web(150);
    limited.vips.front().max_transitions = core::MaxTransitions{2, 600s};
    start(limited, web(100));
    for (int i = 0; i < 2; ++i) {
        lb1.set_link(false);
        lan.run_for(10s);
        lb1.set_link(true);
        lan.run_for(10s);
    }
    ASSERT_EQ(lb1.state(), "backup");
    limited.vips.front().addresses.push_back(address(second));
    lb1.reload(limited);
    lan.run_for(60s);
    EXPECT_EQ(lb1.state(), "backup");
    limited.vips.front().max_transitions.reset();
    lb1.reload(limited);
    ASSERT_TRUE(reaches(lb1, "active"));
}

TEST_F(Reload, events_are_numbered_on) {
    start(web(150), web(100));
    const auto before = lb1.events().back().number;
    lb1.reload(web(50));
    ASSERT_TRUE(reaches(lb1, "backup", 5s));
    EXPECT_EQ(lb1.events().back().number, before + 1);
    EXPECT_EQ(lb1.vip().transitions, before + 1);
}

TEST_F(Reload, while_the_agent_stops_nothing_changes) {
    start(web(150), web(100));
    lb1.stop();
    Configuration other = web(150);
    other.vips.push_back(mail(150));
    lb1.reload(other);
    ASSERT_TRUE(lan.run_until([&] { return lb1.exited(); }, 10s));
    EXPECT_THAT(lb1.journal(), testing::Contains(HasSubstr("is not taken over")));
    EXPECT_EQ(lb1.node().configuration().vips.size(), 1U);
}

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

}  // namespace
}  // namespace understudy
