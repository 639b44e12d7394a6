// Every check of decode: what it refuses, and what it lets through. All packets but those that are
// about the checksum carry a right one, so that nothing else can be the reason.
#include <gtest/gtest.h>

#include "packets.hpp"
#include "vrrp/advertisement.hpp"

namespace understudy::vrrp {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr std::string_view g2 = "3133960100642d020a010164";

// The vector with one byte replaced and its checksum made right again.
Bytes changed(std::string_view name, std::size_t offset, unsigned value) {
    const Golden& vector = golden(name);
    Bytes packet = vector.bytes();
    packet.at(offset) = static_cast<std::byte>(value);
    const bool bare = vector.form == ChecksumForm::message_only;
    return with_checksum(
        packet,
        bare ? Bytes{} : pseudo_header(vector.source(), vector.destination(), packet.size()));
}

Bytes v6_packet(std::string_view head, std::initializer_list<std::string_view> addresses) {
    Bytes packet = from_hex(head);
    const Bytes list = addresses_of(addresses);
    packet.insert(packet.end(), list.begin(), list.end());
    return with_checksum(packet, pseudo_header(peer_v6, multicast_group_v6, packet.size()));
}

// --- TTL and hop limit (5.1.1.3, 5.1.2.3)
// ----------------------------------------------------------

TEST(Rfc9568, s5_1_1_3_receiver_accepts_ttl_255) {
    EXPECT_EQ(verdict(decode_v4(golden("G2").bytes(), 255)), "accepted");
    EXPECT_EQ(verdict(decode_v6(golden("G5").bytes(), 255)), "accepted");
}

TEST(Rfc9568, s5_1_1_3_receiver_drops_ttl_other_than_255) {
    for (int ttl = 0; ttl < 255; ++ttl) {
        EXPECT_EQ(verdict(decode_v4(golden("G2").bytes(), static_cast<std::uint8_t>(ttl))), "ttl");
        EXPECT_EQ(verdict(decode_v6(golden("G5").bytes(), static_cast<std::uint8_t>(ttl))), "ttl");
    }
}

TEST(Rfc3768, s5_2_3_receiver_drops_ttl_other_than_255) {
    EXPECT_EQ(verdict(decode_v4(golden("G1").bytes(), 255)), "accepted");
    EXPECT_EQ(verdict(decode_v4(golden("G1").bytes(), 254)), "ttl");
}

TEST(Extension, a_lower_ttl_is_accepted_only_as_far_as_it_was_asked_for) {
    const Bytes bytes = golden("G2").bytes();
    const IpAddress us = ip("10.1.1.3");
    EXPECT_EQ(verdict(decode({peer_v4, us, 254, bytes}, 253)), "accepted");
    EXPECT_EQ(verdict(decode({peer_v4, us, 253, bytes}, 253)), "accepted");
    EXPECT_EQ(verdict(decode({peer_v4, us, 252, bytes}, 253)), "ttl");
}

// --- version (5.2.1)
// -------------------------------------------------------------------------------

TEST(Rfc9568, s5_2_1_versions_2_and_3_are_accepted) {
    EXPECT_EQ(decode_v4(golden("G1").bytes())->version, Version::v2);
    EXPECT_EQ(decode_v4(golden("G2").bytes())->version, Version::v3);
}

TEST(Rfc9568, s5_2_1_other_versions_are_dropped) {
    EXPECT_EQ(verdict(decode_v4(from_hex("4133960100641d020a010164"))), "version");
    for (unsigned version = 0; version < 16; ++version) {
        if (version != 2 && version != 3) {
            EXPECT_EQ(verdict(decode_v4(changed("G2", 0, version * 16 + 1))), "version");
            EXPECT_EQ(verdict(decode_v6(changed("G5", 0, version * 16 + 1))), "version");
        }
    }
}

TEST(Rfc3768, s5_3_1_version_2_over_ipv6_is_dropped) {
    EXPECT_EQ(verdict(decode_v6(changed("G6", 0, 0x21))), "version");
    EXPECT_EQ(verdict(decode_v6(v6_packet("2133960100010000", {"fe80::1"}))), "version");
}

// --- type (5.2.2)
// ----------------------------------------------------------------------------------

TEST(Rfc9568, s5_2_2_types_other_than_advertisement_are_dropped) {
    EXPECT_EQ(verdict(decode_v4(from_hex("3233960100642c020a010164"))), "type");
    for (unsigned type = 0; type < 16; ++type) {
        const std::string_view expected = type == 1 ? "accepted" : "type";
        EXPECT_EQ(verdict(decode_v4(changed("G2", 0, 0x30 + type))), expected) << type;
        EXPECT_EQ(verdict(decode_v4(changed("G1", 0, 0x20 + type))), expected) << type;
        EXPECT_EQ(verdict(decode_v6(changed("G5", 0, 0x30 + type))), expected) << type;
    }
}

// --- length (7.1: the complete packet)
// -------------------------------------------------------------

TEST(Rfc9568, s7_1_fewer_addresses_than_counted_are_dropped) {
    EXPECT_EQ(verdict(decode_v4(from_hex("3133960200642d010a010164"))), "length");
    EXPECT_EQ(verdict(decode_v4(changed("G2", 3, 255))), "length");
    EXPECT_EQ(verdict(decode_v6(changed("G6", 3, 2))), "length");
    EXPECT_EQ(verdict(decode_v4(changed("G1", 3, 3))), "length") << "the trailer is no address";
}

// The message-only checksum verifies: nothing but the length tells.
TEST(Rfc9568, s7_1_surplus_bytes_are_dropped) {
    const Bytes with_trailer = from_hex("3133960100642d020a0101640000000000000000");
    ASSERT_EQ(reference_checksum(with_trailer), 0);
    EXPECT_EQ(verdict(decode_v4(with_trailer)), "length");
    EXPECT_EQ(verdict(decode_v4(changed("G4", 3, 1))), "length");
    Bytes longer = golden("G5").bytes();
    longer.resize(longer.size() + 16);
    EXPECT_EQ(verdict(decode_v6(longer)), "length");
}

TEST(Rfc9568, s7_1_every_truncation_is_dropped) {
    for (const Golden& vector : golden_vectors()) {
        const Bytes whole = vector.bytes();
        for (std::size_t size = 0; size < whole.size(); ++size) {
            // Copied, so that a read behind the end is one behind an allocation.
            const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            EXPECT_EQ(verdict(decode_as(vector.family, part)), "length") << vector.name << size;
        }
    }
}

TEST(Rfc9568, s7_1_a_message_without_a_byte_is_dropped) {
    EXPECT_EQ(verdict(decode_v4({})), "length");
    EXPECT_EQ(verdict(decode_v6({})), "length");
}

TEST(Rfc3768, s7_1_a_message_without_its_trailer_is_dropped) {
    const Bytes bare =
        with_checksum(from_hex("2133960100010000"
                               "0a010164"));
    EXPECT_EQ(verdict(decode_v4(bare)), "length");
    EXPECT_EQ(verdict(decode_v4(golden("G1").bytes())), "accepted");
}

// --- checksum (5.2.8)
// ------------------------------------------------------------------------------

TEST(Rfc9568, s5_2_8_a_wrong_checksum_is_dropped) {
    for (const Golden& vector : golden_vectors()) {
        Bytes packet = vector.bytes();
        packet[7] ^= std::byte{1};
        EXPECT_EQ(verdict(decode_as(vector.family, packet)), "checksum") << vector.name;
        packet[6] = packet[7] = std::byte{0};
        EXPECT_EQ(verdict(decode_as(vector.family, packet)), "checksum") << vector.name;
    }
}

TEST(Rfc9568, s5_2_8_ipv4_message_only_is_accepted) {
    const auto received = decode_v4(from_hex(g2));
    ASSERT_EQ(verdict(received), "accepted");
    EXPECT_EQ(received->checksum_form, ChecksumForm::message_only);
}

TEST(Extension, ipv4_with_pseudo_header_is_accepted_and_told_apart) {
    const auto received = decode_v4(golden("G3").bytes());
    ASSERT_EQ(verdict(received), "accepted");
    EXPECT_EQ(received->checksum_form, ChecksumForm::pseudo_header);
    const IpAddress other = ip("10.1.1.3");
    EXPECT_EQ(verdict(decode({other, multicast_group_v4, 255, golden("G3").bytes()})), "checksum")
        << "the pseudo-header of another sender";
}

TEST(Rfc9568, s5_2_8_ipv6_always_has_its_pseudo_header) {
    EXPECT_EQ(verdict(decode_v6(golden("G5").bytes())), "accepted");
    EXPECT_EQ(verdict(decode_v6(with_checksum(golden("G5").bytes()))), "checksum");
    const IpAddress other = ip("fe80::3");
    EXPECT_EQ(verdict(decode({other, multicast_group_v6, 255, golden("G5").bytes()})), "checksum");
}

TEST(Rfc3768, s5_3_8_a_checksum_with_pseudo_header_is_dropped) {
    const Bytes packet = golden("G1").bytes();
    const Bytes front = pseudo_header(peer_v4, multicast_group_v4, packet.size());
    EXPECT_EQ(verdict(decode_v4(with_checksum(packet, front))), "checksum");
}

TEST(Rfc3768, s5_3_8_the_checksum_covers_the_trailer) {
    Bytes packet = golden("G1").bytes();
    packet.back() = std::byte{7};
    EXPECT_EQ(verdict(decode_v4(packet)), "checksum");
    EXPECT_EQ(verdict(decode_v4(with_checksum(packet))), "accepted");
}

// --- VRID (5.2.3)
// ----------------------------------------------------------------------------------

TEST(Rfc9568, s5_2_3_vrid_0_is_dropped) {
    EXPECT_EQ(verdict(decode_v4(changed("G2", 1, 0))), "vrid");
    EXPECT_EQ(verdict(decode_v6(changed("G5", 1, 0))), "vrid");
    EXPECT_EQ(verdict(decode_v4(changed("G1", 1, 0))), "vrid");
}

TEST(Rfc9568, s5_2_3_vrids_1_to_255_are_accepted) {
    for (unsigned vrid = 1; vrid < 256; ++vrid) {
        ASSERT_EQ(verdict(decode_v4(changed("G2", 1, vrid))), "accepted");
        EXPECT_EQ(decode_v4(changed("G2", 1, vrid))->vrid, vrid);
    }
}

TEST(Rfc9568, s5_2_4_every_priority_is_accepted) {
    for (unsigned priority = 0; priority < 256; ++priority) {
        ASSERT_EQ(verdict(decode_v4(changed("G2", 2, priority))), "accepted");
        EXPECT_EQ(decode_v4(changed("G2", 2, priority))->priority, priority);
    }
}

// --- authentication (RFC 3768 5.3.6, 5.3.10)
// -------------------------------------------------------

TEST(Rfc3768, s5_3_6_authentication_types_other_than_0_are_dropped) {
    const Bytes g7 = from_hex("21339601010100190a0101647365637265740000");
    ASSERT_EQ(reference_checksum(g7), 0);
    EXPECT_EQ(verdict(decode_v4(g7)), "auth");
    for (unsigned type = 1; type < 256; ++type) {
        EXPECT_EQ(verdict(decode_v4(changed("G1", 4, type))), "auth");
    }
}

TEST(Rfc3768, s5_3_10_the_trailer_is_ignored) {
    for (std::size_t offset = 12; offset < 20; ++offset) {
        EXPECT_EQ(verdict(decode_v4(changed("G1", offset, 0xa5))), "accepted");
    }
}

// --- count (5.2.5, erratum 8299)
// -------------------------------------------------------------------

TEST(Rfc9568, s5_2_5_no_address_is_dropped) {
    EXPECT_EQ(verdict(decode_v4(from_hex("3133960000643868"))), "count");
    EXPECT_EQ(verdict(decode_v6(v6_packet("3133960000640000", {}))), "count");
    EXPECT_EQ(verdict(decode_v4(with_checksum(from_hex("21339600000100000000000000000000")))),
              "count");
}

TEST(Rfc9568, s5_2_5_one_address_to_255_are_accepted) {
    for (unsigned count = 1; count < 256; ++count) {
        Bytes packet = from_hex("3133960000640000");
        packet[3] = static_cast<std::byte>(count);
        packet.resize(8 + 4 * count);
        ASSERT_EQ(verdict(decode_v4(with_checksum(packet))), "accepted");
        EXPECT_EQ(decode_v4(with_checksum(packet))->address_count, count);
    }
}

// --- reserve and interval (5.2.6, 5.2.7, erratum 8301)
// ---------------------------------------------

TEST(Rfc9568, s5_2_6_the_reserve_field_is_ignored) {
    const auto received = decode_v4(from_hex("31339601f0643d010a010164"));
    ASSERT_EQ(verdict(received), "accepted");
    EXPECT_EQ(received->interval, 1s);
    for (unsigned reserve = 0; reserve < 16; ++reserve) {
        EXPECT_EQ(verdict(decode_v4(changed("G2", 4, reserve * 16))), "accepted");
        EXPECT_EQ(verdict(decode_v6(changed("G5", 4, reserve * 16))), "accepted");
    }
}

TEST(Rfc9568, s5_2_7_interval_0_is_dropped) {
    EXPECT_EQ(verdict(decode_v4(from_hex("3133960100002d660a010164"))), "interval");
    EXPECT_EQ(verdict(decode_v6(changed("G5", 5, 0))), "interval");
    Bytes reserve_only = golden("G2").bytes();
    reserve_only[4] = std::byte{0xf0};
    reserve_only[5] = std::byte{0};
    EXPECT_EQ(verdict(decode_v4(with_checksum(reserve_only))), "interval");
}

TEST(Rfc9568, s5_2_7_intervals_1_to_4095_are_accepted_as_centiseconds) {
    for (unsigned centiseconds = 1; centiseconds < 4096; ++centiseconds) {
        Bytes packet = golden("G2").bytes();
        packet[4] = static_cast<std::byte>(centiseconds >> 8U);
        packet[5] = static_cast<std::byte>(centiseconds & 0xffU);
        const Bytes right = with_checksum(packet);
        ASSERT_EQ(verdict(decode_v4(right)), "accepted");
        EXPECT_EQ(decode_v4(right)->interval, centiseconds * 10ms);
    }
}

TEST(Rfc3768, s5_3_7_the_interval_is_in_seconds_and_not_0) {
    EXPECT_EQ(verdict(decode_v4(changed("G1", 5, 0))), "interval");
    for (unsigned seconds = 1; seconds < 256; ++seconds) {
        ASSERT_EQ(verdict(decode_v4(changed("G1", 5, seconds))), "accepted");
        EXPECT_EQ(decode_v4(changed("G1", 5, seconds))->interval, seconds * 1s);
    }
}

// --- addresses (5.2.9, erratum 8300)
// ---------------------------------------------------------------

TEST(Rfc9568, s5_2_9_ipv6_without_a_link_local_address_first_is_dropped) {
    EXPECT_EQ(verdict(decode_v6(from_hex("3133960200640bfc20010db8000000000000000000000100"
                                         "fe800000000000000000000000000100"))),
              "addresses");
    for (const std::string_view first :
         {"::", "::1", "2001:db8::1", "fec0::1", "fe40::1", "fd00::1", "ff02::1", "ff80::1"}) {
        EXPECT_EQ(verdict(decode_v6(v6_packet("3133960200640000", {first, "fe80::1"}))),
                  "addresses")
            << first;
    }
}

TEST(Rfc9568, s5_2_9_ipv6_with_a_link_local_address_first_is_accepted) {
    for (const std::string_view first : {"fe80::1", "fe80::200:5eff:fe00:233", "febf::1"}) {
        EXPECT_EQ(verdict(decode_v6(v6_packet("3133960200640000", {first, "2001:db8::1"}))),
                  "accepted")
            << first;
    }
    EXPECT_EQ(verdict(decode_v6(golden("G6").bytes())), "accepted") << "nothing but it";
}

TEST(Rfc9568, s5_2_9_ipv4_addresses_are_taken_as_they_are) {
    for (std::size_t offset = 8; offset < 12; ++offset) {
        EXPECT_EQ(verdict(decode_v4(changed("G2", offset, 0xff))), "accepted");
    }
}

// --- the source (5.1.1.1, 5.1.2.1)
// ----------------------------------------------------------------------

// An advertisement of the golden vector as another router would send it.
std::expected<Received, Discard> decode_from(std::string_view source, std::string_view destination,
                                             std::string_view name) {
    const IpAddress from = ip(source);
    const IpAddress to = ip(destination);
    Bytes packet = golden(name).bytes();
    packet = with_checksum(packet, from.is_v6() ? pseudo_header(from, to, packet.size()) : Bytes{});
    return decode({from, to, 255, packet});
}

TEST(Rfc9568, s5_1_2_1_ipv6_multicast_from_a_link_local_address_is_accepted) {
    for (const std::string_view source : {"fe80::1", "fe80::200:5eff:fe00:233", "febf::1"}) {
        EXPECT_EQ(verdict(decode_from(source, "ff02::12", "G5")), "accepted") << source;
    }
}

TEST(Rfc9568, s5_1_2_1_ipv6_multicast_from_any_other_address_is_dropped) {
    for (const std::string_view source : {"2001:db8::2", "fd00::2", "fec0::2", "fe7f::2",
                                          "::", "::1", "::ffff:192.0.2.2", "ff02::2"}) {
        EXPECT_EQ(verdict(decode_from(source, "ff02::12", "G5")), "source") << source;
    }
}

TEST(Extension, ipv6_unicast_from_a_global_address_is_accepted) {
    for (const std::string_view source : {"2001:db8::2", "fd00::2", "fe80::2"}) {
        EXPECT_EQ(verdict(decode_from(source, "2001:db8::1", "G5")), "accepted") << source;
    }
}

TEST(Rfc9568, s5_1_1_1_a_source_that_no_interface_has_is_dropped) {
    for (const std::string_view to : {"224.0.0.18", "10.1.1.3"}) {
        for (const std::string_view source :
             {"0.0.0.0", "127.0.0.1", "224.0.0.18", "255.255.255.255"}) {
            EXPECT_EQ(verdict(decode_from(source, to, "G2")), "source") << source << " to " << to;
            EXPECT_EQ(verdict(decode_from(source, to, "G1")), "source") << source << " to " << to;
        }
        for (const std::string_view source : {"10.1.1.2", "169.254.0.2", "198.51.100.2"}) {
            EXPECT_EQ(verdict(decode_from(source, to, "G2")), "accepted") << source << " to " << to;
        }
    }
    for (const std::string_view source : {"::", "::1", "ff02::12"}) {
        EXPECT_EQ(verdict(decode_from(source, "2001:db8::1", "G5")), "source") << source;
    }
}

// --- the order
// -------------------------------------------------------------------------------------

// Starts with everything wrong and mends one thing after the other: each reason comes in its turn.
TEST(Rfc9568, s7_1_the_checks_come_in_the_documented_order) {
    const auto v3 = [](std::string_view hex) { return from_hex(hex); };
    EXPECT_EQ(verdict(decode_v4(v3("42000000f0000000ff"), 254)), "ttl");
    EXPECT_EQ(verdict(decode_v4(v3("42000000f0000000ff"))), "version");
    EXPECT_EQ(verdict(decode_v4(v3("32000000f0000000ff"))), "type");
    EXPECT_EQ(verdict(decode_v4(v3("31000000f0000000ff"))), "length");
    EXPECT_EQ(verdict(decode_v4(v3("31000000f0000000"))), "checksum");
    EXPECT_EQ(verdict(decode_v4(with_checksum(v3("31000000f0000000")))), "vrid");
    EXPECT_EQ(verdict(decode_v4(with_checksum(v3("31330000f0000000")))), "count");
    EXPECT_EQ(verdict(decode_v6(v6_packet("31330001f0000000", {"::1"}))), "interval");
    EXPECT_EQ(verdict(decode_v6(v6_packet("31330001f0010000", {"::1"}))), "addresses");
    const IpAddress from = ip("2001:db8::2");
    const Bytes last = with_checksum(from_hex("31330001f0010000fe800000000000000000000000000001"),
                                     pseudo_header(from, multicast_group_v6, 24));
    EXPECT_EQ(verdict(decode({from, multicast_group_v6, 255, last})), "source");
    EXPECT_EQ(verdict(decode_v6(v6_packet("31330001f0010000", {"fe80::1"}))), "accepted");
}

TEST(Rfc3768, s7_1_authentication_comes_between_vrid_and_count) {
    const std::string trailer = "0000000000000000";
    EXPECT_EQ(verdict(decode_v4(with_checksum(from_hex("2100000001000000" + trailer)))), "vrid");
    EXPECT_EQ(verdict(decode_v4(with_checksum(from_hex("2133000001000000" + trailer)))), "auth");
    EXPECT_EQ(verdict(decode_v4(with_checksum(from_hex("2133000000000000" + trailer)))), "count");
}

}  // namespace
}  // namespace understudy::vrrp
