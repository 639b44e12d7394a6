// Golden vectors both ways, and what encode promises.
#include "vrrp/advertisement.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "packets.hpp"

namespace understudy::vrrp {
namespace {

using namespace testing;
using namespace std::chrono_literals;

class GoldenVectors : public ::testing::TestWithParam<Golden> {};

TEST_P(GoldenVectors, decode) {
    const Golden& expected = GetParam();
    const Bytes bytes = expected.bytes();
    const auto received = decode({expected.source(), expected.destination(), 255, bytes});
    ASSERT_EQ(verdict(received), "accepted");
    EXPECT_EQ(received->version, expected.version);
    EXPECT_EQ(received->vrid, expected.vrid);
    EXPECT_EQ(received->priority, expected.priority);
    EXPECT_EQ(received->interval, expected.interval);
    EXPECT_EQ(to_hex(received->addresses), to_hex(expected.addresses));
    EXPECT_EQ(received->address_count, expected.addresses.size() / address_size(expected.family));
    const bool has_form = expected.version == Version::v3 && expected.family == Family::ipv4;
    EXPECT_EQ(received->checksum_form,
              has_form ? std::optional{expected.form} : std::optional<ChecksumForm>{});
}

TEST_P(GoldenVectors, encode) {
    const Golden& expected = GetParam();
    const Advertisement advertisement{expected.version,  expected.vrid,   expected.priority,
                                      expected.interval, expected.family, expected.addresses};
    // Whatever was in the buffer before does not show.
    Bytes buffer(largest_advertisement, std::byte{0xa5});
    const auto packet =
        encode(advertisement, expected.source(), expected.destination(), expected.form, buffer);
    EXPECT_EQ(to_hex(packet), expected.hex);
    EXPECT_EQ(packet.data(), buffer.data());
    EXPECT_TRUE(std::ranges::all_of(std::span{buffer}.subspan(packet.size()),
                                    [](std::byte b) { return b == std::byte{0xa5}; }));
}

INSTANTIATE_TEST_SUITE_P(Rfc9568, GoldenVectors, ::testing::ValuesIn(golden_vectors()),
                         [](const auto& vector) { return std::string{vector.param.name}; });

Advertisement one_address(const Bytes& addresses, Version version = Version::v3) {
    Advertisement advertisement;
    advertisement.version = version;
    advertisement.vrid = 51;
    advertisement.priority = 150;
    advertisement.interval = 1s;
    advertisement.addresses = addresses;
    return advertisement;
}

Bytes encode_v4(const Advertisement& advertisement, ChecksumForm form = ChecksumForm::message_only,
                const IpAddress& destination = multicast_group_v4) {
    Bytes buffer(largest_advertisement);
    const auto packet = encode(advertisement, peer_v4, destination, form, buffer);
    return {packet.begin(), packet.end()};
}

TEST(Rfc9568, s5_2_1_the_version_sent_is_the_configured_one) {
    const Bytes addresses = addresses_of({"10.1.1.100"});
    EXPECT_EQ(encode_v4(one_address(addresses, Version::v3))[0], std::byte{0x31});
    EXPECT_EQ(encode_v4(one_address(addresses, Version::v2))[0], std::byte{0x21});
}

TEST(Rfc9568, s5_2_6_the_reserve_field_is_sent_as_zero) {
    const Bytes addresses = addresses_of({"10.1.1.100"});
    auto advertisement = one_address(addresses);
    advertisement.interval = longest_interval_v3;
    EXPECT_EQ(encode_v4(advertisement)[4], std::byte{0x0f});
    advertisement.interval = 1h;
    EXPECT_EQ(encode_v4(advertisement)[4], std::byte{0x0f});
}

TEST(Rfc9568, s5_2_7_the_interval_is_sent_in_whole_centiseconds_from_1_to_4095) {
    const Bytes addresses = addresses_of({"10.1.1.100"});
    const auto sent = [&](Duration interval) {
        auto advertisement = one_address(addresses);
        advertisement.interval = interval;
        return decode_v4(encode_v4(advertisement))->interval;
    };
    EXPECT_EQ(sent(10ms), 10ms);
    EXPECT_EQ(sent(19'999us), 10ms);
    EXPECT_EQ(sent(1s), 1s);
    EXPECT_EQ(sent(2'560ms), 2'560ms) << "the upper nibble";
    EXPECT_EQ(sent(40'950ms), 40'950ms);
    EXPECT_EQ(sent(40'960ms), 40'950ms) << "12 bits";
    EXPECT_EQ(sent(1us), 10ms) << "zero is not for sending";
    EXPECT_EQ(sent(0us), 10ms);
}

TEST(Rfc3768, s5_3_7_the_interval_is_sent_in_whole_seconds_from_1_to_255) {
    const Bytes addresses = addresses_of({"10.1.1.100"});
    const auto sent = [&](Duration interval) {
        auto advertisement = one_address(addresses, Version::v2);
        advertisement.interval = interval;
        const Bytes packet = encode_v4(advertisement);
        EXPECT_EQ(packet[4], std::byte{0}) << "authentication type";
        return decode_v4(packet)->interval;
    };
    EXPECT_EQ(sent(1s), 1s);
    EXPECT_EQ(sent(1'999ms), 1s);
    EXPECT_EQ(sent(10ms), 1s);
    EXPECT_EQ(sent(255s), 255s);
    EXPECT_EQ(sent(256s), 255s);
}

TEST(Rfc3768, s5_3_10_the_trailer_is_sent_as_zero) {
    const Bytes addresses = addresses_of({"10.1.1.100", "10.1.1.101"});
    const Bytes packet = encode_v4(one_address(addresses, Version::v2));
    ASSERT_EQ(packet.size(), 8U + 8U + 8U);
    EXPECT_EQ(Bytes(packet.end() - 8, packet.end()), Bytes(8));
}

TEST(Rfc3768, s5_3_8_the_checksum_never_has_a_pseudo_header) {
    const Bytes addresses = addresses_of({"10.1.1.100"});
    const auto advertisement = one_address(addresses, Version::v2);
    EXPECT_EQ(encode_v4(advertisement, ChecksumForm::pseudo_header), encode_v4(advertisement));
}

TEST(Rfc9568, s5_2_8_the_pseudo_header_is_that_of_the_datagram_also_for_unicast) {
    const Bytes addresses = addresses_of({"10.1.1.100"});
    const IpAddress peer = ip("10.1.1.3");
    const Bytes packet = encode_v4(one_address(addresses), ChecksumForm::pseudo_header, peer);
    EXPECT_EQ(packet, with_checksum(packet, pseudo_header(peer_v4, peer, packet.size())));
    const auto received = decode({peer_v4, peer, 255, packet});
    ASSERT_EQ(verdict(received), "accepted");
    EXPECT_EQ(received->checksum_form, ChecksumForm::pseudo_header);
    EXPECT_EQ(verdict(decode_v4(packet)), "checksum");
}

TEST(Rfc9568, s5_2_9_addresses_keep_their_order) {
    const Bytes addresses = addresses_of({"10.1.1.9", "10.1.1.1", "10.1.1.5"});
    const Bytes packet = encode_v4(one_address(addresses));
    EXPECT_EQ(to_hex(decode_v4(packet)->addresses), "0a0101090a0101010a010105");
}

TEST(Rfc9568, s7_1_encoded_size) {
    EXPECT_EQ(encoded_size(Version::v3, Family::ipv4, 1), 12U);
    EXPECT_EQ(encoded_size(Version::v3, Family::ipv4, 255), 1028U);
    EXPECT_EQ(encoded_size(Version::v3, Family::ipv6, 2), 40U);
    EXPECT_EQ(encoded_size(Version::v3, Family::ipv6, 255), largest_advertisement);
    EXPECT_EQ(encoded_size(Version::v2, Family::ipv4, 1), 20U);
    EXPECT_EQ(encoded_size(Version::v2, Family::ipv4, 255), 1036U);
}

TEST(Advertisement, a_buffer_of_just_the_right_size_will_do) {
    const Bytes addresses = addresses_of({"10.1.1.100"});
    Bytes buffer(12);
    const auto packet = encode(one_address(addresses), peer_v4, multicast_group_v4,
                               ChecksumForm::message_only, buffer);
    EXPECT_EQ(packet.size(), 12U);
}

// Whoever asks for one of these has a bug; sending it would only make every peer drop it.
TEST(AdvertisementDeathTest, an_impossible_one_is_a_broken_invariant) {
    const Bytes v4 = addresses_of({"10.1.1.100"});
    const Bytes v6 = addresses_of({"fe80::1"});
    Bytes buffer(2 * largest_advertisement);
    const auto send = [&](const Advertisement& advertisement, const IpAddress& source,
                          const IpAddress& destination, std::span<std::byte> out) {
        encode(advertisement, source, destination, ChecksumForm::message_only, out);
    };
    const auto send_v4 = [&](const Advertisement& advertisement) {
        send(advertisement, peer_v4, multicast_group_v4, buffer);
    };
    const auto send_v6 = [&](Advertisement advertisement) {
        advertisement.family = Family::ipv6;
        send(advertisement, peer_v6, multicast_group_v6, buffer);
    };
    EXPECT_DEATH(send_v4(one_address({})), "1 to 255 addresses");
    EXPECT_DEATH(send_v4(one_address(Bytes(256 * 4))), "1 to 255 addresses");
    EXPECT_DEATH(send_v4(one_address(Bytes(7))), "addresses are whole");
    EXPECT_DEATH(send_v6(one_address(Bytes(20))), "addresses are whole");
    EXPECT_DEATH(send_v6(one_address(v6, Version::v2)), "version 2 knows IPv4 only");
    EXPECT_DEATH(send_v6(one_address(addresses_of({"2001:db8::1"}))), "link-local address first");
    EXPECT_DEATH(send(one_address(v4), peer_v4, multicast_group_v6, buffer), "family");
    EXPECT_DEATH(send(one_address(v4), peer_v6, multicast_group_v6, buffer), "family");
    EXPECT_DEATH(send(one_address(v4), peer_v4, multicast_group_v4, std::span{buffer}.first(11)),
                 "fits its buffer");
    auto without_vrid = one_address(v4);
    without_vrid.vrid = 0;
    EXPECT_DEATH(send_v4(without_vrid), "VRID");
}

TEST(Advertisement, the_vrid_of_a_refused_datagram_can_be_had) {
    EXPECT_EQ(peek_vrid(golden("G2").bytes()), Vrid{51});
    EXPECT_EQ(peek_vrid(from_hex("4107")), Vrid{7});
    EXPECT_EQ(peek_vrid(from_hex("31")), std::nullopt);
    EXPECT_EQ(peek_vrid({}), std::nullopt);
}

TEST(Advertisement, every_reason_has_its_own_name) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < discard_kinds; ++i) {
        names.insert(name_of(static_cast<Discard>(i)));
    }
    EXPECT_EQ(names.size(), discard_kinds);
    EXPECT_EQ(name_of(Discard::ttl), "ttl");
    EXPECT_EQ(name_of(Discard::source), "source");
    EXPECT_EQ(static_cast<std::size_t>(Discard::source) + 1, discard_kinds);
}

}  // namespace
}  // namespace understudy::vrrp
