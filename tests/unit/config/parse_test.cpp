// Sections and keys: what is known, what is told about the rest.
#include "agent/config/parse.hpp"

#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Configuration, TheDocumentedExampleIsReadAsWritten) {
    const Result result = read(R"([agent]
name = lb1                        # default: hostname
log_level = info                  # trace debug info warn error
stop_timeout = 10s                # how long a stop may wait for a peer
script_user = nobody              # hooks and service commands run as this user

[vip web]                         # one virtual router (VRRP instance) and the addresses it moves
interface = eth0
vrid = 51
version = 3                       # 2 or 3 (default 3)
priority = 150                    # 1..254, 255 for the address owner (default 100)
advert_interval = 1s              # v3: 10ms..40.95s in 10 ms steps; v2: whole seconds
address = 192.0.2.10/24           # repeat; IPv4 and IPv6 may be mixed (v3);
address = 2001:db8::10/64         #   the two always move together
extra_address = 192.0.2.11/24     # moved with the others, not listed in the advertisement
extra_address = 10.1.0.1/24 dev eth1   # also on another interface
startup_delay = 0s                # listen only, for so long after the start
preempt = yes
preempt_delay = 0s
accept = yes
mac = interface                   # interface | virtual (00:00:5e:00:01|02:VRID on a macvlan)
checksum = auto                   # IPv4 v3: auto | rfc9568 | pseudo-header
lease = 4s                        # kernel lifetime of a held address
)");
    EXPECT_THAT(problems_of(result.diagnostics), IsEmpty());
    ASSERT_TRUE(result.configuration);
    const core::AgentSettings& agent = result.configuration->agent;
    EXPECT_EQ(agent.name, "lb1");
    EXPECT_EQ(agent.log_level, core::LogLevel::info);
    EXPECT_EQ(agent.stop_timeout, 10s);
    EXPECT_EQ(agent.script_user, "nobody");

    core::VipSettings expected;
    expected.name = "web";
    expected.interface = "eth0";
    expected.vrid = 51;
    expected.version = vrrp::Version::v3;
    expected.priority = 150;
    expected.advert_interval = 1s;
    expected.addresses = {
        {*IpPrefix::parse("192.0.2.10/24"), "eth0", true, false},
        {*IpPrefix::parse("fe80::200:5eff:fe00:233/64"), "eth0", true, true},  // 51 is 0x33
        {*IpPrefix::parse("2001:db8::10/64"), "eth0", true, false},
        {*IpPrefix::parse("192.0.2.11/24"), "eth0", false, false},
        {*IpPrefix::parse("10.1.0.1/24"), "eth1", false, false},
    };
    expected.startup_delay = 0s;
    expected.preempt = true;
    expected.preempt_delay = 0s;
    expected.accept = true;
    expected.virtual_mac = false;
    expected.checksum = core::ChecksumPolicy::automatic;
    expected.unicast_min_ttl = 255;
    expected.lease = 4s;
    ASSERT_EQ(result.configuration->vips.size(), 1U);
    EXPECT_EQ(result.configuration->vips[0], expected);
}

TEST(Configuration, DefaultsAreTheDocumentedOnes) {
    const Result result = read(vip_with(""));
    ASSERT_TRUE(result.configuration);
    const core::AgentSettings& agent = result.configuration->agent;
    EXPECT_EQ(agent.name, "host");
    EXPECT_EQ(agent.log_level, core::LogLevel::info);
    EXPECT_EQ(agent.stop_timeout, 10s);
    EXPECT_EQ(agent.script_user, "nobody");
    const core::VipSettings& vip = result.configuration->vips.at(0);
    EXPECT_EQ(vip.version, vrrp::Version::v3);
    EXPECT_EQ(vip.priority, 100);
    EXPECT_EQ(vip.advert_interval, 1s);
    EXPECT_EQ(vip.startup_delay, 0s);
    EXPECT_TRUE(vip.preempt);
    EXPECT_EQ(vip.preempt_delay, 0s);
    EXPECT_TRUE(vip.accept);
    EXPECT_FALSE(vip.virtual_mac);
    EXPECT_EQ(vip.checksum, core::ChecksumPolicy::automatic);
    EXPECT_FALSE(vip.is_unicast());
    EXPECT_EQ(vip.unicast_min_ttl, 255);
    EXPECT_EQ(vip.lease, 4s);
}

TEST(Configuration, EveryKeyGoesToItsPlace) {
    const Result result = read(
        "[agent]\nname = n\nlog_level = trace\nstop_timeout = 1m\nscript_user = www-data\n" +
        vip_with("version = 3\npriority = 200\nadvert_interval = 500ms\nstartup_delay = 5s\n"
                 "preempt = no\naccept = off\nchecksum = pseudo-header\n"
                 "unicast_source = 10.0.0.1\nunicast_peer = 10.0.0.2\nunicast_peer = 10.0.0.3\n"
                 "unicast_min_ttl = 250\nlease = 3s\n"));
    EXPECT_THAT(problems_of(result.diagnostics), IsEmpty());
    ASSERT_TRUE(result.configuration);
    EXPECT_EQ(result.configuration->agent.name, "n");
    EXPECT_EQ(result.configuration->agent.log_level, core::LogLevel::trace);
    EXPECT_EQ(result.configuration->agent.stop_timeout, 60s);
    EXPECT_EQ(result.configuration->agent.script_user, "www-data");
    const core::VipSettings& vip = result.configuration->vips.at(0);
    EXPECT_EQ(vip.priority, 200);
    EXPECT_EQ(vip.advert_interval, 500ms);
    EXPECT_EQ(vip.startup_delay, 5s);
    EXPECT_FALSE(vip.preempt);
    EXPECT_FALSE(vip.accept);
    EXPECT_EQ(vip.checksum, core::ChecksumPolicy::pseudo_header);
    EXPECT_THAT(vip.unicast_sources, ElementsAre(IpAddress::v4(10, 0, 0, 1)));
    EXPECT_THAT(vip.unicast_peers,
                ElementsAre(IpAddress::v4(10, 0, 0, 2), IpAddress::v4(10, 0, 0, 3)));
    EXPECT_EQ(vip.unicast_min_ttl, 250);
    EXPECT_EQ(vip.lease, 3s);
    EXPECT_EQ(vip_of(vip_with("preempt_delay = 300s\n")).preempt_delay, 5min);
    EXPECT_EQ(vip_of(vip_with("version = 2\n")).version, vrrp::Version::v2);
    EXPECT_EQ(vip_of(vip_with("checksum = rfc9568\n")).checksum,
              core::ChecksumPolicy::message_only);
}

TEST(Configuration, AllProblemsAreToldInOneGoInOrder) {
    EXPECT_THAT(
        problems("colour = blue\n"             // 1
                 "[agent]\n"                   // 2
                 "log_level = inf\n"           // 3
                 "stop_timeout = 10\n"         // 4
                 "[vip web]\n"                 // 5
                 "interfase = eth0\n"          // 6
                 "vrid = 300\n"                // 7
                 "priority = 12\n"             // 8
                 "address = 192.0.2.300/24\n"  // 9
                 "address = 192.0.2.0/24\n"    // 10
                 "nonsense\n"                  // 11
                 "preempt =\n"                 // 12
                 "[vipp b]\n"                  // 13
                 "[vip]\n"                     // 14
                 "vrid = 0\n"),                // 15
        ElementsAre(
            "f:1: colour stands before the first section",
            R"(f:3: log_level: "inf" is not one of trace, debug, info, warn, error; )"
            R"(did you mean "info"?)",
            R"(f:4: stop_timeout: "10" has no unit; write 10ms, 10s, 10m or 10h)",
            "f:5: [vip web] has no interface",
            R"(f:6: unknown key "interfase" in [vip web]; did you mean "interface"?)",
            R"(f:7: vrid: "300" is not a whole number from 1 to 255)",
            "f:8: warning: priority 12 is in the low band: an active node that advertises 1 "
            "to 16 says that others are to take the addresses from it",
            R"(f:9: address: "192.0.2.300/24" is not an address like 192.0.2.10/24 or )"
            "2001:db8::10/64",
            "f:10: warning: 192.0.2.0/24 is the address of a network, not of a host",
            R"(f:11: expected "key = value", not "nonsense")", "f:12: preempt has no value",
            R"(f:13: unknown section [vipp]; did you mean "vip"?)",
            "f:14: a [vip] section has a name: [vip web]", "f:14: [vip] has no interface",
            "f:14: [vip] has no address",
            R"(f:15: vrid: "0" is not a whole number from 1 to 255)"));
}

TEST(Configuration, OneErrorIsEnoughToHaveNone) {
    EXPECT_FALSE(read(vip_with("priority = 0\n")).configuration);
    EXPECT_TRUE(read(vip_with("priority = 1\n")).configuration);  // a warning only
}

TEST(Configuration, WithoutAVipIsAnError) {
    const char* const nothing = "f:1: there is no [vip NAME] section: nothing to do";
    EXPECT_THAT(problems(""), ElementsAre(nothing));
    EXPECT_THAT(problems("# only this\n"), ElementsAre(nothing));
    EXPECT_THAT(problems("[agent]\nname = x\n"), ElementsAre(nothing));
    // Where a section was misspelt, that is what is wrong.
    EXPECT_THAT(problems("[vpi web]\n"),
                ElementsAre(R"(f:1: unknown section [vpi]; did you mean "vip"?)"));
}

TEST(Sections, UnknownOnesAreErrors) {
    EXPECT_THAT(problems(vip_with("[agnet]\n[global_defs]\n[]\n[VIP x]\n")),
                ElementsAre(R"(f:5: unknown section [agnet]; did you mean "agent"?)",
                            "f:6: unknown section [global_defs]", "f:7: unknown section []",
                            R"(f:8: unknown section [VIP]; did you mean "vip"?)"));
}

TEST(Sections, HaveAGoodName) {
    EXPECT_THAT(problems("[vip]\ninterface = a\nvrid = 1\naddress = 192.0.2.1/24\n"),
                ElementsAre("f:1: a [vip] section has a name: [vip web]"));
    EXPECT_THAT(problems("[vip a b]\ninterface = a\nvrid = 1\naddress = 192.0.2.1/24\n"),
                ElementsAre(R"(f:1: "a b" is not a name: at most 64 letters, digits and . _ : - )"
                            "with no - in front"));
    EXPECT_THAT(problems(vip_with("[agent x]\n")),
                ElementsAre(R"(f:5: [agent] has no name, so not "x")"));
}

TEST(Sections, AreThereOnce) {
    EXPECT_THAT(problems("[agent]\n" + vip_with("[agent]\n[vip web]\ninterface = eth1\nvrid = 51\n"
                                                "address = 192.0.2.11/24\npriority = 0\n")),
                ElementsAre("f:6: [agent] is written twice; first at f:1",
                            "f:7: [vip web] is written twice; first at f:2",
                            R"(f:11: priority: "0" is not a whole number from 1 to 255)"));
}

TEST(Sections, HaveALimitedNumber) {
    std::string text;
    for (std::size_t i = 0; i <= core::most_vips; ++i) {
        const std::string n = std::to_string(i);
        text += "[vip v" + n + "]\ninterface = eth" + std::to_string(i / 255) +
                "\nvrid = " + std::to_string(i % 255 + 1) + "\naddress = 10.0." +
                std::to_string(i / 200) + '.' + std::to_string(i % 200 + 1) + "/8\n";
    }
    EXPECT_THAT(problems(text), ElementsAre("f:4097: there are more than 1024 [vip] sections"));
}

TEST(Keys, NearMissesAreNamed) {
    EXPECT_THAT(problems(vip_with("prority = 1\nunicast_per = 10.0.0.1\nvirtual_ipaddress = x\n"
                                  "incldue = x\nPreempt = no\n")),
                ElementsAre(R"(f:5: unknown key "prority" in [vip web]; did you mean "priority"?)",
                            R"(f:6: unknown key "unicast_per" in [vip web]; did you mean )"
                            R"("unicast_peer"?)",
                            R"(f:7: unknown key "virtual_ipaddress" in [vip web])",
                            R"(f:8: unknown key "incldue" in [vip web]; did you mean "include"?)",
                            R"(f:9: unknown key "Preempt" in [vip web]; did you mean "preempt"?)"));
}

TEST(Keys, InTheWrongSectionAreSentToTheRightOne) {
    EXPECT_THAT(problems("[agent]\npriority = 1\n" + vip_with("log_level = info\n")),
                ElementsAre(R"(f:2: unknown key "priority" in [agent]; it belongs in [vip NAME])",
                            R"(f:7: unknown key "log_level" in [vip web]; it belongs in [agent])"));
}

TEST(Keys, ThatAreNoListAreThereOnce) {
    EXPECT_THAT(
        problems("[agent]\nname = a\nname = b\n" + vip_with("priority = 5x\npriority = 6\n")),
        ElementsAre("f:3: name is written twice; first at f:2",
                    R"(f:8: priority: "5x" is not a whole number from 1 to 255)",
                    "f:9: priority is written twice; first at f:8"));
}

TEST(Keys, OfLaterVersionsAreRefusedNotIgnored) {
    EXPECT_THAT(problems(vip_with("mac = virtual\n")),
                ElementsAre("f:5: mac = virtual is not supported by this version yet"));
}

TEST(AgentKeys, HaveTheirBounds) {
    EXPECT_THAT(problems("[agent]\nname = a b\nlog_level = verbose\nstop_timeout = 61m\n"
                         "script_user = a:b\n" +
                         vip_with("")),
                ElementsAre(R"(f:2: name: "a b" is not a name: at most 64 letters, digits and )"
                            ". _ : - with no - in front",
                            R"(f:3: log_level: "verbose" is not one of trace, debug, info, warn, )"
                            "error",
                            R"(f:4: stop_timeout: "61m" is longer than 1h)",
                            R"(f:5: script_user: "a:b" is not the name of a user)"));
    EXPECT_TRUE(read("[agent]\nstop_timeout = 0s\n" + vip_with("")).configuration);
    EXPECT_TRUE(read("[agent]\nstop_timeout = 1h\n" + vip_with("")).configuration);
}

TEST(AgentKeys, TheHostNameMustDoWhereNoNameIsWritten) {
    EXPECT_THAT(
        problems_of(parse_text("f", vip_with(""), "").diagnostics),
        ElementsAre(R"(f:1: the host's name "" cannot name the node; write a name in [agent])"));
    EXPECT_TRUE(parse_text("f", "[agent]\nname = x\n" + vip_with(""), "").configuration);
}

TEST(Places, AreKeptForEachKey) {
    const Result result = read(vip_with("address = 192.0.2.11/24\npriority = 17\n"));
    const KeyPlaces& places = result.vips.at("web");
    EXPECT_EQ(places.at("").line, 1);
    EXPECT_EQ(places.at("address").line, 4);
    EXPECT_EQ(places.at("priority").line, 6);
    EXPECT_FALSE(places.contains("lease"));
}

TEST(Places, FollowTheOrderOfReadingThroughIncludes) {
    const Imagined imagined{{{"a/x", "[vip x]\nvrid = 0\n"}, {"b", "[vip b]\nvrid = 0\n"}}, {}};
    EXPECT_THAT(problems("include = b\ninclude = a/x\ntypo\n", imagined.surroundings()),
                ElementsAre(R"(f:3: expected "key = value", not "typo")",
                            "b:1: [vip b] has no interface", "b:1: [vip b] has no address",
                            R"(b:2: vrid: "0" is not a whole number from 1 to 255)",
                            "a/x:1: [vip x] has no interface", "a/x:1: [vip x] has no address",
                            R"(a/x:2: vrid: "0" is not a whole number from 1 to 255)"));
}

TEST(Problems, HaveALimitedNumber) {
    std::string text;
    for (int i = 0; i < 5000; ++i) {
        text += "x\n";
    }
    const Lines lines = problems(text);
    ASSERT_EQ(lines.size(), most_diagnostics + 1);
    EXPECT_EQ(lines.back(), "f:999: and 4001 more problems");
}

}  // namespace
}  // namespace understudy::config
