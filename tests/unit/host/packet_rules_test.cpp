// When a node is silenced, and what a VIP accepts.
#include "tests/unit/host/packet_rules.hpp"

namespace understudy::host {
namespace {

// --- who is silenced, and when -------------------------------------------------------------------

TEST_F(PacketRulesTest, a_holder_that_gives_nothing_away_is_not_silenced_by_announcements) {
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    for (int i = 0; i < 5; ++i) {
        cable.write(gratuitous_arp(rival_mac, vip4));
        EXPECT_TRUE(answers_arp(cable));
        cable.write(unsolicited_advertisement(rival_mac, vip6, false));
        EXPECT_TRUE(answers_solicitation(cable));
    }
    EXPECT_EQ(keeper->status().silenced, 0U);
}

// Of an attack, any frame of ARP will do: here an answer, to this node only.
TEST_F(PacketRulesTest, unicast_frames_do_not_silence_a_holder) {
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    Frame frame = bytes(own_mac) + bytes(rival_mac) + bytes({8, 6, 0, 1, 8, 0, 6, 4, 0, 2}) +
                  bytes(rival_mac) + vip4.bytes() + bytes(own_mac) + vip4.bytes();
    for (int i = 0; i < 5; ++i) {
        cable.write(frame);
        EXPECT_TRUE(answers_arp(cable));
    }
}

TEST_F(PacketRulesTest, arp_is_not_answered_after_a_rival_announced_what_is_given_away) {
    arm();
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    EXPECT_TRUE(answers_arp(cable)) << "nobody has announced it";
    cable.write(gratuitous_arp(rival_mac, vip4));
    EXPECT_FALSE(answers_arp(cable, overlap));
    EXPECT_LT(silence([&] { return answers_arp(cable, 50ms); }), longest_silence);
}

TEST_F(PacketRulesTest, solicitations_are_not_answered_after_a_rival_announced_what_is_given_away) {
    arm();
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    EXPECT_TRUE(answers_solicitation(cable)) << "nobody has announced it";
    cable.write(unsolicited_advertisement(rival_mac, vip6, false));
    EXPECT_FALSE(answers_solicitation(cable, overlap));
    EXPECT_LT(silence([&] { return answers_solicitation(cable, 50ms); }), longest_silence);
}

// What nobody took over is answered for soon, is counted, and silences nobody a second time.
TEST_F(PacketRulesTest, an_announcement_without_a_takeover_silences_for_a_moment_and_once) {
    arm();
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(gratuitous_arp(rival_mac, vip4));
    const TimePoint begun = boot_now();
    ASSERT_TRUE(eventually([&] { return keeper->status().silenced == 1; }));
    EXPECT_LT(boot_now() - begun, 450ms) << "before it would have ended by itself";
    ASSERT_TRUE(eventually([&] { return !is_quiet(); }));
    for (int i = 0; i < 5; ++i) {
        cable.write(gratuitous_arp(rival_mac, vip4));
        EXPECT_TRUE(answers_arp(cable));
    }
    EXPECT_EQ(keeper->status().silenced, 1U);
    // The next time it is given away, it is another matter.
    keeper->arm({});
    ASSERT_TRUE(eventually([&] { return nft.elements(nft_ipv6, "armed").empty(); }));
    arm();
    cable.write(gratuitous_arp(rival_mac, vip4));
    EXPECT_FALSE(answers_arp(cable, overlap));
}

TEST_F(PacketRulesTest, a_takeover_is_no_reason_to_complain) {
    arm();
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(gratuitous_arp(rival_mac, vip4));
    keeper->arm({});  // released
    ASSERT_TRUE(eventually([&] { return nft.elements(nft_arp, "armed").empty(); }));
    EXPECT_FALSE(eventually([&] { return keeper->status().silenced > 0; }, 300ms));
}

// RFC 4861 7.1.2: such an advertisement has come through a router.
TEST_F(PacketRulesTest, an_advertisement_from_behind_a_router_silences_nobody) {
    arm();
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    auto frame = unsolicited_advertisement(rival_mac, vip6, false);
    constexpr std::size_t hop_limit = 14 + 7;
    frame.at(hop_limit) = std::byte{254};
    cable.write(frame);
    EXPECT_TRUE(answers_solicitation(cable));
}

// A loop in the network, or a switch that sends it back.
TEST_F(PacketRulesTest, our_own_announcement_that_comes_back_silences_nobody) {
    arm();
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(gratuitous_arp(own_mac, vip4));
    cable.write(unsolicited_advertisement(own_mac, vip6, false));
    EXPECT_TRUE(answers_arp(cable));
    EXPECT_TRUE(answers_solicitation(cable));
}

TEST_F(PacketRulesTest, our_own_announcement_silences_nobody) {
    arm();
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    const FileDescriptor frames = open_frame_socket();
    const AnnouncementSender sender{frames.get()};
    const auto index = static_cast<core::InterfaceIndex>(if_nametoindex("v0"));
    const std::array<core::Announce, 2> both{{{index, own_mac, vip4}, {index, own_mac, vip6}}};
    sender.send(both, SeenLinks{});
    EXPECT_TRUE(answers_arp(cable));
    EXPECT_TRUE(answers_solicitation(cable));
}

TEST_F(PacketRulesTest, an_announcement_of_another_address_is_nothing_to_us) {
    arm();
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(gratuitous_arp(rival_mac, IpAddress::v4(192, 0, 2, 11)));
    cable.write(unsolicited_advertisement(rival_mac, *IpAddress::parse("2001:db8::11"), false));
    EXPECT_TRUE(answers_arp(cable));
    EXPECT_TRUE(answers_solicitation(cable));
}

// Another network may use the same addresses, or somebody there may only pretend to.
TEST_F(PacketRulesTest, an_announcement_on_another_interface_is_nothing_to_us) {
    arm();
    Cable cable{"v1"};
    Cable elsewhere{"w1"};
    ASSERT_TRUE(cable.is_ready() && elsewhere.is_ready());
    elsewhere.write(gratuitous_arp(rival_mac, vip4));
    elsewhere.write(unsolicited_advertisement(rival_mac, vip6, false));
    EXPECT_TRUE(answers_arp(cable));
    EXPECT_TRUE(answers_solicitation(cable));
}

TEST_F(PacketRulesTest, an_announcement_of_this_node_ends_the_silence_of_its_address) {
    arm();
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(gratuitous_arp(rival_mac, vip4));
    cable.write(unsolicited_advertisement(rival_mac, vip6, false));
    ASSERT_FALSE(answers_arp(cable, 20ms));
    ASSERT_FALSE(answers_solicitation(cable, 20ms));
    keeper->arm({});
    keeper->end_silence("v0", vip4);
    ASSERT_TRUE(eventually([&] { return !is_quiet(); }, 100ms));
    EXPECT_TRUE(answers_arp(cable));
    EXPECT_FALSE(answers_solicitation(cable, 20ms));
    keeper->end_silence("v0", vip6);
    EXPECT_TRUE(eventually([&] { return nft.elements(nft_ipv6, "quiet").empty(); }, 100ms));
    EXPECT_TRUE(answers_solicitation(cable));
}

TEST_F(PacketRulesTest, a_family_without_a_vip_does_not_keep_the_other_from_being_armed) {
    core::VipSettings vip = vip_on_v0();
    vip.addresses.erase(vip.addresses.begin());
    install(vip);
    keeper->arm({{"v0", vip6, own_mac}});
    ASSERT_TRUE(eventually([&] { return !nft.elements(nft_ipv6, "armed").empty(); }));
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(unsolicited_advertisement(rival_mac, vip6, false));
    EXPECT_FALSE(answers_solicitation(cable, 20ms));
}

TEST_F(PacketRulesTest, the_largest_configuration_is_armed) {
    core::VipSettings vip = vip_on_v0();
    std::set<QuietPlace> places{{"v0", vip4, own_mac}};
    for (std::size_t i = vip.addresses.size(); i < core::most_addresses_per_vip; ++i) {
        const auto address = IpAddress::v4(10, 0, static_cast<std::uint8_t>(i / 256),
                                           static_cast<std::uint8_t>(i % 256));
        vip.addresses.push_back({IpPrefix{address, 32}, "v0"});
        places.insert({"v0", address, own_mac});
    }
    install(vip);
    keeper->arm(places);
    EXPECT_TRUE(eventually([&] { return nft.elements(nft_arp, "armed").size() == places.size(); }));
}

// --- accept = no ---------------------------------------------------------------------------------

TEST_F(PacketRulesTest, what_is_addressed_to_a_vip_is_accepted) {
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(echo_request4());
    EXPECT_TRUE(cable.sees(is_echo_reply4, patience));
    cable.write(echo_request6());
    EXPECT_TRUE(cable.sees(is_echo_reply6, patience));
}

// RFC 9568 6.1: Accept_Mode does not concern Neighbour Discovery; ARP is no IP packet.
TEST_F(PacketRulesTest, without_accept_mode_only_neighbour_discovery_is_answered) {
    install(closed_vip());
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(echo_request4());
    EXPECT_FALSE(cable.sees(is_echo_reply4, patience));
    cable.write(echo_request6());
    EXPECT_FALSE(cable.sees(is_echo_reply6, patience));
    EXPECT_TRUE(answers_arp(cable));
    EXPECT_TRUE(answers_solicitation(cable));
}

TEST_F(PacketRulesTest, the_owner_of_the_address_always_accepts) {
    core::VipSettings vip = closed_vip();
    vip.priority = vrrp::owner_priority;
    install(vip);
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(echo_request4());
    EXPECT_TRUE(cable.sees(is_echo_reply4, patience));
    cable.write(echo_request6());
    EXPECT_TRUE(cable.sees(is_echo_reply6, patience));
}

TEST_F(PacketRulesTest, what_was_installed_is_replaced_and_removed) {
    install(closed_vip());
    install(closed_vip());
    keeper->remove();
    keeper->remove();
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(echo_request4());
    EXPECT_TRUE(cable.sees(is_echo_reply4, patience));
    EXPECT_FALSE(nft.parts_of_table(nft_arp));
    EXPECT_FALSE(eventually([&] { return nft.parts_of_table(nft_arp).has_value(); }, 300ms))
        << "nobody puts back what was removed at the end";
}

TEST_F(PacketRulesTest, a_reload_changes_the_elements_and_is_nothing_to_put_back) {
    install(closed_vip());
    core::Configuration configuration;
    configuration.vips = {closed_vip()};
    const IpAddress other = IpAddress::v4(192, 0, 2, 11);
    configuration.vips.front().addresses.push_back({IpPrefix{other, 24}, "v0"});
    EXPECT_EQ(keeper->update(configuration), "");
    EXPECT_EQ(nft.elements(nft_inet, "closed4").size(), 2U);
    configuration.vips.front().addresses.pop_back();
    EXPECT_EQ(keeper->update(configuration), "");
    EXPECT_EQ(nft.elements(nft_inet, "closed4").size(), 1U);
    configuration.vips.clear();
    EXPECT_EQ(keeper->update(configuration), "");
    EXPECT_FALSE(nft.parts_of_table(nft_inet));
    EXPECT_FALSE(eventually([&] { return keeper->status().restored > 0; }, 300ms));
}

}  // namespace
}  // namespace understudy::host
