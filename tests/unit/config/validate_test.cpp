// What no single key can tell: the keys of a VIP, and the VIPs of a node, against each other.
#include "agent/config/validate.hpp"

#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Lines problems_with(std::string_view rest) {
    return problems(vip_with(rest));
}

std::string addresses(int count, const std::string& before, const std::string& after) {
    std::string text;
    for (int i = 1; i <= count; ++i) {
        text += before + std::to_string(i) + after + '\n';
    }
    return text;
}

TEST(RequiredKeys, AreTheInterfaceTheVridAndAnAddress) {
    EXPECT_THAT(problems("\n[vip web]\n"),
                ElementsAre("f:2: [vip web] has no interface", "f:2: [vip web] has no vrid",
                            "f:2: [vip web] has no address"));
    EXPECT_THAT(problems("[vip web]\ninterface = a\nvrid = 1\nextra_address = 192.0.2.1/24\n"),
                ElementsAre("f:1: [vip web] has no address"));
}

TEST(RequiredKeys, AreNotMissingWhereTheyAreWrong) {
    EXPECT_THAT(problems("[vip web]\ninterface = a/b\nvrid = x\naddress = y\nadress = y\n"),
                SizeIs(4));
}

TEST(Interfaces, HaveNamesThatTheKernelTakes) {
    for (const char* name : {"eth0", "br-lan", "eth0.100", "123456789012345", "wl@n"}) {
        EXPECT_THAT(problems("[vip a]\ninterface = " + std::string{name} +
                             "\nvrid = 1\naddress = 192.0.2.1/24\n"),
                    IsEmpty());
    }
    EXPECT_THAT(
        problems("[vip a]\ninterface = 1234567890123456\nvrid = 1\naddress = 192.0.2.1/24\n"),
        ElementsAre(R"(f:2: interface: "1234567890123456" is longer than the 15 characters )"
                    "that an interface name has"));
    for (const char* name : {"eth0:1", "a/b", "a b", ".", "..", "eth%d", "a'b"}) {
        EXPECT_THAT(problems("[vip a]\ninterface = " + std::string{name} +
                             "\nvrid = 1\naddress = 192.0.2.1/24\n"),
                    ElementsAre("f:2: interface: \"" + std::string{name} +
                                "\" is not the name of an interface"));
    }
}

TEST(Vrids, AreFrom1To255) {
    for (const char* vrid : {"0", "256", "-1", "x"}) {
        EXPECT_THAT(problems("[vip a]\ninterface = a\nvrid = " + std::string{vrid} +
                             "\naddress = 192.0.2.1/24\n"),
                    ElementsAre("f:3: vrid: \"" + std::string{vrid} +
                                "\" is not a whole number from 1 to 255"));
    }
}

TEST(Priorities, AreFrom1To255) {
    EXPECT_EQ(vip_of(vip_with("priority = 17\n")).priority, 17);
    EXPECT_EQ(vip_of(vip_with("priority = 255\n")).priority, 255);
    EXPECT_THAT(problems_with("priority = 256\n"),
                ElementsAre(R"(f:5: priority: "256" is not a whole number from 1 to 255)"));
}

TEST(Priorities, InTheLowBandDrawAWarning) {
    for (const char* priority : {"1", "16"}) {
        EXPECT_THAT(problems_with("priority = " + std::string{priority} + '\n'),
                    ElementsAre("f:5: warning: priority " + std::string{priority} +
                                " is in the low band: an active node that advertises 1 to 16 says "
                                "that others are to take the addresses from it"));
    }
}

TEST(Preemption, KeysThatDoNothingDrawAWarning) {
    EXPECT_THAT(problems_with("priority = 255\npreempt = no\n"),
                ElementsAre("f:6: warning: preempt = no does nothing with priority 255: the owner "
                            "always goes first"));
    EXPECT_THAT(problems_with("preempt = no\npreempt_delay = 5s\n"),
                ElementsAre("f:6: warning: preempt_delay does nothing with preempt = no"));
    EXPECT_THAT(problems_with("priority = 255\npreempt_delay = 5s\n"),
                ElementsAre("f:6: warning: preempt_delay does nothing with priority 255"));
    EXPECT_THAT(problems_with("preempt = no\npreempt_delay = 0s\n"), IsEmpty());
}

TEST(Delays, HaveALimit) {
    EXPECT_EQ(vip_of(vip_with("startup_delay = 24h\n")).startup_delay, 24h);
    EXPECT_THAT(problems_with("startup_delay = 25h\npreempt_delay = 1441m\n"),
                ElementsAre(R"(f:5: startup_delay: "25h" is longer than 24h)",
                            R"(f:6: preempt_delay: "1441m" is longer than 24h)"));
}

TEST(Words, AreTheDocumentedOnes) {
    EXPECT_THAT(
        problems_with("version = 4\nmac = vritual\nchecksum = rfc9658\naccept = jes\n"),
        ElementsAre(R"(f:5: version: "4" is not one of 2, 3)",
                    R"(f:6: mac: "vritual" is not one of interface, virtual; did you mean )"
                    R"("virtual"?)",
                    R"(f:7: checksum: "rfc9658" is not one of auto, rfc9568, pseudo-header; )"
                    R"(did you mean "rfc9568"?)",
                    R"(f:8: accept: "jes" is not yes or no; did you mean "yes"?)"));
}

TEST(Checksums, ThatDoNothingDrawAWarning) {
    EXPECT_THAT(
        problems_with("version = 2\nchecksum = rfc9568\n"),
        ElementsAre("f:6: warning: checksum does nothing here: only version 3 over IPv4 has "
                    "a choice"));
}

TEST(Intervals, OfVersion3AreInStepsOf10Milliseconds) {
    for (const char* interval : {"10ms", "20ms", "100ms", "1s", "40.95s", "40950ms"}) {
        EXPECT_TRUE(
            read(vip_with("advert_interval = " + std::string{interval} + '\n')).configuration)
            << interval;
    }
    const std::string bounds = " is not from 10ms to 40.95s in steps of 10ms, which version 3 has";
    for (const char* interval :
         {"5ms", "9ms", "15ms", "1005ms", "41s", "40960ms", "1001us", "40.96s", "0.015s", "0.7m"}) {
        EXPECT_THAT(problems_with("advert_interval = " + std::string{interval} + '\n'),
                    ElementsAre("f:5: advert_interval: " + std::string{interval} + bounds));
    }
    EXPECT_THAT(problems_with("advert_interval = 0s\n"),
                ElementsAre("f:5: advert_interval: 0s" + bounds));
}

TEST(Intervals, OfVersion2AreInWholeSeconds) {
    for (const char* interval : {"1s", "2s", "255s", "1000ms"}) {
        EXPECT_TRUE(read(vip_with("version = 2\nadvert_interval = " + std::string{interval} + '\n'))
                        .configuration)
            << interval;
    }
    const std::string bounds = " is not from 1s to 255s in whole seconds, which version 2 has";
    for (const char* interval : {"100ms", "1500ms"}) {
        EXPECT_THAT(problems_with("version = 2\nadvert_interval = " + std::string{interval} + '\n'),
                    ElementsAre("f:6: advert_interval: " + std::string{interval} + bounds));
    }
    EXPECT_THAT(problems_with("version = 2\nadvert_interval = 256s\n"),
                ElementsAre(R"(f:6: advert_interval: "256s" is longer than 255s)"));
}

TEST(Intervals, AreNotJudgedByAVersionThatNobodyKnows) {
    EXPECT_THAT(problems_with("version = 1\nadvert_interval = 100s\n"),
                ElementsAre(R"(f:5: version: "1" is not one of 2, 3)"));
}

// The default: four intervals in whole seconds, at least 2 s.
TEST(Leases, FollowFromTheInterval) {
    EXPECT_EQ(vip_of(vip_with("advert_interval = 1s\n")).lease, 4s);
    EXPECT_EQ(vip_of(vip_with("advert_interval = 10ms\n")).lease, 2s);
    EXPECT_EQ(vip_of(vip_with("advert_interval = 500ms\n")).lease, 2s);
    EXPECT_EQ(vip_of(vip_with("advert_interval = 510ms\n")).lease, 3s);
    EXPECT_EQ(vip_of(vip_with("advert_interval = 40.95s\n")).lease, 164s);
    EXPECT_EQ(vip_of(vip_with("version = 2\nadvert_interval = 255s\n")).lease, 1020s);
}

TEST(Leases, OutliveATakeover) {
    EXPECT_EQ(vip_of(vip_with("lease = 0s\n")).lease, 0s);
    EXPECT_EQ(vip_of(vip_with("lease = 10s\n")).lease, 10s);
    EXPECT_EQ(vip_of(vip_with("advert_interval = 100ms\nlease = 1s\n")).lease, 1s);
    // Priority 100 and 1 s: 3.609375 s.
    EXPECT_THAT(problems_with("lease = 3s\n"),
                ElementsAre("f:5: lease: 3s ends before a standby takes over; with this "
                            "advert_interval it is at least 4s"));
    // 3 x 250 ms + 156/256 x 250 ms = 902 ms; 3 x 330 ms and more is above 1 s.
    EXPECT_EQ(vip_of(vip_with("advert_interval = 250ms\nlease = 1s\n")).lease, 1s);
    EXPECT_THAT(problems_with("advert_interval = 330ms\nlease = 1s\n"), SizeIs(1));
    for (const char* lease : {"4500ms", "4.5s"}) {
        EXPECT_THAT(problems_with("lease = " + std::string{lease} + '\n'),
                    ElementsAre("f:5: lease: " + std::string{lease} +
                                " is not in whole seconds, in which the kernel counts"));
    }
    // 20 s - 3.609375 s.
    EXPECT_THAT(problems_with("lease = 20s\n"),
                ElementsAre("f:5: warning: lease: 20s is long: the addresses of an agent that died "
                            "stay beside those of the node that took over for up to 16s; the "
                            "default is 4s"));
    EXPECT_THAT(problems_with("lease = 25h\n"),
                ElementsAre(R"(f:5: lease: "25h" is longer than 24h)"));
}

TEST(Leases, AreNotJudgedByAnIntervalThatIsWrong) {
    EXPECT_THAT(problems_with("advert_interval = 100\nlease = 1s\n"), SizeIs(1));
    EXPECT_THAT(problems_with("advert_interval = 105ms\nlease = 1s\n"), SizeIs(1));
    EXPECT_THAT(problems_with("priority = x\nlease = 1s\n"), SizeIs(1));
}

TEST(Addresses, AreOnesThatAHostCanHave) {
    const auto refused = [](const std::string& text, const std::string& why) {
        EXPECT_THAT(problems_with("address = " + text + '\n'), ElementsAre("f:5: address: " + why));
        EXPECT_THAT(problems_with("extra_address = " + text + '\n'),
                    ElementsAre("f:5: extra_address: " + why));
    };
    const std::string no_address = " is not an address like 192.0.2.10/24 or 2001:db8::10/64";
    for (const char* text : {"example.net", "192.0.2", "192.0.2.256/24", "/24", "2001:db8::g/64",
                             "fe80::1%eth0/64", "192.0.2.010.1"}) {
        refused(text, '"' + std::string{text} + '"' + no_address);
    }
    for (const char* text :
         {"192.0.2.1/33", "192.0.2.1/0", "192.0.2.1/", "192.0.2.1/x", "192.0.2.1/-1"}) {
        refused(text, "the prefix length of \"" + std::string{text} + "\" is not from 1 to 32");
    }
    refused("2001:db8::1/129", R"(the prefix length of "2001:db8::1/129" is not from 1 to 128)");
    const std::string never = " cannot be a virtual address: it is ";
    refused("224.0.0.18/24", "\"224.0.0.18/24\"" + never + "a multicast address");
    refused("ff02::12/64", "\"ff02::12/64\"" + never + "a multicast address");
    refused("127.0.0.2/8", "\"127.0.0.2/8\"" + never + "a loopback address");
    refused("::1/128", "\"::1/128\"" + never + "a loopback address");
    refused("0.0.0.0/8", "\"0.0.0.0/8\"" + never + "the unspecified address");
    refused("::/64", "\"::/64\"" + never + "the unspecified address");
    refused("255.255.255.255/32", "\"255.255.255.255/32\"" + never + "the broadcast address");
    refused("0.1.2.3/8", "\"0.1.2.3/8\"" + never + "an address of \"this network\", 0.0.0.0/8");
    refused("::ffff:192.0.2.1/128",
            "\"::ffff:192.0.2.1/128\"" + never + "an IPv4 address in IPv6 form: write it as IPv4");
}

TEST(Addresses, WithoutAPrefixAreHosts) {
    EXPECT_EQ(vip_of(vip_with("extra_address = 192.0.2.9\n")).addresses.at(1).prefix.length, 32);
    EXPECT_EQ(vip_of(vip_with("extra_address = 2001:db8::1\n")).addresses.at(1).prefix.length, 128);
}

TEST(Addresses, OfTheNetworkAndBroadcastDrawAWarning) {
    EXPECT_THAT(
        problems_with("address = 192.0.2.0/24\naddress = 192.0.2.255/24\naddress = 192.0.2.63/26\n"
                      "extra_address = 2001:db8::/64\n"),
        ElementsAre("f:5: warning: 192.0.2.0/24 is the address of a network, not of a host",
                    "f:6: warning: 192.0.2.255/24 is the broadcast address of its network",
                    "f:7: warning: 192.0.2.63/26 is the broadcast address of its network",
                    "f:8: warning: 2001:db8::/64 is the address of a network, not of a host"));
    // RFC 3021 and single hosts have none.
    EXPECT_THAT(problems_with("address = 192.0.2.0/31\naddress = 192.0.2.1/31\naddress = "
                              "192.0.2.2/32\naddress = 2001:db8::/127\n"),
                IsEmpty());
}

TEST(Addresses, OnAnotherInterfaceAreExtraOnes) {
    EXPECT_EQ(
        vip_of(vip_with("extra_address = 10.0.0.1/8  dev   eth1\n")).addresses.at(1).interface,
        "eth1");
    EXPECT_THAT(
        problems_with("address = 10.0.0.1/8 dev eth1\nextra_address = 10.0.0.1/8 via eth1\n"
                      "extra_address = 10.0.0.2/8 dev\nextra_address = 10.0.0.3/8 dev a b\n"
                      "extra_address = 10.0.0.4/8 devx eth1\n"),
        ElementsAre(R"(f:5: address: "dev eth1" after the address; only extra_address takes )"
                    R"("dev INTERFACE")",
                    R"(f:6: extra_address: "via eth1" after the address; expected )"
                    R"("dev INTERFACE")",
                    R"(f:7: extra_address: "dev" after the address; expected "dev INTERFACE")",
                    R"(f:8: extra_address: "a b" is not the name of an interface)",
                    R"(f:9: extra_address: "devx eth1" after the address; expected )"
                    R"("dev INTERFACE")"));
}

TEST(Addresses, MayHaveABlankAtTheEndOfTheirQuotes) {
    EXPECT_THAT(problems_with("address = \"10.0.0.1/8 \"\nextra_address = \"10.0.0.2/8\t\"\n"),
                IsEmpty());
    EXPECT_THAT(problems_with("extra_address = \"10.0.0.2/8 dev \"\n"),
                ElementsAre("f:5: extra_address: \"\" is not the name of an interface"));
}

TEST(Addresses, AreWrittenOnce) {
    EXPECT_THAT(problems_with("address = 192.0.2.10/32\nextra_address = 192.0.2.10/24\n"
                              "extra_address = 192.0.2.10/24 dev eth0\n"
                              "extra_address = 192.0.2.10/24 dev eth1\n"),
                ElementsAre("f:5: 192.0.2.10 is there twice; first at f:4",
                            "f:6: 192.0.2.10 is there twice; first at f:4",
                            "f:7: 192.0.2.10 is there twice; first at f:4"));
}

TEST(Addresses, TheLineOfAProblemIsNotThatOfABadNeighbour) {
    EXPECT_THAT(problems("[vip a]\ninterface = a\nvrid = 1\naddress = 192.0.2.0/24\naddress = x\n"),
                ElementsAre("f:4: warning: 192.0.2.0/24 is the address of a network, not of a host",
                            R"(f:5: address: "x" is not an address like 192.0.2.10/24 or )"
                            "2001:db8::10/64"));
}

TEST(Addresses, OfIpv6NeedVersion3) {
    EXPECT_THAT(problems_with("version = 2\naddress = 2001:db8::1/64\n"),
                ElementsAre("f:6: address 2001:db8::1/64: IPv6 needs version 3"));
    // Moved along, not advertised.
    EXPECT_THAT(problems_with("version = 2\nextra_address = 2001:db8::1/64\n"), IsEmpty());
}

TEST(Addresses, AreNotMoreThanAMessageHolds) {
    EXPECT_THAT(problems_with(addresses(254, "address = 10.0.0.", "/8")), IsEmpty());
    EXPECT_THAT(problems_with(addresses(254, "address = 10.0.0.", "/8") + "address = 10.0.1.1/8\n"),
                ElementsAre("f:259: an advertisement holds 255 addresses; write this and further "
                            "ones as extra_address"));
    EXPECT_THAT(
        problems_with(addresses(254, "address = 10.0.0.", "/8") + "extra_address = 10.0.1.1/8\n"),
        IsEmpty());
    // 40 + 8 + 90 x 16 = 1488 bytes; the derived link-local address is one of them.
    EXPECT_THAT(problems_with(addresses(89, "address = 2001:db8::", "/64")), IsEmpty());
    EXPECT_THAT(problems_with(addresses(90, "address = 2001:db8::", "/64")),
                ElementsAre("f:94: an IPv6 advertisement of 1500 bytes holds 90 addresses, the "
                            "link-local one among them; write this and further ones as "
                            "extra_address"));
}

TEST(Addresses, HaveALimitedNumber) {
    std::string text;
    for (std::size_t i = 0; i < core::most_addresses_per_vip; ++i) {
        text += "extra_address = 10.1." + std::to_string(i / 200) + '.' +
                std::to_string(i % 200 + 1) + "/8\n";
    }
    EXPECT_THAT(problems_with(text), ElementsAre("f:1: [vip web] has more than 4096 addresses"));
}

// RFC 9568 5.2.9: the first IPv6 address is link-local.
TEST(LinkLocalAddresses, GoFirst) {
    const auto vip = vip_of(
        "[vip a]\ninterface = a\nvrid = 1\nextra_address = fe80::9/64\naddress = 2001:db8::1/64\n"
        "address = 192.0.2.1/24\naddress = fe80::1/64\naddress = fe80::2/64\n");
    std::vector<std::string> order;
    for (const core::VirtualAddress& address : vip.addresses) {
        EXPECT_FALSE(address.derived);
        order.push_back(address.prefix.to_string());
    }
    EXPECT_THAT(order, ElementsAre("192.0.2.1/24", "fe80::1/64", "fe80::2/64", "2001:db8::1/64",
                                   "fe80::9/64"));
}

TEST(LinkLocalAddresses, AreDerivedFromTheVridWhereNoneIsWritten) {
    const auto vip = vip_of(
        "[vip a]\ninterface = a\nvrid = 255\nextra_address = fe80::9/64\naddress = "
        "2001:db8::1/64\n");
    ASSERT_THAT(vip.addresses, SizeIs(3));
    const core::VirtualAddress expected{*IpPrefix::parse("fe80::200:5eff:fe00:2ff/64"), "a", true,
                                        true};
    EXPECT_EQ(vip.addresses[0], expected);
    // Not where IPv6 is only moved along.
    EXPECT_THAT(vip_of(vip_with("extra_address = 2001:db8::1/64\n")).addresses, SizeIs(2));
}

TEST(LinkLocalAddresses, ThatAreDerivedAreNotWrittenElsewhere) {
    const std::string text =
        "[vip a]\ninterface = a\nvrid = 1\naddress = 2001:db8::1/64\n"
        "extra_address = fe80::200:5eff:fe00:201/64\n";
    EXPECT_THAT(problems(text),
                ElementsAre("f:5: fe80::200:5eff:fe00:201 is there twice; first at f:3"));
    const std::string two =
        "[vip a]\ninterface = a\nvrid = 1\naddress = 2001:db8::1/64\n"
        "[vip b]\ninterface = a\nvrid = 2\naddress = fe80::200:5eff:fe00:201/64\n";
    EXPECT_THAT(problems(two),
                ElementsAre("f:8: fe80::200:5eff:fe00:201 is in [vip a] already, at f:3"));
    // Two times the same router is one mistake.
    const std::string same =
        "[vip a]\ninterface = a\nvrid = 1\naddress = 2001:db8::1/64\n"
        "[vip b]\ninterface = a\nvrid = 1\naddress = 2001:db8::2/64\n";
    EXPECT_THAT(problems(same), ElementsAre("f:7: vrid 1 on a is taken by [vip a], at f:3"));
}

std::string another_vip(std::string_view keys) {
    return vip_with("[vip b]\n" + std::string{keys});
}

TEST(VipsOfANode, AreDifferentRouters) {
    EXPECT_THAT(problems(another_vip("interface = eth0\nvrid = 51\naddress = 192.0.2.11/24\n")),
                ElementsAre("f:7: vrid 51 on eth0 is taken by [vip web], at f:3"));
    EXPECT_THAT(problems(another_vip("interface = eth1\nvrid = 51\naddress = 192.0.2.11/24\n")),
                IsEmpty());
    EXPECT_THAT(problems(another_vip("interface = eth0\nvrid = 52\naddress = 192.0.2.11/24\n")),
                IsEmpty());
    // Each family has its own virtual routers (RFC 9568 1.2).
    EXPECT_THAT(problems(another_vip("interface = eth0\nvrid = 51\naddress = 2001:db8::1/64\n")),
                IsEmpty());
}

TEST(VipsOfANode, HaveDifferentAddresses) {
    EXPECT_THAT(problems(another_vip("interface = eth0\nvrid = 52\naddress = 192.0.2.11/24\n"
                                     "extra_address = 192.0.2.10/32\n")),
                ElementsAre("f:9: 192.0.2.10 is in [vip web] already, at f:4"));
    EXPECT_THAT(problems(another_vip("interface = eth1\nvrid = 52\naddress = 192.0.2.10/24\n")),
                IsEmpty());
}

}  // namespace
}  // namespace understudy::config
