// What becomes of the rules when somebody else changes them.
#include "agent/host/rule_keeper.hpp"

#include "tests/unit/host/packet_rules.hpp"

namespace understudy::host {
namespace {

bool run_by_another_process(const std::string& command) {
    return std::system(("nft " + command).c_str()) == 0;
}

TEST_F(PacketRulesTest, what_somebody_deletes_or_adds_is_put_right_at_once) {
    std::uint64_t times = 0;
    for (const std::string command :
         {"flush ruleset", "delete table inet understudy", "flush chain inet understudy in",
          "flush set inet understudy closed4",
          "delete element inet understudy closed6 { 2001:db8::10 }",
          "insert rule inet understudy in accept", "add chain arp understudy in '{ policy drop; }'",
          "'delete table arp understudy; delete table ip6 understudy'"}) {
        install(closed_vip());
        const auto before = nft.parts_of_table(nft_inet);
        ASSERT_TRUE(before);
        ASSERT_TRUE(run_by_another_process(command));
        EXPECT_TRUE(eventually([&] { return keeper->status().restored == 1; }, 1s)) << command;
        const auto after = nft.parts_of_table(nft_inet);
        ASSERT_TRUE(after) << command;
        EXPECT_EQ(after->size(), before->size()) << command;
        EXPECT_EQ(nft.elements(nft_inet, "closed4").size(), 1U) << command;
        EXPECT_EQ(nft.elements(nft_inet, "closed6").size(), 1U) << command;
        EXPECT_TRUE(nft.parts_of_table(nft_arp) && nft.parts_of_table(nft_ipv6));
        EXPECT_THAT(keeper->status().restored_after, testing::StartsWith("nft (process "));
        ++times;
    }
    EXPECT_EQ(times, 8U);
}

TEST_F(PacketRulesTest, after_a_flush_what_is_given_away_is_armed_again) {
    arm();
    ASSERT_TRUE(run_by_another_process("flush ruleset"));
    ASSERT_TRUE(eventually([&] { return nft.elements(nft_arp, "armed").size() == 1; }));
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(gratuitous_arp(rival_mac, vip4));
    EXPECT_FALSE(answers_arp(cable, overlap));
}

TEST_F(PacketRulesTest, changes_of_other_tables_are_nothing_to_us) {
    ASSERT_TRUE(run_by_another_process("add table inet other"));
    ASSERT_TRUE(run_by_another_process("delete table inet other"));
    EXPECT_FALSE(eventually([&] { return keeper->status().restored > 0; }, 300ms));
}

// Another program that does the same would keep both busy for ever.
TEST_F(PacketRulesTest, who_deletes_again_and_again_is_not_fought_without_a_bound) {
    int deleted = 0;
    const TimePoint until = boot_now() + 3s;
    while (boot_now() < until) {
        deleted += run_by_another_process("delete table arp understudy 2> /dev/null") ? 1 : 0;
        std::this_thread::sleep_for(20ms);
    }
    EXPECT_GE(deleted, 3);
    EXPECT_LE(keeper->status().restored, 6U);
}

}  // namespace
}  // namespace understudy::host
