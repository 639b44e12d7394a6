// Frames written by hand from the layouts of RFC 826, RFC 792, RFC 4443 and RFC 4861.
#include "checks/probes/neighbour_answer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace understudy::checks {
namespace {

std::vector<std::byte> bytes(const std::string& hex) {
    std::vector<std::byte> all;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        all.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    return all;
}

const std::string ipv4_header = "4500001c000100004001b6dcc0000201c0000202";
const std::string echo_reply = "0000edca12340001";
const std::string arp_reply = "0001080006040002020000000001c0000201020000000002c0000202";
const std::string advertisement = "8800000060000000fe800000000000000000000000000001";
const std::string target_mac = "0201020000000007";

TEST(NeighbourAnswer, AnEchoReplyOverIpv4IsFoundBehindItsHeader) {
    const auto reply = parse_echo_v4(bytes(ipv4_header + echo_reply));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->source.to_string(), "192.0.2.1");
    EXPECT_EQ(reply->identifier, 0x1234);
    EXPECT_EQ(reply->sequence, 1);
    const std::string options = "46" + ipv4_header.substr(2) + "94040000";
    EXPECT_TRUE(parse_echo_v4(bytes(options + echo_reply))) << "with IP options";
}

TEST(NeighbourAnswer, WhatIsNoEchoReplyOverIpv4IsNothing) {
    EXPECT_FALSE(parse_echo_v4(bytes(ipv4_header + "0800edca12340001"))) << "a request";
    EXPECT_FALSE(parse_echo_v4(bytes(ipv4_header + "0000edca123400"))) << "cut off";
    EXPECT_FALSE(parse_echo_v4(bytes("44" + ipv4_header.substr(2) + echo_reply)))
        << "a header of 16 bytes";
    EXPECT_FALSE(parse_echo_v4(bytes("4f" + ipv4_header.substr(2) + echo_reply)))
        << "a header longer than the packet";
    EXPECT_FALSE(parse_echo_v4({}));
}

TEST(NeighbourAnswer, AnEchoReplyOverIpv6HasItsSourceFromTheSocket) {
    const IpAddress source = *IpAddress::parse("2001:db8::1");
    const auto reply = parse_echo_v6(source, bytes("8100000012340002"));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->source, source);
    EXPECT_EQ(reply->sequence, 2);
    EXPECT_FALSE(parse_echo_v6(source, bytes("8000000012340002"))) << "a request";
    EXPECT_FALSE(parse_echo_v6(source, bytes("81000000123400"))) << "cut off";
}

TEST(NeighbourAnswer, AnAdvertisementTellsTheAddressAndTheMac) {
    const auto answer = parse_neighbour_advertisement(bytes(advertisement + target_mac), 255);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->address.to_string(), "fe80::1");
    EXPECT_EQ(answer->mac, (MacAddress{{2, 0, 0, 0, 0, 7}}));
    const auto without = parse_neighbour_advertisement(bytes(advertisement), 255);
    ASSERT_TRUE(without);
    EXPECT_EQ(without->mac, MacAddress{});
}

TEST(NeighbourAnswer, AnAdvertisementThatWasForwardedIsNothing) {
    EXPECT_FALSE(parse_neighbour_advertisement(bytes(advertisement + target_mac), 254));
    EXPECT_FALSE(parse_neighbour_advertisement(bytes("87" + advertisement.substr(2)), 255))
        << "a solicitation";
    EXPECT_FALSE(parse_neighbour_advertisement(bytes(advertisement.substr(2)), 255)) << "cut off";
}

TEST(NeighbourAnswer, AnArpReplyTellsItsSender) {
    const auto answer = parse_arp_reply(bytes(arp_reply + "000000000000"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->address.to_string(), "192.0.2.1");
    EXPECT_EQ(answer->mac, (MacAddress{{2, 0, 0, 0, 0, 1}}));
}

TEST(NeighbourAnswer, WhatIsNoArpReplyIsNothing) {
    for (const std::size_t wrong : {1U, 2U, 4U, 5U, 7U}) {
        auto packet = bytes(arp_reply);
        packet[wrong] = std::byte{9};
        EXPECT_FALSE(parse_arp_reply(packet)) << "byte " << wrong;
    }
    EXPECT_FALSE(parse_arp_reply(bytes(arp_reply.substr(2)))) << "cut off";
}

}  // namespace
}  // namespace understudy::checks
