#include "agent/web/listen_address.hpp"

#include <gtest/gtest.h>

namespace understudy::web {
namespace {

TEST(ListenAddressTest, IsAnAddressAndAPort) {
    const auto v4 = ListenAddress::parse("127.0.0.1:9112");
    ASSERT_TRUE(v4);
    EXPECT_EQ(v4->address, IpAddress::v4(127, 0, 0, 1));
    EXPECT_EQ(v4->port, 9112);
    const auto v6 = ListenAddress::parse("[2001:db8::1]:80");
    ASSERT_TRUE(v6);
    EXPECT_TRUE(v6->address.is_v6());
    EXPECT_EQ(v6->port, 80);
    for (const char* text : {"0.0.0.0:1", "[::]:65535", "127.0.0.1:0", default_listen}) {
        const auto listen = ListenAddress::parse(text);
        ASSERT_TRUE(listen) << text;
        EXPECT_EQ(listen->to_string(), text);
    }
}

TEST(ListenAddressTest, NothingElseIs) {
    for (const char* text :
         {"", ":", "9112", ":9112", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
          "127.0.0.1:-1", "127.0.0.1: 1", "127.0.0.1:1 ", "localhost:9112", "::1:9112", "[::1]",
          "[127.0.0.1]:9112", "[]:1", "[::1]9112", "1.2.3:4"}) {
        const auto listen = ListenAddress::parse(text);
        ASSERT_FALSE(listen) << text;
        EXPECT_NE(listen.error().find("ADDR:PORT"), std::string::npos);
    }
}

}  // namespace
}  // namespace understudy::web
