// What no single vector shows: corrupted bytes, random messages, and that nothing is allocated.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <random>

#include "packets.hpp"
#include "vrrp/advertisement.hpp"

namespace {

std::size_t allocations = 0;

void* counted(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size)) {
        return memory;
    }
    throw std::bad_alloc{};
}

}  // namespace

void* operator new(std::size_t size) {
    return counted(size);
}
void* operator new[](std::size_t size) {
    return counted(size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace understudy::vrrp {
namespace {

using namespace testing;
using namespace std::chrono_literals;

// A corrupted byte that is not caught must at least be visible: it says something else than the
// vector. The Internet checksum catches every single byte unless the other form happens to fit.
TEST(Rfc9568, s5_2_8_a_single_corrupted_byte_is_dropped_or_says_something_else) {
    std::size_t dropped = 0;
    std::size_t accepted = 0;
    for (const Golden& vector : golden_vectors()) {
        Bytes packet = vector.bytes();
        for (std::byte& byte : packet) {
            const std::byte original = byte;
            for (unsigned value = 0; value < 256; ++value) {
                byte = static_cast<std::byte>(value);
                if (byte == original) {
                    continue;
                }
                const auto received = decode_as(vector.family, packet);
                if (!received) {
                    ++dropped;
                    continue;
                }
                ++accepted;
                EXPECT_NE(received->checksum_form, vector.form)
                    << vector.name << ' ' << to_hex(packet);
            }
            byte = original;
        }
    }
    EXPECT_GT(dropped, 25'000U);
    EXPECT_LE(accepted, 8U) << "both forms are accepted, which doubles the chance of a fit";
}

TEST(Rfc9568, s5_2_8_a_corrupted_byte_with_a_right_checksum_is_dropped_or_says_something_else) {
    for (const Golden& vector : golden_vectors()) {
        const Bytes original = vector.bytes();
        const auto before = decode_as(vector.family, original);
        for (std::size_t offset = 0; offset < original.size(); ++offset) {
            if (offset == 6 || offset == 7) {
                continue;
            }
            Bytes packet = original;
            packet[offset] ^= std::byte{0x5a};
            const bool bare = vector.form == ChecksumForm::message_only;
            const Bytes front =
                bare ? Bytes{}
                     : pseudo_header(vector.source(), vector.destination(), packet.size());
            packet = with_checksum(packet, front);
            const auto after = decode_as(vector.family, packet);
            const bool ignored = vector.version == Version::v2 && offset >= packet.size() - 8;
            if (!after || ignored) {
                continue;
            }
            EXPECT_TRUE(after->vrid != before->vrid || after->priority != before->priority ||
                        after->interval != before->interval ||
                        !std::ranges::equal(after->addresses, before->addresses))
                << vector.name << " at " << offset;
        }
    }
}

struct Message {
    Advertisement advertisement;
    Bytes addresses;
    ChecksumForm form{};
    IpAddress source;
    IpAddress destination;
};

Message random_message(std::mt19937& random, std::size_t count) {
    const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
    Message message;
    Advertisement& a = message.advertisement;
    a.version = below(3) == 0 ? Version::v2 : Version::v3;
    a.family = a.version == Version::v3 && below(2) == 0 ? Family::ipv6 : Family::ipv4;
    a.vrid = static_cast<Vrid>(1 + below(255));
    a.priority = static_cast<Priority>(below(256));
    a.interval = a.version == Version::v2 ? Duration{(1 + below(255)) * 1s}
                                          : Duration{(1 + below(4095)) * 10ms};
    const std::size_t size = address_size(a.family);
    message.addresses.resize(count * size);
    std::ranges::generate(message.addresses, [&] { return static_cast<std::byte>(below(256)); });
    Bytes ends(2 * size);
    std::ranges::generate(ends, [&] { return static_cast<std::byte>(below(256)); });
    // An address that a router can have, whatever the destination.
    ends[0] = a.family == Family::ipv6 ? std::byte{0xfe} : std::byte(1 + below(126));
    ends[1] = a.family == Family::ipv6 ? std::byte{0x80} : ends[1];
    message.source = IpAddress::from_bytes(std::span{ends}.first(size));
    message.destination = IpAddress::from_bytes(std::span{ends}.last(size));
    if (a.family == Family::ipv6) {
        message.addresses[0] = std::byte{0xfe};
        message.addresses[1] = std::byte{0x80};
    }
    message.form = below(2) == 0 ? ChecksumForm::message_only : ChecksumForm::pseudo_header;
    return message;
}

TEST(Rfc9568, s7_1_what_is_encoded_is_decoded_as_the_same) {
    std::mt19937 random{9568};
    Bytes buffer(largest_advertisement);
    for (std::size_t round = 0; round < 20; ++round) {
        for (std::size_t count = 1; count <= most_addresses; ++count) {
            Message message = random_message(random, count);
            Advertisement& sent = message.advertisement;
            sent.addresses = message.addresses;
            const auto packet =
                encode(sent, message.source, message.destination, message.form, buffer);
            ASSERT_EQ(packet.size(), encoded_size(sent.version, sent.family, count));
            const auto received = decode({message.source, message.destination, 255, packet});
            ASSERT_EQ(verdict(received), "accepted") << to_hex(packet);
            EXPECT_EQ(received->version, sent.version);
            EXPECT_EQ(received->vrid, sent.vrid);
            EXPECT_EQ(received->priority, sent.priority);
            EXPECT_EQ(received->interval, sent.interval);
            EXPECT_EQ(received->address_count, count);
            EXPECT_TRUE(std::ranges::equal(received->addresses, message.addresses));
            if (sent.version == Version::v3 && sent.family == Family::ipv4) {
                EXPECT_EQ(received->checksum_form, message.form);
            } else {
                EXPECT_EQ(received->checksum_form, std::nullopt);
            }
        }
    }
}

TEST(Advertisement, decoded_addresses_point_into_the_datagram) {
    const Bytes bytes = golden("G4").bytes();
    const auto received = decode_v4(bytes);
    ASSERT_EQ(verdict(received), "accepted");
    EXPECT_EQ(received->addresses.data(), bytes.data() + header_size);
    EXPECT_EQ(received->addresses.size(), 8U);
}

// 255 virtual routers at 10 ms are 25,500 of each a second.
TEST(Advertisement, neither_decode_nor_encode_allocates) {
    const Bytes bytes = golden("G5").bytes();
    const Bytes wrong = with_checksum(golden("G5").bytes());
    Bytes buffer(largest_advertisement);
    const Advertisement advertisement{Version::v3, 51,           150,
                                      1s,          Family::ipv6, golden("G5").addresses};
    const std::size_t before = allocations;
    const auto accepted = decode_v6(bytes);
    const auto refused = decode_v6(wrong);
    const auto packet =
        encode(advertisement, peer_v6, multicast_group_v6, ChecksumForm::message_only, buffer);
    EXPECT_EQ(allocations, before);
    EXPECT_TRUE(accepted.has_value());
    EXPECT_FALSE(refused.has_value());
    EXPECT_EQ(to_hex(packet), golden("G5").hex);
    EXPECT_GT(allocations, before) << "they are counted";
}

}  // namespace
}  // namespace understudy::vrrp
