// A second implementation's packets: each is read as it was meant, and written to the same bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "packets.hpp"
#include "vrrp/advertisement.hpp"

namespace understudy::vrrp {
namespace {

using namespace testing;

struct ScapyVector {
    Version version;
    Family family;
    ChecksumForm form;
    const char* source;
    const char* destination;
    int vrid;
    int priority;
    Duration interval;
    const char* addresses;  // with spaces between
    const char* hex;
};

constexpr ScapyVector vectors[] = {
#include "scapy_vectors.inc"
};

Bytes addresses_in(const char* text) {
    std::istringstream words{text};
    Bytes bytes;
    for (std::string word; words >> word;) {
        const IpAddress address = ip(word);
        bytes.insert(bytes.end(), address.bytes().begin(), address.bytes().end());
    }
    return bytes;
}

TEST(Scapy, its_advertisements_are_read_as_they_were_meant) {
    for (const ScapyVector& vector : vectors) {
        const Bytes bytes = from_hex(vector.hex);
        const auto received = decode({ip(vector.source), ip(vector.destination), 255, bytes});
        ASSERT_EQ(verdict(received), "accepted") << vector.hex;
        EXPECT_EQ(received->version, vector.version);
        EXPECT_EQ(received->vrid, vector.vrid);
        EXPECT_EQ(received->priority, vector.priority);
        EXPECT_EQ(received->interval, vector.interval);
        EXPECT_EQ(to_hex(received->addresses), to_hex(addresses_in(vector.addresses)));
        if (vector.version == Version::v3 && vector.family == Family::ipv4) {
            EXPECT_EQ(received->checksum_form, vector.form) << vector.hex;
        }
    }
}

TEST(Scapy, the_same_advertisement_is_written_to_the_same_bytes) {
    for (const ScapyVector& vector : vectors) {
        const Bytes addresses = addresses_in(vector.addresses);
        const Advertisement advertisement{vector.version,
                                          static_cast<Vrid>(vector.vrid),
                                          static_cast<Priority>(vector.priority),
                                          vector.interval,
                                          vector.family,
                                          addresses};
        Bytes buffer(largest_advertisement);
        const auto packet =
            encode(advertisement, ip(vector.source), ip(vector.destination), vector.form, buffer);
        EXPECT_EQ(to_hex(packet), vector.hex);
    }
}

TEST(Scapy, the_table_has_every_kind) {
    EXPECT_GE(std::size(vectors), 40U);
    const auto count = [](Version version, Family family, ChecksumForm form) {
        return std::ranges::count_if(vectors, [&](const ScapyVector& v) {
            return v.version == version && v.family == family && v.form == form;
        });
    };
    EXPECT_GE(count(Version::v2, Family::ipv4, ChecksumForm::message_only), 8);
    EXPECT_GE(count(Version::v3, Family::ipv4, ChecksumForm::message_only), 8);
    EXPECT_GE(count(Version::v3, Family::ipv4, ChecksumForm::pseudo_header), 8);
    EXPECT_GE(count(Version::v3, Family::ipv6, ChecksumForm::pseudo_header), 8);
}

}  // namespace
}  // namespace understudy::vrrp
