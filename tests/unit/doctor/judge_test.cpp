// Facts that somebody could have seen on a host, and what the doctor makes of them.
#include "agent/doctor/judge.hpp"

#include <gmock/gmock.h>

#include "base/version.hpp"

namespace understudy::doctor {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

core::VirtualAddress address(const char* prefix, bool advertised = true) {
    return {*IpPrefix::parse(prefix), "eth0", advertised, false};
}

InterfaceFacts eth0() {
    InterfaceFacts interface;
    interface.name = "eth0";
    interface.exists = interface.up = interface.carrier = interface.multicast = true;
    interface.mtu = 1500;
    return interface;
}

// A host on which everything is as it should be: this node is active and holds the address.
Facts healthy() {
    Facts facts;
    facts.file = "understudy.conf";
    facts.runtime_dir = "/run/understudy";
    core::VipSettings vip;
    vip.name = "web";
    vip.interface = "eth0";
    vip.vrid = 51;
    vip.lease = 4s;
    vip.addresses = {address("192.0.2.10/24")};
    facts.configuration = core::Configuration{{}, {vip}, {}, {}};
    facts.host.kernel = "6.1.0-13-amd64";
    facts.host.has_user = facts.host.has_group = facts.host.may_command = true;
    facts.host.runtime_mode = 0750;
    facts.host.clock_synchronised = true;
    facts.agent.answers = true;
    facts.agent.version = program_version();
    facts.agent.process = 4711;
    control::VipStatus status;
    status.name = "web";
    status.state = control::State::active;
    facts.agent.status.emplace();
    facts.agent.status->vips = {status};
    facts.interfaces = {eth0()};
    facts.addresses = {{"eth0", *IpPrefix::parse("192.0.2.1/24"), false, {}},
                       {"eth0", *IpPrefix::parse("192.0.2.10/24"), true, 3s}};
    facts.firewall.ruleset = R"({"nftables":[]})";
    facts.listening.time = 3s;
    return facts;
}

core::VipSettings& vip(Facts& facts) {
    return facts.configuration->vips[0];
}

// "problem eth0 MTU" of everything that is not well.
std::vector<std::string> troubles(const Facts& facts) {
    std::vector<std::string> subjects;
    for (const Finding& finding : judge(facts)) {
        if (finding.severity != Severity::ok) {
            subjects.push_back(std::string{name_of(finding.severity)} + ' ' + finding.subject);
            EXPECT_FALSE(finding.seen.empty());
        }
    }
    return subjects;
}

// The one thing that is not well.
Finding trouble(const Facts& facts) {
    EXPECT_THAT(troubles(facts), testing::SizeIs(1));
    for (const Finding& finding : judge(facts)) {
        if (finding.severity != Severity::ok) {
            EXPECT_FALSE(finding.why.empty());
            EXPECT_FALSE(finding.remedy.empty());
            return finding;
        }
    }
    return {};
}

TEST(Doctor, FindsNothingOnAHealthyHost) {
    EXPECT_THAT(troubles(healthy()), IsEmpty());
    Facts standby = healthy();
    standby.addresses.pop_back();
    standby.agent.status->vips[0].state = control::State::backup;
    standby.listening.heard = {
        {"eth0", IpAddress::v4(192, 0, 2, 2), 51, 3, 150, {IpAddress::v4(192, 0, 2, 10)}, 3, true}};
    EXPECT_THAT(troubles(standby), IsEmpty());
}

TEST(Doctor, NamesTheLinesOfAConfiguration) {
    Facts facts = healthy();
    facts.configuration.reset();
    facts.diagnostics = {{{"understudy.conf", 7, 1}, "priority: bad", config::Severity::error}};
    facts.addresses.pop_back();
    EXPECT_THAT(trouble(facts).seen, "understudy.conf:7: priority: bad");
}

// --- the agent -----------------------------------------------------------------------------------

TEST(DoctorAndAgent, ADeadAgentAndWhatItLeft) {
    Facts facts = healthy();
    facts.agent = {};
    facts.agent.trouble = "no agent answers";
    EXPECT_THAT(troubles(facts), ElementsAre("warning agent", "problem eth0 leftover"));
    facts.addresses.pop_back();
    EXPECT_THAT(trouble(facts).remedy, HasSubstr("systemctl enable --now understudyd"));
}

TEST(DoctorAndAgent, OneThatRunsAndDoesNotAnswer) {
    Facts facts = healthy();
    facts.agent.answers = false;
    facts.agent.status.reset();
    facts.agent.trouble = "/run/understudy/control.sock: Permission denied";
    EXPECT_THAT(trouble(facts).seen, HasSubstr("process 4711 runs"));
}

TEST(DoctorAndAgent, AnotherVersionAFaultAndRights) {
    Facts facts = healthy();
    facts.agent.version = "0.0.9";
    EXPECT_THAT(trouble(facts).seen, HasSubstr("version 0.0.9"));
    facts = healthy();
    facts.agent.status->vips[0].state = control::State::fault;
    facts.agent.status->vips[0].reason = "eth0 has no carrier";
    EXPECT_THAT(trouble(facts).seen, "in fault: eth0 has no carrier");
    facts = healthy();
    facts.agent.status->vips[0].warnings = {"192.0.2.2 advertises every 2 s"};
    EXPECT_EQ(trouble(facts).severity, Severity::warning);
    facts = healthy();
    facts.agent.missing_capabilities = "CAP_NET_RAW";
    EXPECT_EQ(trouble(facts).subject, "agent's rights");
}

// --- names
// -----------------------------------------------------------------------------------------

checks::CheckSettings check_of(checks::Question question) {
    checks::CheckSettings check;
    check.question = std::move(question);
    return check;
}

TEST(DoctorAndNames, modules_that_checks_do_not_ask_are_named_with_what_is_missed) {
    Facts facts = healthy();
    facts.host.name = "lb1";
    facts.host.name_modules = {"mymachines", "files", "mdns4_minimal", "dns", "myhostname"};
    EXPECT_THAT(troubles(facts), IsEmpty()) << "no check has a name";
    checks::Http http;
    http.url = "http://user:secret@web.example.org:8080/x@y:1";
    checks::Http by_address;
    by_address.url = "https://[2001:db8::1]:8443/";
    facts.configuration->checks = {check_of(checks::Icmp{"192.0.2.1", 1, 0, {}}), check_of(http),
                                   check_of(by_address)};
    EXPECT_THAT(troubles(facts), IsEmpty()) << "a name server knows this one";
    facts.configuration->checks.push_back(check_of(checks::Tcp{{"db1", 5432}, {}, "", ""}));
    EXPECT_THAT(trouble(facts).seen, HasSubstr("mymachines in /etc/nsswitch.conf"));
    EXPECT_THAT(trouble(facts).seen, testing::EndsWith(": perhaps db1"));
    facts.configuration->checks = {check_of(checks::Tls{{"nas.local", 443}, {}, 0})};
    EXPECT_THAT(trouble(facts).seen, HasSubstr("mdns4_minimal"));
    facts.configuration->checks = {check_of(checks::Udp{{"lb1", 7}, {}, "", ""})};
    facts.host.name_modules = {"files", "myhostname"};
    EXPECT_THAT(trouble(facts).seen, HasSubstr("myhostname"));
    facts.host.name_modules = {"files", "ldap", "dns"};
    checks::Url mail;
    mail.url = "smtp://mail.example.org";
    facts.configuration->checks = {check_of(mail)};
    EXPECT_THAT(trouble(facts).seen,
                testing::EndsWith("names of its own: perhaps mail.example.org"));
}

// --- the host ------------------------------------------------------------------------------------

TEST(DoctorAndHost, KernelUsersClockAndKeepalived) {
    Facts facts = healthy();
    facts.host.kernel = "5.17.0";
    EXPECT_EQ(trouble(facts).subject, "kernel");
    facts.host.kernel = "5.18.0";
    EXPECT_THAT(troubles(facts), IsEmpty());
    facts.host.clock_synchronised = false;
    EXPECT_EQ(trouble(facts).severity, Severity::hint);
    facts = healthy();
    facts.host.has_user = false;
    EXPECT_EQ(trouble(facts).remedy, "systemd-sysusers");
    facts = healthy();
    facts.host.runtime_mode = 0777;
    EXPECT_EQ(trouble(facts).remedy, "chmod 0750 /run/understudy");
    facts = healthy();
    facts.host.keepalived = {true, {50, 51}};
    EXPECT_EQ(trouble(facts).severity, Severity::problem);
    facts.host.keepalived = {true, {50}};
    EXPECT_EQ(trouble(facts).severity, Severity::hint);
}

// --- interfaces ----------------------------------------------------------------------------------

TEST(DoctorAndInterfaces, MissingDownAndWithoutCarrier) {
    Facts facts = healthy();
    facts.interfaces[0].carrier = false;
    EXPECT_EQ(trouble(facts).seen, "the interface has no carrier");
    facts.interfaces[0].up = false;
    EXPECT_EQ(trouble(facts).remedy, "ip link set eth0 up");
    facts.interfaces[0].exists = false;
    EXPECT_EQ(trouble(facts).seen, "there is no such interface");
}

TEST(DoctorAndInterfaces, AnAdvertisementThatDoesNotFit) {
    Facts facts = healthy();
    for (int i = 0; i < 99; ++i) {
        vip(facts).addresses.push_back(
            address(("192.0.2." + std::to_string(100 + i) + "/24").c_str()));
    }
    facts.interfaces[0].settings["promote_secondaries"] = 1;
    // RFC 9568 5.1: 20 bytes for IPv4, 8 for VRRP, 4 for each of 100 addresses.
    facts.interfaces[0].mtu = 428;
    EXPECT_THAT(troubles(facts), IsEmpty());
    facts.interfaces[0].mtu = 427;
    EXPECT_THAT(trouble(facts), AllOf(Field(&Finding::severity, Severity::problem),
                                      Field(&Finding::seen, HasSubstr("428")),
                                      Field(&Finding::remedy, HasSubstr("mtu 428"))));
    // What is not advertised does not count.
    vip(facts).addresses.back().advertised = false;
    EXPECT_THAT(troubles(facts), IsEmpty());
}

TEST(DoctorAndInterfaces, WhoElseConfiguresThem) {
    Facts facts = healthy();
    facts.interfaces[0].network_file = "/etc/systemd/network/lan.network";
    EXPECT_THAT(trouble(facts).remedy, HasSubstr("KeepConfiguration=yes"));
    facts.interfaces[0].keep_configuration = "static";
    EXPECT_THAT(trouble(facts).seen, HasSubstr("static, not yes"));
    facts.interfaces[0].keep_configuration = "yes";
    EXPECT_THAT(troubles(facts), IsEmpty());
    facts.interfaces[0].network_manager = "lan";
    EXPECT_THAT(trouble(facts), AllOf(Field(&Finding::severity, Severity::hint),
                                      Field(&Finding::seen, HasSubstr("connection lan")),
                                      Field(&Finding::remedy, HasSubstr("maintenance on"))));
}

TEST(DoctorAndInterfaces, ABridgeThatForgetsTheGroup) {
    Facts facts = healthy();
    facts.interfaces[0].bridge = BridgeFacts{"br0", true, false};
    EXPECT_THAT(troubles(facts), IsEmpty()) << "224.0.0.18 goes to all ports";
    vip(facts).addresses = {address("fe80::10/64"), address("2001:db8::10/64")};
    facts.addresses = {{"eth0", *IpPrefix::parse("fe80::1/64"), false, {}}};
    EXPECT_EQ(trouble(facts).subject, "br0 multicast_snooping");
    facts.interfaces[0].bridge->querier = true;
    EXPECT_THAT(troubles(facts), IsEmpty());
}

// --- kernel settings -----------------------------------------------------------------------------

TEST(DoctorAndSettings, ArpIgnore) {
    Facts facts = healthy();
    int& mode = facts.interfaces[0].settings["arp_ignore"];
    mode = 1;
    EXPECT_THAT(troubles(facts), IsEmpty());
    mode = 2;
    EXPECT_THAT(troubles(facts), IsEmpty());
    mode = 8;
    EXPECT_THAT(
        trouble(facts),
        AllOf(Field(&Finding::severity, Severity::problem),
              Field(&Finding::remedy, HasSubstr("sysctl -w net.ipv4.conf.eth0.arp_ignore=0"))));
    mode = 2;
    vip(facts).addresses = {address("192.0.2.10/32")};
    facts.addresses.pop_back();
    EXPECT_EQ(trouble(facts).severity, Severity::problem) << "a /32 has no subnet";
}

TEST(DoctorAndSettings, RpFilterMattersMoreWithAFarPeer) {
    Facts facts = healthy();
    facts.interfaces[0].settings["rp_filter"] = 2;
    EXPECT_THAT(troubles(facts), IsEmpty());
    facts.interfaces[0].settings["rp_filter"] = 1;
    EXPECT_EQ(trouble(facts).severity, Severity::hint);
    vip(facts).unicast_peers = {IpAddress::v4(198, 51, 100, 2)};
    EXPECT_EQ(trouble(facts).severity, Severity::warning);
    vip(facts).unicast_peers = {IpAddress::v4(192, 0, 2, 2)};
    EXPECT_EQ(trouble(facts).severity, Severity::hint);
}

TEST(DoctorAndSettings, SecondariesThatGoWithTheFirst) {
    Facts facts = healthy();
    vip(facts).addresses = {address("198.51.100.10/24"), address("198.51.100.11/24")};
    facts.addresses.pop_back();
    EXPECT_EQ(trouble(facts).subject, "eth0 promote_secondaries");
    facts.interfaces[0].settings["promote_secondaries"] = 1;
    EXPECT_THAT(troubles(facts), IsEmpty());
    facts.interfaces[0].settings["promote_secondaries"] = 0;
    facts.addresses.push_back({"eth0", *IpPrefix::parse("198.51.100.1/24"), false, {}});
    EXPECT_THAT(troubles(facts), IsEmpty()) << "a fixed address stays the first";
}

// The agent keeps the host's own address when it removes the VIP; the end of a lease does not.
TEST(DoctorAndSettings, host_address_secondary_to_a_virtual_one_goes_with_a_dead_agent) {
    Facts facts = healthy();
    std::swap(facts.addresses[0], facts.addresses[1]);
    EXPECT_EQ(trouble(facts).subject, "eth0 promote_secondaries");
    EXPECT_THAT(trouble(facts).why, HasSubstr("192.0.2.1/24 of this host"));
    facts.interfaces[0].settings["promote_secondaries"] = 1;
    EXPECT_THAT(troubles(facts), IsEmpty());
}

TEST(DoctorAndSettings, Ipv6) {
    Facts facts = healthy();
    vip(facts).addresses = {address("fe80::10/64"), address("2001:db8::10/64")};
    facts.addresses = {{"eth0", *IpPrefix::parse("fe80::1/64"), false, {}}};
    EXPECT_THAT(troubles(facts), IsEmpty());
    facts.interfaces[0].settings["disable_ipv6"] = 1;
    EXPECT_EQ(trouble(facts).subject, "eth0 disable_ipv6");
    facts.interfaces[0].settings = {{"addr_gen_mode", 1}};
    facts.addresses.clear();
    EXPECT_THAT(trouble(facts).remedy, HasSubstr("addrgenmode eui64"));
}

// --- routes --------------------------------------------------------------------------------------

TEST(DoctorAndRoutes, routes_through_an_interface_with_virtual_addresses_only_go_with_them) {
    Facts facts = healthy();
    facts.routes = {{"default via 192.0.2.254 dev eth0", Family::ipv4, {"eth0"}, {}},
                    {"2001:db8:1::/48 dev eth0", Family::ipv6, {"eth0"}, {}}};
    EXPECT_THAT(troubles(facts), IsEmpty());
    facts.addresses.erase(facts.addresses.begin());
    EXPECT_THAT(trouble(facts), AllOf(Field(&Finding::severity, Severity::warning),
                                      Field(&Finding::seen, HasSubstr("default via 192.0.2.254"))));
}

TEST(DoctorAndRoutes, a_route_with_a_virtual_source_goes_with_it) {
    Facts facts = healthy();
    facts.routes = {{"default via 192.0.2.254 dev eth0",
                     Family::ipv4,
                     {"eth0"},
                     IpAddress::parse("192.0.2.10")}};
    EXPECT_THAT(trouble(facts).seen, HasSubstr("its source 192.0.2.10 is a virtual address"));
    vip(facts).priority = vrrp::owner_priority;
    facts.addresses[1].ours = false;
    EXPECT_THAT(troubles(facts), IsEmpty()) << "an owner's address stays";
}

// --- packet rules --------------------------------------------------------------------------------

TEST(DoctorAndPacketRules, who_deletes_them_is_named_with_its_unit) {
    Facts facts = healthy();
    facts.agent.status->packet_rules.emplace();
    EXPECT_THAT(troubles(facts), IsEmpty());
    auto& rules = *facts.agent.status->packet_rules;
    rules.restored = 3;
    rules.restored_after = "nft (process 4711)";
    EXPECT_THAT(trouble(facts),
                AllOf(Field(&Finding::severity, Severity::warning),
                      Field(&Finding::seen, HasSubstr("3 times, the last time by nft"))));
    rules.restored_after = "nft (process 4711, firewall.service)";
    EXPECT_THAT(trouble(facts).remedy, HasSubstr("systemctl cat firewall.service"));
    rules.restored_after = "nft (process 4711)";
    facts.firewall.flushing = {{"nftables.service", "/etc/nftables.conf:3", false}};
    EXPECT_THAT(trouble(facts),
                AllOf(Field(&Finding::seen, HasSubstr("probably of nftables.service")),
                      Field(&Finding::remedy, HasSubstr("/etc/nftables.conf:3"))));
    rules.trouble = "accept = no has no effect (nftables: Operation not supported)";
    EXPECT_EQ(troubles(facts).size(), 2U);
}

TEST(DoctorAndPacketRules, a_unit_that_will_empty_the_rule_set_is_a_hint_before_it_does) {
    Facts facts = healthy();
    facts.firewall.flushing = {{"nftables.service", "/etc/nftables.conf:3", true}};
    EXPECT_THAT(trouble(facts), AllOf(Field(&Finding::severity, Severity::hint),
                                      Field(&Finding::seen, HasSubstr("nftables.service"))));
    facts.firewall.flushing.front().enabled = false;
    EXPECT_THAT(troubles(facts), IsEmpty());
}

// --- addresses -----------------------------------------------------------------------------------

TEST(DoctorAndAddresses, OfSomebodyElseAndLeasesThatDoNotEnd) {
    Facts facts = healthy();
    facts.addresses[1].ours = false;
    EXPECT_THAT(trouble(facts).remedy, HasSubstr("ip address delete 192.0.2.10/24 dev eth0"));
    facts = healthy();
    facts.addresses[1].remaining = 60s;
    EXPECT_EQ(trouble(facts).subject, "eth0 lease");
    facts.addresses[1].remaining.reset();
    EXPECT_THAT(trouble(facts).seen, HasSubstr("for ever"));
    vip(facts).lease = 0s;
    EXPECT_THAT(troubles(facts), ElementsAre("hint VIP web"));
}

// --- what was heard ------------------------------------------------------------------------------

class DoctorListens : public testing::Test {
protected:
    DoctorListens() {
        facts.listening.heard = {{"eth0",
                                  IpAddress::v4(192, 0, 2, 2),
                                  51,
                                  3,
                                  100,
                                  {IpAddress::v4(192, 0, 2, 10)},
                                  3,
                                  true}};
    }
    HeardFacts& heard() { return facts.listening.heard[0]; }
    Facts facts = healthy();
};

TEST_F(DoctorListens, ASecondActiveNode) {
    EXPECT_THAT(trouble(facts).seen, HasSubstr("two are active for VIP web: 192.0.2.2 (priority "
                                               "100) and this node"));
    heard().count = 1;
    EXPECT_THAT(troubles(facts), IsEmpty()) << "the last word of who gives it away";
}

TEST_F(DoctorListens, ATakeoverMeanwhileIsNoSecondActiveNode) {
    facts.listening.began = TimePoint{1h};
    facts.agent.status->vips[0].since = TimePoint{1h + 1s};
    EXPECT_THAT(troubles(facts), IsEmpty());
    facts.agent.status->vips[0].since = TimePoint{1h - 1s};
    EXPECT_THAT(trouble(facts).seen, HasSubstr("two are active"));
}

TEST_F(DoctorListens, AStrangerWithTheSameVrid) {
    heard().addresses = {IpAddress::v4(198, 51, 100, 1)};
    EXPECT_THAT(trouble(facts), AllOf(Field(&Finding::seen, HasSubstr("198.51.100.1")),
                                      Field(&Finding::remedy, HasSubstr("another vrid"))));
    heard().vrid = 52;
    EXPECT_THAT(troubles(facts), IsEmpty());
    heard().vrid = 51;
    heard().interface = "eth1";
    EXPECT_THAT(troubles(facts), IsEmpty());
}

TEST_F(DoctorListens, AnotherVersionAndWhatIsNotValid) {
    heard().version = 2;
    EXPECT_THAT(trouble(facts).seen, HasSubstr("speaks VRRP version 2"));
    heard().version = 3;
    heard().valid = false;
    EXPECT_EQ(trouble(facts).severity, Severity::warning);
}

TEST_F(DoctorListens, SaysWhenItCouldNot) {
    facts.listening = {};
    facts.listening.trouble = "Operation not permitted";
    EXPECT_EQ(trouble(facts).severity, Severity::hint);
}

// --- the firewall --------------------------------------------------------------------------------

TEST(DoctorAndFirewall, NamesTheChainAndTheCommand) {
    Facts facts = healthy();
    facts.firewall.ruleset =
        R"({"nftables":[{"chain":{"family":"inet","table":"filter","name":"input","handle":1,
            "type":"filter","hook":"input","prio":0,"policy":"drop"}}]})";
    EXPECT_THAT(trouble(facts),
                AllOf(Field(&Finding::severity, Severity::problem),
                      Field(&Finding::seen, HasSubstr("comes in on eth0")),
                      Field(&Finding::remedy,
                            HasSubstr("nft insert rule inet filter input meta l4proto 112 "
                                      "accept"))));
    facts.firewall.ruleset.clear();
    facts.firewall.trouble = "Operation not permitted";
    EXPECT_EQ(trouble(facts).severity, Severity::hint);
}

TEST(DoctorAndFirewall, TheOldTables) {
    Facts facts = healthy();
    facts.firewall.legacy = {":INPUT DROP [0:0]\n", "-A INPUT -i lo -j ACCEPT\n"};
    EXPECT_THAT(trouble(facts).remedy, HasSubstr("iptables-legacy -I INPUT -p vrrp -j ACCEPT"));
    facts.firewall.legacy.push_back("-A INPUT -p vrrp -j ACCEPT\n");
    EXPECT_THAT(troubles(facts), IsEmpty());
}

}  // namespace
}  // namespace understudy::doctor
