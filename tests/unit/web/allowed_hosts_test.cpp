// Which Host a request may name.
#include "agent/web/allowed_hosts.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

namespace understudy::web {
namespace {

const AllowedHosts hosts{{"lb1.example.org", "Status"}};

TEST(AllowedHosts, address_of_the_connection_is_allowed) {
    EXPECT_TRUE(hosts.allow("192.0.2.1:9112", "192.0.2.1"));
    EXPECT_TRUE(hosts.allow("192.0.2.1", "192.0.2.1"));
    EXPECT_TRUE(hosts.allow("[2001:db8::1]:9112", "2001:db8::1"));
    EXPECT_TRUE(hosts.allow("[2001:DB8:0::1]", "2001:db8::1"));
    EXPECT_TRUE(hosts.allow("192.0.2.1:9112", "::ffff:192.0.2.1"));
}

TEST(AllowedHosts, other_address_is_not) {
    EXPECT_FALSE(hosts.allow("192.0.2.2:9112", "192.0.2.1"));
    EXPECT_FALSE(hosts.allow("[2001:db8::2]:9112", "2001:db8::1"));
    EXPECT_FALSE(hosts.allow("127.0.0.1", "192.0.2.1"));
}

TEST(AllowedHosts, localhost_is_allowed_on_a_loopback_address) {
    EXPECT_TRUE(hosts.allow("localhost:9112", "127.0.0.1"));
    EXPECT_TRUE(hosts.allow("localhost:9112", "::1"));
    EXPECT_FALSE(hosts.allow("localhost:9112", "192.0.2.1"));
}

TEST(AllowedHosts, given_names_and_the_name_of_the_machine_are_allowed) {
    EXPECT_TRUE(hosts.allow("lb1.example.org:9112", "192.0.2.1"));
    EXPECT_TRUE(hosts.allow("LB1.Example.org.", "192.0.2.1"));
    EXPECT_TRUE(hosts.allow("status", "192.0.2.1"));
    std::array<char, 256> name{};
    gethostname(name.data(), name.size() - 1);
    EXPECT_TRUE(hosts.allow(std::string{name.data()} + ":9112", "192.0.2.1"));
}

TEST(AllowedHosts, any_other_name_is_not) {
    for (const char* host : {"evil.example", "evil.example:9112", "lb1.example.org.evil.example",
                             "xlb1.example.org", "", ":9112", "[", "[::1", "lb1.example.org:x",
                             "lb1.example.org:", "192.0.2.1@evil.example", "127.0.0.1.evil.example",
                             "localhost.evil.example"}) {
        EXPECT_FALSE(hosts.allow(host, "127.0.0.1")) << host;
    }
}

TEST(AllowedHosts, names_that_are_none_are_complained_about) {
    EXPECT_EQ(complaint_about_host("lb1"), "");
    EXPECT_EQ(complaint_about_host("lb1.example.org:9112"), "");
    EXPECT_NE(complaint_about_host(""), "");
    EXPECT_NE(complaint_about_host("http://lb1"), "");
    EXPECT_NE(complaint_about_host("a b"), "");
}

}  // namespace
}  // namespace understudy::web
