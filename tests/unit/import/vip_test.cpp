// What becomes of a vrrp_instance: a peer that still runs keepalived notices no difference.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/import/importing.hpp"

namespace understudy::importer {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// With the global_defs that `globals` are.
std::string converted(const std::string& lines, const std::string& globals = {}) {
    const Result result = instance(lines + '\n' + addresses,
                                   globals.empty() ? "" : "global_defs {\n" + globals + "\n}");
    EXPECT_EQ(result.vips, 1U) << notes_of(result);
    return result.text;
}

std::string said(const std::string& lines, const std::string& globals = {}) {
    return notes_of(instance(lines + '\n' + addresses,
                             globals.empty() ? "" : "global_defs {\n" + globals + "\n}"));
}

TEST(ImportedInstance, HasKeepalivedsDefaults) {
    EXPECT_THAT(converted(""),
                AllOf(HasSubstr("[vip one]\ninterface = eth0\nvrid = 51\n"),
                      HasSubstr("version = 2\n"), HasSubstr("priority = 100\n"),
                      HasSubstr("advert_interval = 1s\n"), HasSubstr("address = 192.0.2.10/24\n")));
}

TEST(ImportedInstance, EveryLineIsAccountedFor) {
    const Result result = instance("priority 150\nadvert_int 2\n" + addresses);
    const std::string notes = notes_of(result, Severity::converted);
    for (const char* line :
         {"2: converted: vrrp_instance one -> [vip one]", "interface eth0 -> interface = eth0",
          "virtual_router_id 51 -> vrid = 51", "priority 150 -> priority = 150",
          "advert_int 2 -> advert_interval = 2s", "192.0.2.10/24 -> address = 192.0.2.10/24"}) {
        EXPECT_THAT(notes, HasSubstr(line));
    }
}

// Also what takes effect in another section than its own.
TEST(ImportedFile, EveryGlobalLineIsAccountedFor) {
    const Result result = instance(addresses + "strict_mode off\n",
                                   "global_defs {\nvrrp_version 3\nv3_checksum_as_v2\n"
                                   "vrrp_startup_delay 30\nvrrp_delay_after_boot 20\n}\n");
    const std::string notes = notes_of(result, Severity::converted);
    for (const char* line :
         {"2: converted: vrrp_version 3 -> version = 3", "3: converted: v3_checksum_as_v2 -> ",
          "4: converted: vrrp_startup_delay 30 -> startup_delay = 30s",
          "5: note: vrrp_delay_after_boot 20: the longer of the two delays counts",
          "note: strict_mode off: is the default"}) {
        EXPECT_THAT(notes, HasSubstr(line));
    }
    const Result other =
        instance(addresses, "global_defs {\nvrrp_delay_after_boot 20\nvrrp_startup_delay 30\n}\n");
    EXPECT_THAT(
        notes_of(other),
        HasSubstr("2: note: vrrp_delay_after_boot 20: the longer of the two delays counts"));
}

// 224.0.0.18 and ff02::12 are the RFC's.
TEST(ImportedFile, OnlyOtherMulticastGroupsAreADifference) {
    const auto said_of = [](const std::string& line) {
        return notes_of(instance(addresses, "global_defs {\n" + line + "\n}\n"));
    };
    EXPECT_THAT(said_of("vrrp_mcast_group4 224.0.0.18"), HasSubstr("2: note: vrrp_mcast_group4"));
    EXPECT_THAT(said_of("vrrp_mcast_group6 ff02::12"), HasSubstr("2: note: vrrp_mcast_group6"));
    EXPECT_THAT(said_of("vrrp_mcast_group4 224.0.0.19"),
                HasSubstr("2: warning: vrrp_mcast_group4"));
}

TEST(ImportedInstance, SpeaksTheSameVersion) {
    EXPECT_THAT(converted("", "vrrp_version 3"), HasSubstr("version = 3"));
    EXPECT_THAT(converted("version 3"), HasSubstr("version = 3"));
    EXPECT_THAT(converted("version 2", "vrrp_version 3"), HasSubstr("version = 2"));
    const Result ipv6 = instance("virtual_ipaddress {\nfe80::51/64\n2001:db8::1/64\n}");
    EXPECT_THAT(ipv6.text, AllOf(HasSubstr("version = 3"), Not(HasSubstr("checksum"))));
}

// keepalived's default has the pseudo-header; its man page calls the other one v3_checksum_as_v2.
TEST(ImportedInstance, SpeaksTheSameChecksum) {
    EXPECT_THAT(converted("version 3"), HasSubstr("checksum = pseudo-header"));
    EXPECT_THAT(converted("version 3\nv3_checksum_as_v2"), HasSubstr("checksum = rfc9568"));
    EXPECT_THAT(converted("version 3", "v3_checksum_as_v2"), HasSubstr("checksum = rfc9568"));
    EXPECT_THAT(converted("version 2"), Not(HasSubstr("checksum")));
}

TEST(ImportedInstance, RoundsTheIntervalAsKeepalivedDoes) {
    EXPECT_THAT(converted("advert_int 0.5"), HasSubstr("advert_interval = 1s\n"));
    EXPECT_THAT(converted("version 3\nadvert_int 0.5"), HasSubstr("advert_interval = 500ms\n"));
    EXPECT_THAT(converted("version 3\nadvert_int 0.004"), HasSubstr("advert_interval = 10ms\n"));
}

TEST(ImportedInstance, StateMasterIsNoPriority) {
    EXPECT_THAT(converted("state MASTER\npriority 120"), HasSubstr("priority = 120"));
    EXPECT_THAT(converted("state MASTER"), HasSubstr("priority = 255"));
    EXPECT_THAT(said("state MASTER"), HasSubstr("255, the address owner's"));
}

TEST(ImportedInstance, PreemptionIsWhatKeepalivedMadeOfIt) {
    EXPECT_THAT(converted("nopreempt"), HasSubstr("preempt = no"));
    EXPECT_THAT(converted("state BACKUP\npreempt_delay 300"), HasSubstr("preempt_delay = 5m"));
    const std::string master = "state MASTER\npriority 150\nnopreempt";
    EXPECT_THAT(converted(master), Not(HasSubstr("preempt")));
    EXPECT_THAT(said(master), HasSubstr("keepalived ignores it together with state MASTER"));
}

TEST(ImportedInstance, AcceptIsTheDefaultAlsoInStrictMode) {
    EXPECT_THAT(converted("no_accept"), HasSubstr("accept = no"));
    EXPECT_THAT(converted("", "vrrp_strict"), Not(HasSubstr("accept = no")));
    EXPECT_THAT(said("", "vrrp_strict"), HasSubstr("makes keepalived drop packets"));
    EXPECT_THAT(said("accept", "vrrp_strict"), Not(HasSubstr("drop packets")));
}

TEST(ImportedInstance, WaitsAtTheStart) {
    EXPECT_THAT(converted("", "vrrp_startup_delay 5.5"), HasSubstr("startup_delay = 5500ms"));
    EXPECT_THAT(converted("", "vrrp_startup_delay 5\nvrrp_delay_after_boot 60"),
                HasSubstr("startup_delay = 1m"));
}

TEST(ImportedInstance, HasNoAuthentication) {
    const std::string lines = "authentication {\nauth_type PASS\nauth_pass secret\n}\n";
    EXPECT_THAT(said(lines), HasSubstr("warning: authentication"));
    EXPECT_THAT(said("version 3\n" + lines), HasSubstr("note: authentication"));
    EXPECT_THAT(said(lines) + converted(lines), Not(HasSubstr("secret")));
}

TEST(ImportedInstance, UnicastWithoutItself) {
    const std::string text = converted(
        "unicast_src_ip 10.0.0.1/24\nunicast_peer {\n10.0.0.1\n10.0.0.2/24\n10.0.0.3 min_ttl "
        "254\n}");
    EXPECT_THAT(text, AllOf(HasSubstr("unicast_source = 10.0.0.1\nunicast_peer = 10.0.0.2\n"),
                            HasSubstr("unicast_peer = 10.0.0.3\n"),
                            Not(HasSubstr("peer = 10.0.0.1")), HasSubstr("unicast_min_ttl = 254")));
    EXPECT_THAT(converted("unicast_src_ip 10.0.0.1"), Not(HasSubstr("unicast")));
}

// keepalived sends IPv6 unicast with the kernel's hop limit, 64.
TEST(ImportedInstance, TakesKeepalivedsHopLimit) {
    const Result result = instance(
        "unicast_peer { 2001:db8::2 }\nvirtual_ipaddress {\nfe80::51/64\n2001:db8::10/64\n}");
    EXPECT_THAT(result.text, HasSubstr("unicast_min_ttl = 64"));
}

// keepalived 2.2.7 looks at no TTL of a unicast peer without min_ttl. What understudy discards it
// does not hear, and then both are active.
TEST(ImportedInstance, TakesEveryTtlThatKeepalivedTook) {
    const std::string near = "unicast_src_ip 10.0.0.1\nunicast_peer { 10.0.0.2 }\n";
    EXPECT_THAT(converted(near), Not(HasSubstr("min_ttl")));
    EXPECT_THAT(converted("unicast_ttl 64\n" + near), HasSubstr("unicast_min_ttl = 64\n"));
    EXPECT_THAT(converted("unicast_ttl 64\n"), Not(HasSubstr("min_ttl")));  // multicast
    const std::string far = "unicast_src_ip 10.0.0.1\nunicast_peer { 10.0.0.2\n10.0.1.2 }\n";
    EXPECT_THAT(converted(far), HasSubstr("unicast_min_ttl = 1\n"));
    EXPECT_THAT(said(far), HasSubstr("warning: 10.0.1.2: is not in the network of unicast_src_ip"));
    EXPECT_THAT(converted("unicast_src_ip 10.0.0.1\nunicast_peer { 10.0.1.2 min_ttl 250 }\n"),
                HasSubstr("unicast_min_ttl = 250\n"));
    const Result ipv6 = instance(
        "unicast_src_ip 2001:db8::1\nunicast_peer { 2001:db8:1::2 }\n"
        "virtual_ipaddress { fe80::51/64 }");
    EXPECT_THAT(ipv6.text, HasSubstr("unicast_min_ttl = 1\n"));
}

TEST(ImportedAddresses, AreThereOnceAndOnTheirInterface) {
    const Result result = instance(
        "virtual_ipaddress {\n192.0.2.10/24 dev eth0 label eth0:1\n192.0.2.10/24\n"
        "10.0.0.1/24 dev eth1\n}\nvirtual_ipaddress_excluded { 192.0.2.11/24 2001:db8::1/64 }");
    EXPECT_THAT(result.text, AllOf(HasSubstr("\naddress = 192.0.2.10/24\n"),
                                   HasSubstr("extra_address = 10.0.0.1/24 dev eth1\n"),
                                   HasSubstr("extra_address = 192.0.2.11/24\n"),
                                   HasSubstr("extra_address = 2001:db8::1/64\n")));
    EXPECT_THAT(notes_of(result), AllOf(HasSubstr("6: note: 192.0.2.10/24 dev eth0 label eth0:1: "
                                                  "label is left out"),
                                        HasSubstr("7: note: 192.0.2.10/24: is there already"),
                                        HasSubstr("8: warning: 10.0.0.1/24 dev eth1")));
}

TEST(ImportedAddresses, ALinkLocalOneIsAskedForBeforehand) {
    EXPECT_THAT(notes_of(instance("virtual_ipaddress {\n2001:db8::1/64\n}")),
                HasSubstr("fe80::200:5eff:fe00:233"));
    EXPECT_THAT(notes_of(instance("virtual_ipaddress {\n2001:db8::1/64\nfe80::1/64\n}")),
                Not(HasSubstr("link-local")));
}

TEST(ImportedAddresses, OnlyElsewhereIsAnError) {
    const Result result = instance("virtual_ipaddress {\n10.0.0.1/24 dev eth1\n}");
    EXPECT_EQ(result.text, "");
    EXPECT_TRUE(result.has_error());
    EXPECT_THAT(notes_of(result), HasSubstr("no address on its own interface"));
}

TEST(ImportedInstance, WithoutACounterpartIsNamed) {
    const std::string notes = said(
        "use_vmac\nvirtual_routes {\n10.0.0.0/8 via 192.0.2.1\n}\ngarp_master_delay 3\n"
        "down_timer_adverts 5\nmcast_src_ip 192.0.2.1\nmade_up 5");
    EXPECT_THAT(notes, AllOf(HasSubstr("5: warning: use_vmac:"),
                             HasSubstr("7: warning: virtual_routes 10.0.0.0/8 via 192.0.2.1:"),
                             HasSubstr("9: note: garp_master_delay 3:"),
                             HasSubstr("10: warning: down_timer_adverts 5:"),
                             HasSubstr("11: warning: mcast_src_ip 192.0.2.1:"),
                             HasSubstr("12: warning: made_up 5: this keyword is not known")));
}

TEST(ImportedFile, LvsIsNamed) {
    const Result result = instance(
        addresses, "virtual_server 192.0.2.10 80 {\nreal_server 10.0.0.1 80 {\nweight 1\n}\n}");
    EXPECT_THAT(notes_of(result),
                HasSubstr("1: warning: virtual_server 192.0.2.10 80: LVS is not"));
    EXPECT_EQ(result.vips, 1U);
}

TEST(ImportedFile, WhatIsNotValidIsLeftOutAtItsLine) {
    const Result result = import(
        "vrrp_instance a {\ninterface eth0\nvirtual_router_id 300\nvirtual_ipaddress { 192.0.2.1 "
        "}\n}\n"
        "vrrp_instance b {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress { 192.0.2.2 "
        "}\n}\n"
        "vrrp_instance c {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress { 192.0.2.3 "
        "}\n}\n");
    EXPECT_EQ(result.vips, 1U);
    EXPECT_TRUE(result.has_error());
    EXPECT_THAT(result.text, HasSubstr("[vip b]"));
    EXPECT_THAT(
        notes_of(result, Severity::error),
        AllOf(HasSubstr("3: error: [vip a] is left out"),
              HasSubstr("13: error: [vip c] is left out: vrid 5 on eth0 is taken by [vip b], at "
                        "/etc/keepalived/keepalived.conf:8")));
}

TEST(ImportedFile, ANoteNamesTheFileItIsAbout) {
    const Result result =
        import("include one\n", {{"/etc/keepalived/one", "vrrp_instance a {\nmade_up\n}\n"}});
    EXPECT_EQ(result.notes.back().place.file, "/etc/keepalived/one");
}

}  // namespace
}  // namespace understudy::importer
