// Another cluster on the same VRID, and two nodes of one cluster whose lists differ for a while.
#include <gmock/gmock.h>

#include "agent/core/address_lists.hpp"
#include "tests/sim/virtual_lan.hpp"

namespace understudy::core {
namespace {

using namespace std::chrono_literals;
using sim::VirtualHost;
using sim::VirtualLan;
using sim::web;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string ours = "192.0.2.10/24";
const std::string theirs = "198.51.100.7/24";
const std::string new_one = "192.0.2.77/24";

Configuration holding(vrrp::Priority priority, const std::vector<std::string>& prefixes) {
    Configuration configuration = web(priority);
    configuration.vips.front().addresses.clear();
    for (const std::string& prefix : prefixes) {
        configuration.vips.front().addresses.push_back({*IpPrefix::parse(prefix), "eth0"});
    }
    return configuration;
}

class ForeignLists : public testing::Test {
protected:
    void start_pair() {
        lb1.start(holding(150, {ours}));
        lb2.start(holding(100, {ours}));
        lan.run_for(10s);
        ASSERT_EQ(lb1.state(), "active");
    }
    static std::uint64_t discarded(VirtualHost& host) {
        for (const control::DiscardCount& each : host.vip().counters.discarded) {
            if (each.reason == "addresses") {
                return each.count;
            }
        }
        return 0;
    }
    static auto log_lines(const VirtualHost& host, const std::string& text) {
        return std::ranges::count_if(host.journal(), [&](const std::string& line) {
            return line.find(text) != std::string::npos;
        });
    }

    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    VirtualHost& lb2 = lan.add("lb2");
    VirtualHost& other = lan.add("other");
};

TEST_F(ForeignLists, another_cluster_on_the_vrid_is_not_followed_whatever_its_priority) {
    for (const int priority : {200, 254, 255, 50}) {
        start_pair();
        other.start(holding(static_cast<vrrp::Priority>(priority), {theirs}));
        lan.after_step = [this] { ASSERT_THAT(lan.holders(ours), ElementsAre("lb1")); };
        lan.run_for(60s);
        EXPECT_THAT(lan.holders(theirs), ElementsAre("other")) << priority;
        EXPECT_EQ(lb2.vip().transitions, 1U) << "from init to backup";
        EXPECT_EQ(lb2.vip().active->address, "192.0.2.1");
        lan.after_step = nullptr;
        other.crash();
        other.delete_by_hand(theirs);
    }
}

TEST_F(ForeignLists, it_is_counted_and_named_once_a_minute) {
    start_pair();
    other.start(holding(200, {theirs}));
    lan.run_for(30s);
    EXPECT_GE(discarded(lb1), 25U);
    EXPECT_EQ(discarded(lb1), discarded(lb2));
    EXPECT_EQ(lb1.vip().counters.address_mismatches, 0U);
    EXPECT_THAT(lb1.vip().peers, IsEmpty());
    const std::string text =
        "a foreign router, 192.0.2.3 (priority 200), has VRID 51 on this "
        "network for 198.51.100.7: one of the two needs another vrid";
    EXPECT_THAT(lb1.vip().warnings, ElementsAre(HasSubstr(text)));
    EXPECT_THAT(lb1.why(), testing::Contains(HasSubstr(text)));
    EXPECT_EQ(log_lines(lb1, text), 1);
    lan.run_for(60s);
    EXPECT_EQ(log_lines(lb1, text), 2);
}

TEST_F(ForeignLists, what_it_offers_or_resigns_hurries_nobody) {
    start_pair();
    other.start(holding(200, {theirs}));
    lan.run_for(10s);
    other.send(control::FailoverRequest{"web", 3s});
    lan.run_for(10s);
    other.stop();
    lan.run_for(10s);
    EXPECT_EQ(lb2.vip().transitions, 1U);
    EXPECT_EQ(lb1.state(), "active");
}

TEST_F(ForeignLists, lists_that_overlap_are_one_cluster) {
    lb1.start(holding(150, {ours, theirs}));
    lb2.start(holding(100, {new_one, ours}));
    lan.run_for(20s);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(lb2.state(), "backup");
    EXPECT_EQ(discarded(lb2), 0U);
    EXPECT_GT(lb2.vip().counters.address_mismatches, 0U);
    EXPECT_THAT(lb2.vip().warnings, ElementsAre(HasSubstr("it has 198.51.100.7, and it lacks "
                                                          "192.0.2.77")));
}

// As keepalived's virtual_ipaddress_excluded: one node advertises what the other one only carries.
TEST_F(ForeignLists, an_extra_address_is_ours) {
    Configuration first = holding(150, {ours, new_one});
    first.vips.front().addresses.back().advertised = false;
    Configuration second = holding(100, {new_one, ours});
    second.vips.front().addresses.back().advertised = false;
    lb1.start(first);
    lb2.start(second);
    lan.run_for(20s);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(lb2.state(), "backup");
}

TEST_F(ForeignLists, the_link_local_address_of_the_vrid_is_nothing_in_common) {
    const auto v6 = [](vrrp::Priority priority, const std::string& prefix) {
        Configuration configuration = holding(priority, {});
        configuration.vips.front().addresses = {
            {{vrrp::derived_link_local(51), 64}, "eth0", true, true},
            {*IpPrefix::parse(prefix), "eth0"}};
        return configuration;
    };
    lb1.start(v6(100, "2001:db8::10/64"));
    other.start(v6(200, "2001:db8:1::10/64"));
    lan.run_for(20s);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_EQ(other.state(), "active");
    EXPECT_THAT(lb1.vip().warnings, ElementsAre(HasSubstr("for 2001:db8:1::10:")));
    lb2.start(v6(200, "2001:db8::10/64"));
    lan.run_for(20s);
    EXPECT_EQ(lb1.state(), "backup");
}

// --- a change that is rolled out -----------------------------------------------------------------

TEST_F(ForeignLists, the_only_address_is_exchanged_first_where_it_is_active) {
    start_pair();
    lb1.reload(holding(150, {new_one}));
    lan.run_for(30min);
    EXPECT_THAT(lan.holders(new_one), ElementsAre("lb1"));
    EXPECT_THAT(lan.holders(ours), IsEmpty());
    EXPECT_EQ(lb2.state(), "backup");
    EXPECT_THAT(lb2.vip().warnings,
                ElementsAre(HasSubstr("it has 192.0.2.77, and it lacks 192.0.2.10")));
    lb2.reload(holding(100, {new_one}));
    lan.run_for(30s);
    EXPECT_EQ(lb2.vip().transitions, 1U);
    EXPECT_EQ(lb1.vip().transitions, 2U);
    EXPECT_THAT(lan.holders(new_one), ElementsAre("lb1"));
}

TEST_F(ForeignLists, the_only_address_is_exchanged_first_on_the_standby) {
    start_pair();
    lb2.reload(holding(100, {new_one}));
    lan.run_for(30min);
    EXPECT_EQ(lb2.vip().transitions, 1U) << "it still hears its peer";
    lb1.reload(holding(150, {new_one}));
    lan.run_for(30s);
    EXPECT_EQ(lb2.vip().transitions, 1U);
    EXPECT_THAT(lan.holders(new_one), ElementsAre("lb1"));
}

// lb2 was silent until lb1 was reloaded, so lb1 knows nothing of it but the address of both.
TEST_F(ForeignLists, a_standby_that_was_not_reloaded_takes_over_what_is_given_away) {
    start_pair();
    lb1.reload(holding(150, {new_one}));
    lan.run_for(5min);
    const auto client = lb1.send(control::FailoverRequest{"web", 10s});
    lan.run_for(10s);
    ASSERT_TRUE(lb1.answer(client));
    EXPECT_TRUE(std::holds_alternative<control::DoneResponse>(*lb1.answer(client)));
    EXPECT_EQ(lb1.state(), "backup");
    EXPECT_THAT(lan.holders(ours), ElementsAre("lb2"));
}

TEST_F(ForeignLists, a_node_that_was_forgotten_is_a_stranger_after_an_hour) {
    start_pair();
    lb1.reload(holding(150, {new_one}));
    lan.run_for(lists_remembered - 1s);
    EXPECT_EQ(lb2.state(), "backup");
    lan.run_for(10s);
    EXPECT_EQ(lb2.state(), "active") << "each node serves what it has";
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_THAT(lb2.vip().warnings, testing::Contains(HasSubstr("a foreign router, 192.0.2.1")));
    lb2.reload(holding(100, {new_one}));
    lan.run_for(2s);
    EXPECT_THAT(lan.holders(new_one), ElementsAre("lb1"));
}

// --- the lists themselves ------------------------------------------------------------------------

class Lists : public testing::Test {
protected:
    static std::vector<std::byte> wire(const std::vector<std::string>& addresses) {
        std::vector<std::byte> bytes;
        for (const std::string& address : addresses) {
            const auto parsed = *IpAddress::parse(address);
            bytes.insert(bytes.end(), parsed.bytes().begin(), parsed.bytes().end());
        }
        return bytes;
    }
    bool is_foreign(const std::vector<std::string>& addresses, Family family = Family::ipv4) {
        return lists.is_foreign(now, family, wire(addresses));
    }

    TimePoint now{1000s};
    VipSettings settings = holding(100, {ours, "192.0.2.11/24"}).vips.front();
    AddressLists lists{settings};
};

TEST_F(Lists, one_address_in_common_is_enough) {
    EXPECT_TRUE(is_foreign({"198.51.100.7"}));
    EXPECT_FALSE(is_foreign({"198.51.100.7", "192.0.2.11"}));
    EXPECT_FALSE(is_foreign({"192.0.2.10"}));
}

TEST_F(Lists, a_list_without_an_address_says_nothing) {
    EXPECT_FALSE(is_foreign({}));
    EXPECT_FALSE(is_foreign({vrrp::derived_link_local(51).to_string()}, Family::ipv6));
    EXPECT_TRUE(is_foreign({vrrp::derived_link_local(52).to_string()}, Family::ipv6));
}

TEST_F(Lists, what_a_reload_removes_counts_for_an_hour) {
    VipSettings other = settings;
    other.addresses = {{*IpPrefix::parse(theirs), "eth0"}};
    lists.configure(now, other);
    EXPECT_FALSE(is_foreign({"192.0.2.10"}));
    EXPECT_FALSE(is_foreign({"198.51.100.7"}));
    now += lists_remembered;
    EXPECT_TRUE(is_foreign({"192.0.2.10"}));
    lists.configure(now, settings);
    EXPECT_FALSE(is_foreign({"192.0.2.10"}));
}

TEST_F(Lists, the_same_bytes_in_another_family_are_another_list) {
    settings.addresses.push_back({*IpPrefix::parse("c000:20a::/64"), "eth0"});
    lists.configure(now, settings);
    const std::vector<std::byte> bytes = wire({"9.9.9.9", "8.8.8.8", "7.7.7.7", "6.6.6.6"});
    EXPECT_TRUE(lists.is_foreign(now, Family::ipv4, bytes));
    EXPECT_TRUE(lists.is_foreign(now, Family::ipv6, bytes));
    EXPECT_FALSE(lists.is_foreign(now, Family::ipv6, wire({"c000:20a::"})));
    EXPECT_FALSE(
        lists.is_foreign(now, Family::ipv4, wire({"192.0.2.10", "0.0.0.0", "0.0.0.0", "0.0.0.0"})));
}

}  // namespace
}  // namespace understudy::core
