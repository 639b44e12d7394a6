// Which of its addresses a node advertises from, where none is configured.
#include "agent/core/source_address.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/sim/virtual_lan.hpp"

namespace understudy::core {
namespace {

using namespace std::chrono_literals;
using sim::AddressFlags;
using sim::VirtualHost;
using sim::VirtualLan;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr AddressFlags stable{};
constexpr AddressFlags temporary{.secondary = true};
constexpr AddressFlags secondary{.secondary = true};
constexpr AddressFlags deprecated{.deprecated = true};
constexpr AddressFlags tentative{.tentative = true};
constexpr AddressFlags duplicate{.duplicate = true};

struct Given {
    std::string prefix;
    AddressFlags flags = stable;
    bool ours = false;
};

IpAddress ip(const std::string& text) {
    return *IpAddress::parse(text);
}

class Source : public testing::Test {
protected:
    static constexpr InterfaceIndex eth0 = 2;

    std::string choose(const std::vector<Given>& given) {
        KernelView kernel;
        kernel.seen(LinkSeen{eth0, "eth0", true, {}});
        for (const Given& each : given) {
            AddressSeen seen;
            seen.index = eth0;
            seen.prefix = *IpPrefix::parse(each.prefix);
            seen.ours = each.ours;
            seen.tentative = each.flags.tentative;
            seen.duplicate = each.flags.duplicate;
            seen.deprecated = each.flags.deprecated;
            seen.secondary = each.flags.secondary;
            kernel.seen(TimePoint{1000s}, seen);
        }
        SourceQuestion question{eth0, family, peers, excluded, present, present_was_preferred};
        const SourceChoice choice = choose_source(kernel, question);
        if (choice.awaited != nullptr) {
            EXPECT_EQ(choice.address, nullptr);
            return "awaits " + choice.awaited->prefix.address.to_string();
        }
        return choice.address == nullptr ? "none" : choice.address->prefix.address.to_string();
    }
    // The same in every order in which they can be added.
    void expect_always(std::vector<Given> given, const std::string& expected) {
        std::ranges::sort(given, {}, &Given::prefix);
        do {
            EXPECT_EQ(choose(given), expected);
        } while (std::ranges::next_permutation(given, {}, &Given::prefix).found);
    }

    Family family = Family::ipv6;
    std::vector<IpAddress> peers;
    std::set<IpAddress> excluded;
    std::optional<IpAddress> present;
    bool present_was_preferred = true;
};

// --- IPv6 unicast --------------------------------------------------------------------------------

class UnicastSource : public Source {
protected:
    UnicastSource() { peers = {ip("2001:db8::2")}; }
};

TEST_F(UnicastSource, the_lowest_stable_address_whatever_the_order) {
    expect_always(
        {{"2001:db8::1/64"}, {"2001:db8::9/64"}, {"2001:db8::a8bb:ccff:fedd:1/64"}, {"fe80::1/64"}},
        "2001:db8::1");
}

TEST_F(UnicastSource, never_a_temporary_deprecated_or_tentative_one_beside_a_stable_one) {
    for (const AddressFlags flags : {temporary, deprecated, duplicate}) {
        expect_always({{"2001:db8::3/64"}, {"2001:db8::1/64", flags}, {"fe80::1/64"}},
                      "2001:db8::3");
    }
    expect_always({{"2001:db8::3/64"}, {"2001:db8::5/64", tentative}}, "2001:db8::3");
}

TEST_F(UnicastSource, a_poor_one_where_there_is_no_other) {
    EXPECT_EQ(choose({{"2001:db8::5/64", temporary}}), "2001:db8::5");
    EXPECT_EQ(choose({{"2001:db8::5/64", deprecated}}), "2001:db8::5");
    EXPECT_EQ(choose({{"2001:db8::5/64", duplicate}}), "none");
    // RFC 6724 5: rule 3 comes before rule 7.
    expect_always({{"2001:db8::1/64", deprecated}, {"2001:db8::5/64", temporary}}, "2001:db8::5");
}

TEST_F(UnicastSource, a_better_one_that_is_tentative_is_awaited) {
    expect_always({{"2001:db8::1/64", tentative}, {"2001:db8::5/64"}}, "awaits 2001:db8::1");
    expect_always({{"2001:db8::9/64", tentative}, {"2001:db8::5/64", temporary}},
                  "awaits 2001:db8::9");
    EXPECT_EQ(choose({{"2001:db8::1/64", tentative}}), "awaits 2001:db8::1");
    expect_always({{"2001:db8::1/64", duplicate}, {"2001:db8::5/64"}}, "2001:db8::5");
}

TEST_F(UnicastSource, the_present_one_serves_until_then) {
    present = ip("2001:db8::5");
    expect_always({{"2001:db8::1/64", tentative}, {"2001:db8::5/64"}}, "2001:db8::5");
    expect_always({{"2001:db8::1/64"}, {"2001:db8::5/64"}}, "2001:db8::1");
}

TEST_F(UnicastSource, the_present_one_does_not_lose_its_place_by_becoming_deprecated) {
    present = ip("2001:db8::1");
    expect_always({{"2001:db8::1/64", deprecated}, {"2001:db8::5/64"}}, "2001:db8::1");
    present_was_preferred = false;
    expect_always({{"2001:db8::1/64", deprecated}, {"2001:db8::5/64"}}, "2001:db8::5");
}

TEST_F(UnicastSource, one_in_the_network_of_the_peer) {
    expect_always({{"2001:db8::7/64"}, {"2001:db8:0:1::1/64"}, {"2001:db7::1/64"}}, "2001:db8::7");
    // An address by DHCPv6 has a prefix length of 128, and is in the network of the other one.
    expect_always({{"2001:db8::5/128"}, {"2001:db8::a8bb:ccff:fedd:1/64"}}, "2001:db8::5");
}

TEST_F(UnicastSource, one_in_the_network_of_most_peers) {
    peers = {ip("2001:db8::2"), ip("2001:db8:0:1::2"), ip("2001:db8:0:1::3")};
    expect_always({{"2001:db8::1/64"}, {"2001:db8:0:1::7/64"}}, "2001:db8:0:1::7");
}

TEST_F(UnicastSource, the_longest_common_prefix_with_a_peer_behind_a_router) {
    peers = {ip("2001:db8:9::2")};
    expect_always({{"2001:db8:8::7/64"}, {"2001:db8::1/64"}, {"fd00::1/64"}}, "2001:db8:8::7");
    peers = {ip("fd00:9::2")};
    expect_always({{"2001:db8:8::7/64"}, {"2001:db8::1/64"}, {"fd00::1/64"}}, "fd00::1");
}

TEST_F(UnicastSource, has_the_scope_of_the_peer) {
    expect_always({{"fe80::1/64"}, {"2001:db8::7/64"}}, "2001:db8::7");
    EXPECT_EQ(choose({{"fe80::1/64"}}), "none");
    peers = {ip("fe80::2")};
    expect_always({{"fe80::1/64"}, {"2001:db8::7/64"}}, "fe80::1");
    EXPECT_EQ(choose({{"2001:db8::7/64"}}), "none");
}

TEST_F(UnicastSource, never_an_address_that_moves) {
    excluded = {ip("2001:db8::1"), ip("2001:db8::2")};
    expect_always({{"2001:db8::1/64"}, {"2001:db8::7/64"}}, "2001:db8::7");
    expect_always({{"2001:db8::3/64", stable, true}, {"2001:db8::7/64"}}, "2001:db8::7");
}

// --- multicast -----------------------------------------------------------------------------------

TEST_F(Source, of_ipv6_multicast_is_the_lowest_link_local_address) {
    expect_always({{"fe80::a8bb:ccff:fedd:1/64"}, {"fe80::5/64"}, {"2001:db8::1/64"}}, "fe80::5");
    expect_always({{"fe80::5/64", deprecated}, {"fe80::7/64"}}, "fe80::7");
    EXPECT_EQ(choose({{"2001:db8::1/64"}}), "none");
}

// RFC 9568 1.6, 5.1.1.1. The kernel keeps the order in which primary addresses were added.
TEST_F(Source, of_ipv4_is_the_primary_address) {
    family = Family::ipv4;
    EXPECT_EQ(choose({{"192.0.2.9/24"}, {"192.0.2.3/24", secondary}}), "192.0.2.9");
    EXPECT_EQ(choose({{"192.0.2.3/24", secondary}, {"192.0.2.9/24"}}), "192.0.2.9");
    EXPECT_EQ(choose({{"198.51.100.9/24"}, {"192.0.2.3/24"}}), "198.51.100.9");
    EXPECT_EQ(choose({{"192.0.2.3/24", secondary}}), "192.0.2.3");
    expect_always({{"192.0.2.9/24"}, {"192.0.2.3/24", deprecated}}, "192.0.2.9");
    expect_always({{"192.0.2.9/24"}, {"169.254.7.7/16"}}, "192.0.2.9");
    EXPECT_EQ(choose({{"169.254.7.7/16"}}), "169.254.7.7");
}

TEST_F(Source, of_ipv4_unicast_is_in_the_network_of_the_peer) {
    family = Family::ipv4;
    peers = {ip("192.0.2.2")};
    expect_always({{"198.51.100.9/24"}, {"192.0.2.3/24"}, {"169.254.7.7/16"}}, "192.0.2.3");
    EXPECT_EQ(choose({{"198.51.100.9/24"}, {"192.0.2.3/24", secondary}}), "192.0.2.3");
    peers = {ip("169.254.1.1")};
    expect_always({{"192.0.2.9/24"}, {"169.254.7.7/16"}}, "169.254.7.7");
}

TEST(KernelOrder, a_promoted_address_is_behind_the_other_primary_ones) {
    KernelView kernel;
    const auto see = [&](const char* prefix, bool is_secondary) {
        AddressSeen seen;
        seen.index = 2;
        seen.prefix = *IpPrefix::parse(prefix);
        seen.secondary = is_secondary;
        EXPECT_TRUE(kernel.seen(TimePoint{1000s}, seen)) << prefix;
        return seen.prefix;
    };
    kernel.observation_started();
    kernel.observation_complete();
    const IpPrefix first = see("192.0.2.1/24", false);
    see("192.0.2.7/24", true);
    see("198.51.100.1/24", false);
    kernel.gone(AddressGone{2, first});
    see("192.0.2.7/24", false);
    EXPECT_LT(kernel.find(2, *IpPrefix::parse("198.51.100.1/24"))->order,
              kernel.find(2, *IpPrefix::parse("192.0.2.7/24"))->order);
}

// --- a node --------------------------------------------------------------------------------------

class UnicastPair : public testing::Test {
protected:
    static constexpr const char* own = "2001:db8::1/64";

    static Configuration node(vrrp::Priority priority, const std::string& peer) {
        Configuration configuration = sim::web(priority, 100ms);
        VipSettings& web = configuration.vips.front();
        web.addresses = {{{vrrp::derived_link_local(51), 64}, "eth0", true, true},
                         {*IpPrefix::parse("2001:db8::10/64"), "eth0", true, false}};
        web.unicast_peers = {ip(peer)};
        return configuration;
    }
    void SetUp() override {
        lb1.add_by_hand(own);
        lb2.add_by_hand("2001:db8::2/64");
        lb1.start(node(150, "2001:db8::2"));
        lb2.start(node(100, "2001:db8::1"));
        ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 5s));
        lan.run_for(2s);
        ASSERT_EQ(lb2.state(), "backup");
        lan.adverts.clear();
        changes = lb2.events().size();
    }
    // For longer than lb2 would wait.
    void expect_peace() {
        lan.run_for(5s);
        EXPECT_EQ(lb1.state(), "active");
        EXPECT_EQ(lb2.events().size(), changes);
        EXPECT_EQ(lb2.state(), "backup");
        EXPECT_THAT(sources(), ElementsAre("2001:db8::1"));
    }
    std::vector<std::string> sources() {
        std::set<std::string> all;
        for (const sim::SentAdvert& advert : lan.adverts) {
            all.insert(advert.source.to_string());
        }
        return {all.begin(), all.end()};
    }

    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    VirtualHost& lb2 = lan.add("lb2");
    std::size_t changes = 0;
};

TEST_F(UnicastPair, whose_node_is_started_again_hears_the_same_source) {
    lb1.add_by_hand("2001:db8::7/64");
    lb1.add_by_hand("2001:db8::8000:1/64", temporary);
    lb1.add_by_hand("2001:db8::/64", deprecated);
    expect_peace();
    lb1.crash();
    lb1.start(node(150, "2001:db8::2"));
    expect_peace();
}

TEST_F(UnicastPair, is_not_disturbed_by_an_address_that_becomes_deprecated) {
    lb1.add_by_hand("2001:db8::7/64");
    lb1.change_flags(own, deprecated);
    EXPECT_THAT(lb1.journal(), Contains(AllOf(HasSubstr("2001:db8::1"), HasSubstr("is deprecated"),
                                              HasSubstr("unicast_source"))));
    expect_peace();
    const auto said = std::ranges::count_if(lb1.journal(), [](const std::string& line) {
        return line.find("is deprecated") != std::string::npos;
    });
    EXPECT_EQ(said, 1);
    lb1.change_flags(own, stable);
    expect_peace();
}

TEST_F(UnicastPair, is_told_when_the_source_is_another_one) {
    lb1.delete_by_hand(own);
    lb1.add_by_hand("2001:db8::7/64");
    EXPECT_THAT(lb1.journal(), Contains(HasSubstr("advertisements come from 2001:db8::7 of eth0 "
                                                  "now, no longer from 2001:db8::1")));
}

TEST_F(UnicastPair, whose_node_starts_before_detection_is_finished_waits_for_it) {
    lb1.crash();
    lb1.delete_by_hand(own);
    lan.run_for(10s);
    ASSERT_EQ(lb2.state(), "active");
    changes = lb2.events().size();
    lan.adverts.clear();
    lb1.add_by_hand("2001:db8::7/64");
    lb1.add_by_hand(own, tentative);
    lb1.start(node(100, "2001:db8::2"));
    lan.run_for(5s);
    EXPECT_EQ(lb1.state(), "fault");
    EXPECT_THAT(lb1.why(), Contains(HasSubstr("2001:db8::1 is tentative")));
    EXPECT_EQ(lb2.events().size(), changes);
    lb1.change_flags(own, stable);
    lb2.crash();
    lan.adverts.clear();
    lan.run_for(5s);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_THAT(sources(), ElementsAre("2001:db8::1"));
}

TEST_F(UnicastPair, says_that_the_configured_source_is_a_duplicate) {
    Configuration configured = node(150, "2001:db8::2");
    configured.vips.front().unicast_sources = {ip("2001:db8::1")};
    lb1.reload(configured);
    expect_peace();
    lb1.change_flags(own, duplicate);
    lan.run_for(1s);
    EXPECT_EQ(lb1.state(), "fault");
    EXPECT_THAT(lb1.why(), Contains(HasSubstr("unicast_source 2001:db8::1 is a duplicate")));
    EXPECT_THAT(lb1.why(), Not(Contains(HasSubstr("is on no interface"))));
}

}  // namespace
}  // namespace understudy::core
