// The format: golden vectors made from the RFCs (three of them confirmed with scapy), and the ladder of checks.
#include "vrrp/advertisement.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "vrrp/checksum.hpp"

namespace understudy::vrrp {
namespace {

using Bytes = std::vector<std::byte>;

Bytes hex(const std::string& text) {
    Bytes bytes;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        bytes.push_back(std::byte{static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16))});
    }
    return bytes;
}

IpAddress address(const std::string& text) {
    return *IpAddress::parse(text);
}

struct Golden {
    const char* name;
    const char* bytes;
    Version version;
    int vrid;
    int priority;
    int interval_ms;
    std::vector<std::string> addresses;
    const char* source;
    ChecksumForm form;
};

const std::vector<Golden>& goldens() {
    using enum ChecksumForm;
    static const std::vector<Golden> table = {
        {"G1", "2133960100013d650a0101640000000000000000", Version::v2, 51, 150, 1000, {"10.1.1.100"}, "10.1.1.2", message_only},
        {"G2", "3133960100642d020a010164", Version::v3, 51, 150, 1000, {"10.1.1.100"}, "10.1.1.2", message_only},
        {"G3", "31339601006441700a010164", Version::v3, 51, 150, 1000, {"10.1.1.100"}, "10.1.1.2", pseudo_header},
        {"G4", "31330002000ab7f50a0101640a010165", Version::v3, 51, 0, 100, {"10.1.1.100", "10.1.1.101"}, "10.1.1.2", message_only},
        {"G5", "3133960200640bfcfe80000000000000000000000000010020010db8000000000000000000000100", Version::v3, 51, 150, 1000,
         {"fe80::100", "2001:db8::100"}, "fe80::2", pseudo_header},
        {"G6", "31ff00010fffc05ffe800000000000000000000000000100", Version::v3, 255, 0, 40950, {"fe80::100"}, "fe80::2", pseudo_header},
    };
    return table;
}

Datagram datagram(const Bytes& payload, const std::string& source = "10.1.1.2", std::uint8_t ttl = 255) {
    const IpAddress from = address(source);
    return {from, multicast_group(from.family()), ttl, payload};
}

Discard refused(const std::string& bytes, const std::string& source = "10.1.1.2", std::uint8_t ttl = 255) {
    const Bytes payload = hex(bytes);
    const auto received = decode(datagram(payload, source, ttl));
    EXPECT_FALSE(received.has_value()) << bytes;
    return received ? Discard::source : received.error();
}

TEST(Rfc9568, s5_golden_vectors_are_read) {
    for (const Golden& golden : goldens()) {
        const Bytes payload = hex(golden.bytes);
        const auto received = decode(datagram(payload, golden.source));
        ASSERT_TRUE(received.has_value()) << golden.name;
        EXPECT_EQ(received->version, golden.version);
        EXPECT_EQ(received->vrid, golden.vrid);
        EXPECT_EQ(received->priority, golden.priority);
        EXPECT_EQ(received->interval, std::chrono::milliseconds{golden.interval_ms});
        EXPECT_EQ(received->address_count, golden.addresses.size());
        Bytes addresses;
        for (const std::string& text : golden.addresses) {
            const IpAddress one = address(text);
            addresses.insert(addresses.end(), one.bytes().begin(), one.bytes().end());
        }
        EXPECT_TRUE(std::ranges::equal(received->addresses, addresses));
        const bool has_form = golden.version == Version::v3 && addresses.size() % 16 != 0;
        EXPECT_EQ(received->checksum_form, has_form ? std::optional{golden.form} : std::nullopt);
    }
}

TEST(Rfc9568, s5_golden_vectors_are_written) {
    for (const Golden& golden : goldens()) {
        Advertisement advertisement;
        advertisement.version = golden.version;
        advertisement.vrid = static_cast<Vrid>(golden.vrid);
        advertisement.priority = static_cast<Priority>(golden.priority);
        advertisement.interval = std::chrono::milliseconds{golden.interval_ms};
        Bytes addresses;
        for (const std::string& text : golden.addresses) {
            const IpAddress one = address(text);
            advertisement.family = one.family();
            addresses.insert(addresses.end(), one.bytes().begin(), one.bytes().end());
        }
        advertisement.addresses = addresses;
        Bytes out(largest_advertisement);
        const IpAddress source = address(golden.source);
        const auto written = encode(advertisement, source, multicast_group(source.family()), golden.form, out);
        EXPECT_EQ(Bytes(written.begin(), written.end()), hex(golden.bytes)) << golden.name;
    }
}

TEST(Rfc9568, s5_1_1_3_a_ttl_other_than_255_is_discarded) {
    for (const int ttl : {0, 1, 64, 254}) {
        EXPECT_EQ(refused("3133960100642d020a010164", "10.1.1.2", static_cast<std::uint8_t>(ttl)), Discard::ttl);
    }
    const Bytes payload = hex("3133960100642d020a010164");
    EXPECT_TRUE(decode(datagram(payload, "10.1.1.2", 64), 64).has_value()) << "a unicast peer behind a router";
}

TEST(Rfc9568, s5_2_1_other_versions_are_discarded) {
    EXPECT_EQ(refused("4133960100641d020a010164"), Discard::version);
    EXPECT_EQ(refused("2133960100013d650a0101640000000000000000", "fe80::2"), Discard::version) << "2 has no IPv6";
}

TEST(Rfc9568, s5_2_2_other_types_are_discarded) {
    EXPECT_EQ(refused("3233960100642c020a010164"), Discard::type);
}

TEST(Rfc9568, s5_2_5_no_address_is_discarded) {
    EXPECT_EQ(refused("3133960000643868"), Discard::count);
}

TEST(Rfc9568, s5_2_6_the_reserved_bits_are_ignored) {
    const Bytes payload = hex("31339601f0643d010a010164");
    const auto received = decode(datagram(payload));
    ASSERT_TRUE(received.has_value());
    EXPECT_EQ(received->interval, std::chrono::seconds{1});
}

TEST(Rfc9568, s5_2_7_interval_zero_is_discarded) {
    EXPECT_EQ(refused("3133960100002d660a010164"), Discard::interval);
}

TEST(Rfc9568, s5_2_8_a_wrong_checksum_is_discarded) {
    EXPECT_EQ(refused("3133960100642d030a010164"), Discard::checksum);
    EXPECT_EQ(refused("3133960200640bfdfe80000000000000000000000000010020010db8000000000000000000000100", "fe80::2"),
              Discard::checksum);
    EXPECT_EQ(refused("3133960200640bfcfe80000000000000000000000000010020010db8000000000000000000000100", "fe80::3"),
              Discard::checksum) << "the pseudo-header has the source";
}

TEST(Rfc9568, s5_2_9_over_ipv6_the_first_address_is_link_local) {
    EXPECT_EQ(refused("3133960200640bfc20010db8000000000000000000000100fe800000000000000000000000000100", "fe80::2"),
              Discard::addresses);
}

TEST(Rfc9568, s7_1_the_packet_is_complete_and_has_no_more) {
    EXPECT_EQ(refused("3133960200642d010a010164"), Discard::length) << "two counted, one there";
    EXPECT_EQ(refused("3133960100642d020a0101640000000000000000"), Discard::length) << "a version 2 trailer";
    const Bytes whole = hex("3133960100642d020a010164");
    for (std::size_t size = 1; size < whole.size(); ++size) {
        const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        const auto received = decode(datagram(part));
        ASSERT_FALSE(received.has_value());
        EXPECT_EQ(received.error(), Discard::length) << size;
    }
    EXPECT_EQ(decode(datagram({})).error(), Discard::length);
}

TEST(Rfc9568, s5_2_3_vrid_zero_is_discarded) {
    Bytes payload = hex("3100960100640000c000020a");
    const std::uint16_t sum = Checksum{}.add(payload).value();
    payload[6] = std::byte{static_cast<std::uint8_t>(sum >> 8U)};
    payload[7] = std::byte{static_cast<std::uint8_t>(sum & 0xffU)};
    EXPECT_EQ(decode(datagram(payload)).error(), Discard::vrid);
}

TEST(Rfc3768, s5_3_6_authentication_is_discarded) {
    EXPECT_EQ(refused("21339601010100190a0101647365637265740000"), Discard::auth) << "G7, type 1";
}

TEST(Codec, every_change_of_one_bit_is_refused_or_in_a_reserved_field) {
    const Bytes whole = hex("3133960100642d020a010164");
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        Bytes changed = whole;
        changed[bit / 8] ^= std::byte{static_cast<std::uint8_t>(1U << (bit % 8))};
        EXPECT_FALSE(decode(datagram(changed)).has_value()) << bit;
    }
}

TEST(Codec, what_is_written_is_read_back) {
    std::mt19937 random(1);
    const auto below = [&](int bound) { return static_cast<int>(random() % static_cast<unsigned>(bound)); };
    for (int round = 0; round < 3000; ++round) {
        Advertisement out;
        const bool v6 = below(3) == 0;
        out.version = !v6 && below(2) == 0 ? Version::v2 : Version::v3;
        out.family = v6 ? Family::ipv6 : Family::ipv4;
        out.vrid = static_cast<Vrid>(1 + below(255));
        out.priority = static_cast<Priority>(below(256));
        out.interval = out.version == Version::v2 ? Duration{std::chrono::seconds{1 + below(255)}}
                                                  : (1 + below(4095)) * interval_step;
        Bytes addresses(static_cast<std::size_t>(1 + below(255)) * address_size(out.family));
        for (std::byte& byte : addresses) {
            byte = std::byte{static_cast<std::uint8_t>(below(256))};
        }
        if (v6) {
            addresses[0] = std::byte{0xfe};
            addresses[1] = std::byte{0x80};
        }
        out.addresses = addresses;
        const auto form = below(2) == 0 ? ChecksumForm::message_only : ChecksumForm::pseudo_header;
        const IpAddress source = address(v6 ? "fe80::7" : "192.0.2.7");
        Bytes buffer(largest_advertisement);
        const auto written = encode(out, source, multicast_group(out.family), form, buffer);
        const auto in = decode({source, multicast_group(out.family), 255, written});
        ASSERT_TRUE(in.has_value());
        EXPECT_EQ(in->version, out.version);
        EXPECT_EQ(in->vrid, out.vrid);
        EXPECT_EQ(in->priority, out.priority);
        EXPECT_EQ(in->interval, out.interval);
        EXPECT_TRUE(std::ranges::equal(in->addresses, addresses));
    }
}

TEST(Rfc9568, s7_3_virtual_mac_and_the_link_local_address_that_follows) {
    EXPECT_EQ(virtual_mac(Family::ipv4, 51).to_string(), "00:00:5e:00:01:33");
    EXPECT_EQ(virtual_mac(Family::ipv6, 51).to_string(), "00:00:5e:00:02:33");
    EXPECT_EQ(derived_link_local(51).to_string(), "fe80::200:5eff:fe00:233");
}

}  // namespace
}  // namespace understudy::vrrp
