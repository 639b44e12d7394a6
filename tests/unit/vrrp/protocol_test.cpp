#include "vrrp/protocol.hpp"

#include <gtest/gtest.h>

namespace understudy::vrrp {
namespace {

TEST(Rfc9568, s5_1_1_group_protocol_and_ttl_of_ipv4) {
    EXPECT_EQ(multicast_group(Family::ipv4).to_string(), "224.0.0.18");
    EXPECT_EQ(ip_protocol, 112);
    EXPECT_EQ(required_ttl, 255);
}

TEST(Rfc9568, s5_1_2_group_of_ipv6) {
    EXPECT_EQ(multicast_group(Family::ipv6).to_string(), "ff02::12");
}

TEST(Rfc9568, s7_3_virtual_router_mac) {
    EXPECT_EQ(virtual_mac(Family::ipv4, 51).to_string(), "00:00:5e:00:01:33");
    EXPECT_EQ(virtual_mac(Family::ipv6, 51).to_string(), "00:00:5e:00:02:33");
    EXPECT_EQ(virtual_mac(Family::ipv4, 255).to_string(), "00:00:5e:00:01:ff");
    EXPECT_EQ(virtual_mac(Family::ipv6, 1).to_string(), "00:00:5e:00:02:01");
}

// RFC 4291 appendix A: the universal bit of 00:00:5e:00:02:33 flipped, ff:fe in the middle.
TEST(Rfc9568, s5_2_9_derived_link_local_is_the_modified_eui64_of_the_virtual_mac) {
    EXPECT_EQ(derived_link_local(0x33).to_string(), "fe80::200:5eff:fe00:233");
    EXPECT_EQ(derived_link_local(0xff).to_string(), "fe80::200:5eff:fe00:2ff");
    EXPECT_EQ(derived_link_local(1).to_string(), "fe80::200:5eff:fe00:201");
    EXPECT_TRUE(derived_link_local(1).is_link_local());
    EXPECT_NE(derived_link_local(1), derived_link_local(2));
}

TEST(Rfc9568, s5_2_4_priorities_with_a_meaning) {
    EXPECT_EQ(owner_priority, 255);
    EXPECT_EQ(default_priority, 100);
    EXPECT_EQ(resignation_priority, 0);
}

TEST(Extension, low_band_is_1_to_16) {
    EXPECT_FALSE(in_low_band(0)) << "that is the resignation";
    EXPECT_TRUE(in_low_band(1));
    EXPECT_TRUE(in_low_band(16));
    EXPECT_FALSE(in_low_band(17));
    EXPECT_FALSE(in_low_band(255));
}

}  // namespace
}  // namespace understudy::vrrp
