// The other routers that a VIP names: unicast_source, unicast_peer and peer.
#include "agent/config/validate.hpp"
#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Lines problems_with(std::string_view rest) {
    return problems(vip_with(rest));
}

TEST(Unicast, IsASourceAndPeers) {
    EXPECT_THAT(problems_with("unicast_source = 10.0.0.1\nunicast_peer = 10.0.0.2\n"), IsEmpty());
    EXPECT_THAT(problems_with("unicast_peer = 10.0.0.2\n"), IsEmpty());
    EXPECT_THAT(problems_with("unicast_source = 10.0.0.1\nunicast_min_ttl = 255\n"),
                ElementsAre("f:5: unicast_source without any unicast_peer",
                            "f:6: unicast_min_ttl without any unicast_peer: multicast always takes "
                            "255"));
}

TEST(Unicast, RoutersHaveAddressesOfTheirOwn) {
    EXPECT_THAT(
        problems_with("unicast_peer = lb2\nunicast_peer = 224.0.0.18\nunicast_peer = 10.0.0.2/24\n"
                      "unicast_source = ::\nunicast_peer = 127.0.0.1\n"),
        ElementsAre(
            R"(f:5: unicast_peer: "lb2" is not an IPv4 or IPv6 address; names are not looked up)",
            R"(f:6: unicast_peer: "224.0.0.18" cannot be the address of a router: it is a )"
            "multicast address",
            R"(f:7: unicast_peer: "10.0.0.2/24" is not an IPv4 or IPv6 address; names are )"
            "not looked up",
            R"(f:8: unicast_source: "::" cannot be the address of a router: it is the )"
            "unspecified address",
            R"(f:9: unicast_peer: "127.0.0.1" cannot be the address of a router: it is a )"
            "loopback address"));
}

TEST(Unicast, TheSourceIsNeverAnAddressThatMoves) {
    EXPECT_THAT(
        problems_with("unicast_source = 192.0.2.10\nunicast_peer = 192.0.2.2\n"),
        ElementsAre("f:5: unicast_source 192.0.2.10 is one of the addresses that move, which "
                    "are never the source of an advertisement"));
    EXPECT_THAT(problems_with("extra_address = 192.0.2.11/24\nunicast_source = 192.0.2.11\n"
                              "unicast_peer = 192.0.2.2\n"),
                SizeIs(1));
    EXPECT_THAT(
        problems(vip_with("unicast_source = 192.0.2.12\nunicast_peer = 192.0.2.2\n"
                          "[vip b]\ninterface = eth0\nvrid = 52\naddress = 192.0.2.12/24\n")),
        ElementsAre("f:5: unicast_source 192.0.2.12 is an address of [vip b], which moves"));
    // Except for the owner, whose own address it is.
    EXPECT_THAT(
        problems_with("priority = 255\nunicast_source = 192.0.2.10\nunicast_peer = 192.0.2.2\n"),
        IsEmpty());
}

TEST(Unicast, APeerIsNeitherThisNodeNorAnAddressThatMoves) {
    EXPECT_THAT(problems_with("unicast_source = 10.0.0.1\nunicast_peer = 10.0.0.1\n"
                              "unicast_peer = 192.0.2.10\n"),
                ElementsAre("f:6: unicast_peer 10.0.0.1 is this node's own unicast_source",
                            "f:7: unicast_peer 192.0.2.10 is one of the addresses that move, not a "
                            "router"));
}

TEST(Unicast, PeersAreThereOnceAndSourcesOncePerFamily) {
    EXPECT_THAT(problems_with("unicast_source = 10.0.0.1\nunicast_source = 10.0.0.3\n"
                              "unicast_peer = 10.0.0.2\nunicast_peer = 10.0.0.2\n"),
                ElementsAre("f:6: unicast_source 10.0.0.3: there is an IPv4 one already, at f:5",
                            "f:8: unicast_peer 10.0.0.2 is written twice; first at f:7"));
}

TEST(Unicast, HasTheFamiliesThatAreAdvertised) {
    const std::string both = vip_with("address = 2001:db8::10/64\n");
    EXPECT_THAT(problems(both + "unicast_source = 10.0.0.1\nunicast_source = 2001:db8::1\n"
                                "unicast_peer = 10.0.0.2\nunicast_peer = 2001:db8::2\n"),
                IsEmpty());
    EXPECT_THAT(problems(both + "unicast_peer = 10.0.0.2\nunicast_peer = 2001:db8::2\n"),
                IsEmpty());
    EXPECT_THAT(problems(both + "unicast_source = 10.0.0.1\nunicast_peer = 10.0.0.2\n"),
                ElementsAre("f:6: there are IPv6 addresses, but no IPv6 unicast_source",
                            "f:7: there are IPv6 addresses, but no IPv6 unicast_peer"));
    EXPECT_THAT(
        problems_with("unicast_source = 10.0.0.1\nunicast_source = 2001:db8::1\n"
                      "unicast_peer = 10.0.0.2\nunicast_peer = 2001:db8::2\n"),
        ElementsAre("f:6: unicast_source 2001:db8::1, but there is no IPv6 address to advertise",
                    "f:8: unicast_peer 2001:db8::2, but there is no IPv6 address to advertise"));
    EXPECT_THAT(problems_with("unicast_peer = 2001:db8::2\n"), SizeIs(2));
}

TEST(Unicast, FamiliesAreNotJudgedWhereAPeerIsUnreadable) {
    EXPECT_THAT(problems_with("unicast_peer = lb2\n"), SizeIs(1));
    EXPECT_THAT(problems_with("unicast_source = lb1\nunicast_peer = 10.0.0.2\n"), SizeIs(1));
    EXPECT_THAT(
        problems("[vip a]\ninterface = a\nvrid = 1\naddress = x\nunicast_peer = 10.0.0.2\n"),
        SizeIs(1));
}

TEST(Unicast, TheTtlIsFrom1To255) {
    EXPECT_EQ(vip_of(vip_with("unicast_peer = 10.0.0.2\nunicast_min_ttl = 1\n")).unicast_min_ttl,
              1);
    EXPECT_THAT(problems_with("unicast_peer = 10.0.0.2\nunicast_min_ttl = 0\n"),
                ElementsAre(R"(f:6: unicast_min_ttl: "0" is not a whole number from 1 to 255)"));
}

TEST(MulticastPeers, FitTheAddresses) {
    EXPECT_THAT(problems_with("peer = 192.0.2.2\npeer = 192.0.2.3\n"), IsEmpty());
    EXPECT_THAT(vip_of(vip_with("peer = 192.0.2.2\npeer = 192.0.2.3\n")).peers,
                ElementsAre(IpAddress::v4(192, 0, 2, 2), IpAddress::v4(192, 0, 2, 3)));
    const std::string both = vip_with("address = 2001:db8::10/64\n");
    EXPECT_THAT(problems(both + "peer = 192.0.2.2\npeer = fe80::2\n"), IsEmpty());
    EXPECT_THAT(problems(both + "peer = 192.0.2.2\n"),
                ElementsAre("f:6: there are IPv6 addresses, but no IPv6 peer"));
    EXPECT_THAT(problems_with("peer = fe80::2\npeer = 192.0.2.2\n"),
                ElementsAre("f:5: peer fe80::2, but there is no IPv6 address to advertise"));
    EXPECT_THAT(problems(both + "peer = 192.0.2.2\npeer = 2001:db8::2\n"),
                ElementsAre("f:7: peer 2001:db8::2 is not link-local, as the source of a multicast "
                            "IPv6 advertisement is (RFC 9568 5.1.2.1)"));
}

TEST(MulticastPeers, AreRoutersOnceEach) {
    EXPECT_THAT(problems_with("peer = 192.0.2.2\npeer = 192.0.2.2\n"),
                ElementsAre("f:6: peer 192.0.2.2 is written twice; first at f:5"));
    EXPECT_THAT(problems_with("peer = lb2\npeer = 224.0.0.18\n"), SizeIs(2));
    EXPECT_THAT(
        problems_with("peer = 192.0.2.10\n"),
        ElementsAre("f:5: warning: peer 192.0.2.10 is one of the addresses that move: right "
                    "only for the router that owns it (priority 255)"));
    EXPECT_THAT(problems_with("priority = 255\npeer = 192.0.2.10\n"),
                ElementsAre("f:6: peer 192.0.2.10 is an address of this node, which owns it"));
}

TEST(MulticastPeers, AreNotForUnicast) {
    EXPECT_THAT(problems_with("peer = 192.0.2.2\nunicast_peer = 192.0.2.2\n"),
                ElementsAre("f:5: peer and unicast_peer exclude each other: with unicast_peer, "
                            "advertisements are taken from those routers only"));
}

}  // namespace
}  // namespace understudy::config
