#include "vrrp/checksum.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "packets.hpp"

namespace understudy::vrrp {
namespace {

using namespace testing;

std::uint16_t checksum_of(std::span<const std::byte> bytes) {
    return Checksum{}.add(bytes).value();
}

// The numerical example of RFC 1071 3: the sum is ddf2.
TEST(Rfc1071, example_of_section_3) {
    EXPECT_EQ(checksum_of(from_hex("0001f203f4f5f6f7")), 0xffff - 0xddf2);
}

TEST(Rfc1071, an_odd_message_is_padded_with_a_zero_byte) {
    EXPECT_EQ(checksum_of(from_hex("0001f2")), checksum_of(from_hex("0001f200")));
    EXPECT_NE(checksum_of(from_hex("0001f2")), checksum_of(from_hex("000100f2")));
}

TEST(Rfc1071, nothing_sums_to_zero) {
    EXPECT_EQ(checksum_of({}), 0xffff);
}

TEST(Rfc1071, carries_are_added_back_however_many_there_are) {
    // 70,000 words of ffff: one's complement knows them as zero.
    EXPECT_EQ(checksum_of(Bytes(140'000, std::byte{0xff})), 0);
    EXPECT_EQ(checksum_of(from_hex("ffff0001")), 0xfffe);
}

TEST(Rfc1071, parts_of_any_length_are_one_message) {
    const Bytes message = from_hex("3133960100642d020a0101640a01016501");
    const std::uint16_t whole = reference_checksum(message);
    const std::span<const std::byte> all{message};
    for (std::size_t first = 0; first <= all.size(); ++first) {
        for (std::size_t second = first; second <= all.size(); ++second) {
            Checksum checksum;
            checksum.add(all.first(first)).add(all.subspan(first, second - first));
            EXPECT_EQ(checksum.add(all.subspan(second)).value(), whole) << first << ' ' << second;
        }
    }
}

TEST(Rfc1071, agrees_with_the_definition_on_random_messages) {
    std::mt19937 random{1071};
    for (int i = 0; i < 2000; ++i) {
        Bytes message(random() % 300);
        std::ranges::generate(message, [&] { return static_cast<std::byte>(random() & 0xffU); });
        EXPECT_EQ(checksum_of(message), reference_checksum(message)) << to_hex(message);
    }
}

TEST(Rfc9568, s5_2_8_zero_over_a_message_that_carries_its_checksum) {
    EXPECT_EQ(checksum_of(golden("G1").bytes()), 0);
    EXPECT_EQ(checksum_of(golden("G2").bytes()), 0);
    EXPECT_EQ(checksum_of(golden("G4").bytes()), 0);
}

TEST(Rfc9568, s5_2_8_not_zero_over_a_message_with_another_checksum) {
    EXPECT_NE(checksum_of(golden("G3").bytes()), 0) << "it covers a pseudo-header";
    EXPECT_NE(checksum_of(from_hex("3133960100642d030a010164")), 0);
}

TEST(Rfc5798, pseudo_header_of_ipv4) {
    const Bytes message = golden("G3").bytes();
    Checksum checksum;
    checksum.add_pseudo_header(peer_v4, multicast_group_v4, message.size());
    EXPECT_EQ(checksum.value(),
              reference_checksum(pseudo_header(peer_v4, multicast_group_v4, message.size())));
    EXPECT_EQ(checksum.add(message).value(), 0);
}

TEST(Rfc8200, pseudo_header_of_ipv6) {
    const Bytes message = golden("G5").bytes();
    Checksum checksum;
    checksum.add_pseudo_header(peer_v6, multicast_group_v6, message.size());
    EXPECT_EQ(checksum.value(),
              reference_checksum(pseudo_header(peer_v6, multicast_group_v6, message.size())));
    EXPECT_EQ(checksum.add(message).value(), 0);
}

TEST(Rfc8200, pseudo_header_counts_every_byte_of_both_addresses_the_length_and_the_protocol) {
    const Bytes message = golden("G5").bytes();
    const auto over = [&](std::string_view source, std::string_view destination, std::size_t length,
                          std::uint8_t protocol) {
        Checksum checksum;
        checksum.add_pseudo_header(ip(source), ip(destination), length, protocol);
        return checksum.add(message).value();
    };
    EXPECT_EQ(over("fe80::2", "ff02::12", message.size(), 112), 0);
    EXPECT_NE(over("fe80::3", "ff02::12", message.size(), 112), 0);
    EXPECT_NE(over("fe81::2", "ff02::12", message.size(), 112), 0);
    EXPECT_NE(over("fe80::2", "ff02::13", message.size(), 112), 0);
    EXPECT_NE(over("fe80::2", "ff02::12", message.size() + 1, 112), 0);
    EXPECT_NE(over("fe80::2", "ff02::12", message.size(), 58), 0);
}

TEST(Checksum, pseudo_header_may_come_last) {
    const Bytes message = golden("G3").bytes();
    Checksum checksum;
    checksum.add(message).add_pseudo_header(peer_v4, multicast_group_v4, message.size());
    EXPECT_EQ(checksum.value(), 0);
}

TEST(ChecksumDeathTest, pseudo_header_in_the_middle_of_a_word_is_a_broken_invariant) {
    Checksum checksum;
    checksum.add(from_hex("01"));
    EXPECT_DEATH(checksum.add_pseudo_header(peer_v4, multicast_group_v4, 12), "even offset");
}

}  // namespace
}  // namespace understudy::vrrp
