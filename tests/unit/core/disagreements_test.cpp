// What does not fit between this node and the routers that it hears.
#include "agent/core/disagreements.hpp"

#include <gmock/gmock.h>

#include "tests/sim/virtual_lan.hpp"

namespace understudy::core {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const IpAddress lb2 = IpAddress::v4(192, 0, 2, 2);
const IpAddress lb3 = IpAddress::v4(192, 0, 2, 3);

class Heard : public testing::Test {
protected:
    Heard() {
        settings.vrid = 51;
        settings.advert_interval = 1s;
        advert.version = vrrp::Version::v3;
        advert.vrid = 51;
        advert.priority = 100;
        advert.interval = 1s;
        advert.addresses = own.bytes();
        advert.checksum_form = vrrp::ChecksumForm::message_only;
    }
    void hear(const IpAddress& source) {
        disagreements.heard(now, settings, own.bytes(), source, advert);
    }
    void hear_for(const std::vector<IpAddress>& sources, int seconds) {
        for (int i = 0; i < seconds; ++i) {
            now += 1s;
            for (const IpAddress& source : sources) {
                hear(source);
            }
        }
    }
    std::vector<std::string> warnings(std::optional<Disagreements::ActiveHere> here = {}) const {
        return disagreements.warnings(now, here);
    }

    const IpAddress own = IpAddress::v4(192, 0, 2, 10);
    const IpAddress other = IpAddress::v4(192, 0, 2, 11);
    VipSettings settings;
    vrrp::Received advert;
    Disagreements disagreements;
    TimePoint now{1000s};
};

TEST_F(Heard, what_fits_is_no_warning) {
    hear_for({lb2}, 100);
    EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(Heard, another_interval_until_it_is_mended) {
    advert.interval = 2s;
    hear(lb2);
    EXPECT_THAT(warnings(), ElementsAre("192.0.2.2 advertises every 2 s, this node every 1 s"));
    advert.interval = 1s;
    hear(lb2);
    EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(Heard, is_forgotten_a_minute_after_the_last_sign) {
    advert.interval = 2s;
    hear(lb2);
    now += 60s;
    EXPECT_THAT(warnings(), SizeIs(1));
    now += 1s;
    EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(Heard, another_list_is_named_by_what_differs) {
    std::vector<std::byte> two(own.bytes().begin(), own.bytes().end());
    two.insert(two.end(), other.bytes().begin(), other.bytes().end());
    advert.addresses = two;
    hear(lb2);
    EXPECT_THAT(warnings(), ElementsAre("192.0.2.2 (priority 100) advertises other addresses than "
                                        "are configured here: it has 192.0.2.11"));
    advert.addresses = other.bytes();
    hear(lb2);
    EXPECT_THAT(warnings(), ElementsAre(HasSubstr("it has 192.0.2.11, and it lacks 192.0.2.10")));
}

TEST_F(Heard, a_text_is_made_again_after_a_reload) {
    advert.interval = 2s;
    hear(lb2);
    settings.advert_interval = 3s;
    disagreements.reconsider();
    hear(lb2);
    EXPECT_THAT(warnings(), ElementsAre("192.0.2.2 advertises every 2 s, this node every 3 s"));
}

TEST_F(Heard, a_checksum_matters_where_this_node_insists_on_one) {
    advert.checksum_form = vrrp::ChecksumForm::pseudo_header;
    hear(lb2);
    EXPECT_THAT(warnings(), IsEmpty());
    settings.checksum = ChecksumPolicy::message_only;
    hear(lb2);
    EXPECT_THAT(warnings(), ElementsAre(HasSubstr("with the pseudo-header, this node without")));
}

TEST_F(Heard, one_active_router_is_no_rival_and_two_are) {
    hear_for({lb2}, 10);
    EXPECT_EQ(disagreements.rivals(now, {}), "");
    hear_for({lb2, lb3}, 2);
    EXPECT_EQ(disagreements.rivals(now, {}), "") << "a word or two of who has just lost";
    hear_for({lb2, lb3}, 1);
    EXPECT_THAT(disagreements.rivals(now, {}),
                HasSubstr("192.0.2.2 (priority 100) and 192.0.2.3 (priority 100) are both active"));
    now += 2s;
    EXPECT_EQ(disagreements.rivals(now, {}), "") << "both are silent";
}

TEST_F(Heard, a_handover_is_no_rivalry) {
    hear_for({lb2}, 10);
    advert.priority = 0;
    hear(lb2);
    advert.priority = 100;
    hear_for({lb3}, 10);
    EXPECT_EQ(disagreements.rivals(now, {}), "");
}

TEST_F(Heard, what_is_said_at_once_is_one_word) {
    hear_for({lb2}, 10);
    for (int i = 0; i < 3; ++i) {
        now += 20ms;
        hear(lb3);
        hear(lb2);
    }
    EXPECT_EQ(disagreements.rivals(now, {}), "");
    hear_for({lb2, lb3}, 2);
    EXPECT_THAT(disagreements.rivals(now, {}), HasSubstr("are both active"));
}

TEST_F(Heard, who_goes_on_beside_an_active_node_is_a_rival) {
    const Disagreements::ActiveHere here{now, 150};
    hear_for({lb2}, 2);
    EXPECT_EQ(disagreements.rivals(now, here), "") << "it has only just become active";
    hear_for({lb2}, 1);
    EXPECT_THAT(disagreements.rivals(now, here),
                HasSubstr("192.0.2.2 (priority 100) is active beside this node"));
    EXPECT_THAT(warnings(here), SizeIs(1));
}

// One gives the addresses away, the other one starts its service to take them.
TEST_F(Heard, who_is_in_the_low_band_beside_another_in_it_is_no_rival) {
    const TimePoint since = now;
    advert.priority = 7;
    hear_for({lb2}, 10);
    EXPECT_EQ(disagreements.rivals(now, Disagreements::ActiveHere{since, 1}), "");
    EXPECT_THAT(disagreements.rivals(now, Disagreements::ActiveHere{since, 100}),
                HasSubstr("192.0.2.2 (priority 7) is active beside this node"));
    hear_for({lb2, lb3}, 10);
    EXPECT_EQ(disagreements.rivals(now, {}), "");
}

TEST_F(Heard, one_node_in_two_families_is_one_router) {
    const auto v6 = *IpAddress::parse("fe80::2");
    for (int i = 0; i < 10; ++i) {
        hear_for({lb2}, 1);
        disagreements.heard(now, settings, own.bytes(), v6, advert);
    }
    EXPECT_EQ(disagreements.rivals(now, {}), "");
}

TEST_F(Heard, a_flood_of_sources_does_not_grow) {
    advert.interval = 2s;
    for (int i = 0; i < 1000; ++i) {
        hear(IpAddress::v4(10, 0, static_cast<std::uint8_t>(i / 250),
                           static_cast<std::uint8_t>(i % 250)));
    }
    EXPECT_THAT(warnings(), SizeIs(most_disagreements));
}

// --- through the whole Node ----------------------------------------------------------------------

using sim::VirtualHost;
using sim::VirtualLan;
using sim::web;

class OnTheLan : public testing::Test {
protected:
    void start(Configuration first, Configuration second) {
        lb1.start(std::move(first));
        lb2_.start(std::move(second));
        lan.run_for(20s);
    }
    static std::vector<std::string> warnings(VirtualHost& host) { return host.vip().warnings; }

    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    VirtualHost& lb2_ = lan.add("lb2");
};

TEST_F(OnTheLan, a_healthy_pair_has_no_warning_at_any_time) {
    lan.after_step = [&] {
        for (VirtualHost* host : {&lb1, &lb2_}) {
            if (host->is_running()) {
                ASSERT_THAT(warnings(*host), IsEmpty());
            }
        }
    };
    start(web(150), web(100));
    lb1.cut(true);
    lan.run_for(10s);
    lb1.crash();
    lb1.cut(false);
    lan.run_for(10s);
    lb1.start(web(150));
    lan.run_for(20s);
    EXPECT_EQ(lb1.state(), "active");
}

TEST_F(OnTheLan, a_third_node_takes_a_takeover_for_no_rivalry) {
    VirtualHost& third = lan.add("lb3");
    third.start(web(50));
    start(web(150), web(100));
    lan.run_for(300ms);
    lan.after_step = [&] { ASSERT_THAT(warnings(third), IsEmpty()); };
    lb2_.ask(control::TakeoverRequest{"web", false});
    lan.run_for(10s);
    ASSERT_EQ(lb2_.state(), "active");
    lb2_.ask(control::FailbackRequest{"web"});
    lan.run_for(10s);
    ASSERT_EQ(lb1.state(), "active");
}

TEST_F(OnTheLan, an_active_node_that_never_heard_anybody_says_so_after_a_minute) {
    start(web(150), web(100));
    lan.run_for(20s);
    EXPECT_THAT(lb1.vip().hints, IsEmpty());
    lan.run_for(40s);
    EXPECT_THAT(
        lb1.vip().hints,
        ElementsAre(
            "no peer heard yet (a standby is silent): run `understudy status` on the peer"));
    EXPECT_THAT(lb2_.vip().hints, IsEmpty());
}

TEST_F(OnTheLan, another_version_is_named) {
    Configuration second = web(100);
    second.vips[0].version = vrrp::Version::v2;
    start(web(150), second);
    EXPECT_THAT(warnings(lb1), ElementsAre(HasSubstr("192.0.2.2: version; it speaks version 2, "
                                                     "this node version 3")));
}

TEST_F(OnTheLan, a_router_that_is_no_unicast_peer_is_named_with_what_it_has) {
    Configuration first = web(150);
    first.vips[0].unicast_peers = {IpAddress::v4(192, 0, 2, 77)};
    Configuration second = web(100);
    second.vips[0].unicast_peers = {IpAddress::v4(192, 0, 2, 1)};
    start(first, second);
    EXPECT_THAT(warnings(lb1),
                ElementsAre(HasSubstr("it is no unicast_peer of this VIP; it has priority 100 and "
                                      "192.0.2.10")));
}

// Who is not heard goes on. It takes a network that loses one direction.
TEST_F(OnTheLan, a_rival_is_in_status_why_and_the_journal) {
    start(web(150), web(100));
    lan.wire = [&](const VirtualHost& from, const VirtualHost&) {
        return sim::Passage{&from == &lb1 ? 0U : 1U};
    };
    lan.run_for(20s);
    ASSERT_EQ(lb2_.state(), "active");
    ASSERT_EQ(lb1.state(), "active");
    EXPECT_THAT(warnings(lb1),
                ElementsAre(HasSubstr("192.0.2.2 (priority 100) is active beside this node")));
    const auto in_journal = std::ranges::count_if(lb1.journal(), [](const std::string& line) {
        return line.find("is active beside this node") != std::string::npos;
    });
    EXPECT_EQ(in_journal, 1) << "once, not with every advertisement";
}

}  // namespace
}  // namespace understudy::core
