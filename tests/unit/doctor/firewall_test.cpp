// Rule sets as nft of Debian 12 writes them, and what becomes of an advertisement. What each does
// was tried with real packets in the lab (tests/lab/test_doctor.py) for the plain ones.
#include "agent/doctor/firewall.hpp"

#include <gtest/gtest.h>

#include "vrrp/protocol.hpp"

namespace understudy::doctor {
namespace {

std::string chain(const std::string& name, const std::string& hook = "",
                  const std::string& policy = "accept", const std::string& family = "inet") {
    return R"({"chain":{"family":")" + family + R"(","table":"filter","name":")" + name + '"' +
           (hook.empty() ? "" : R"(,"hook":")" + hook + R"(","policy":")" + policy + '"') + "}}";
}

std::string rule(const std::string& in_chain, const std::string& expressions,
                 const std::string& family = "inet") {
    return R"({"rule":{"family":")" + family + R"(","table":"filter","chain":")" + in_chain +
           R"(","handle":7,"expr":[)" + expressions + "]}}";
}

std::string match(const std::string& left, const std::string& right,
                  const std::string& operation = "==") {
    return R"({"match":{"op":")" + operation + R"(","left":)" + left + R"(,"right":)" + right +
           "}}";
}

const std::string accept = R"({"accept":null})";
const std::string drop = R"({"drop":null})";
const std::string l4proto = R"({"meta":{"key":"l4proto"}})";
const std::string iifname = R"({"meta":{"key":"iifname"}})";
const std::string source = R"({"payload":{"protocol":"ip","field":"saddr"}})";
const std::string destination = R"({"payload":{"protocol":"ip","field":"daddr"}})";
const std::string tcp_port = R"({"payload":{"protocol":"tcp","field":"dport"}})";
const std::string ct_state = R"({"ct":{"key":"state"}})";

Packet packet(const std::string& hook = "input") {
    return {hook, "eth0", {}, vrrp::multicast_group_v4};
}

Fate fate(const std::vector<std::string>& items, const Packet& of = packet()) {
    std::string document = R"({"nftables":[{"metainfo":{"version":"1.0.6"}})";
    for (const std::string& item : items) {
        document += ',' + item;
    }
    const auto passage = passage_of(document + "]}", of);
    EXPECT_TRUE(passage);
    return passage ? passage->fate : Fate::unknown;
}

const std::string strict = chain("input", "input", "drop");
const std::string open = chain("input", "input", "accept");

TEST(Firewall, NoRulesLetEverythingPass) {
    EXPECT_EQ(fate({}), Fate::passes);
    EXPECT_EQ(fate({open}), Fate::passes);
    EXPECT_FALSE(passage_of("", packet()));
    EXPECT_FALSE(passage_of("{}", packet()));
}

TEST(Firewall, APolicyDropsWhatNoRuleAccepts) {
    EXPECT_EQ(fate({strict}), Fate::dropped);
    EXPECT_EQ(fate({strict}, packet("output")), Fate::passes);
    EXPECT_EQ(fate({strict, rule("input", match(l4proto, "\"vrrp\"") + ',' + accept)}),
              Fate::passes);
    EXPECT_EQ(fate({strict, rule("input", match(l4proto, "112") + ',' + accept)}), Fate::passes);
    EXPECT_EQ(
        fate({strict, rule("input", match(l4proto, R"({"set":["tcp",112]})") + ',' + accept)}),
        Fate::passes);
    EXPECT_EQ(fate({strict, rule("input", match(l4proto, "\"tcp\"") + ',' + accept)}),
              Fate::dropped);
    EXPECT_EQ(fate({strict, rule("input", accept)}), Fate::passes);
}

TEST(Firewall, PortsAreOfOtherProtocols) {
    EXPECT_EQ(fate({strict, rule("input", match(tcp_port, "22") + ',' + accept)}), Fate::dropped);
    EXPECT_EQ(fate({strict, rule("input", match(tcp_port, "22", "!=") + ',' + accept)}),
              Fate::dropped);
    EXPECT_EQ(fate({open, rule("input", match(tcp_port, "22", "!=") + ',' + drop)}), Fate::passes);
}

TEST(Firewall, NoConnectionIsEverEstablished) {
    EXPECT_EQ(fate({strict, rule("input", match(ct_state, R"(["established","related"])", "in") +
                                              ',' + accept)}),
              Fate::dropped);
    EXPECT_EQ(fate({open, rule("input", match(ct_state, "\"invalid\"", "in") + ',' + drop)}),
              Fate::passes);
    EXPECT_EQ(fate({strict, rule("input", match(ct_state, "\"new\"", "in") + ',' + accept)}),
              Fate::passes);
}

TEST(Firewall, InterfacesAndAddresses) {
    EXPECT_EQ(fate({strict, rule("input", match(iifname, "\"lo\"") + ',' + accept)}),
              Fate::dropped);
    EXPECT_EQ(fate({strict, rule("input", match(iifname, "\"eth*\"") + ',' + accept)}),
              Fate::passes);
    EXPECT_EQ(fate({strict, rule("input", match(destination, "\"224.0.0.18\"") + ',' + accept)}),
              Fate::passes);
    EXPECT_EQ(fate({strict, rule("input", match(destination, R"({"prefix":{"addr":"224.0.0.0",)"
                                                             R"("len":24}})") +
                                              ',' + accept)}),
              Fate::passes);
    const std::string from_lan =
        rule("input", match(source, R"({"prefix":{"addr":"192.0.2.0","len":24}})") + ',' + accept);
    EXPECT_EQ(fate({strict, from_lan}), Fate::unknown) << "who sends is not known";
    Packet from_peer = packet();
    from_peer.source = IpAddress::v4(192, 0, 2, 2);
    EXPECT_EQ(fate({strict, from_lan}, from_peer), Fate::passes);
    from_peer.source = IpAddress::v4(198, 51, 100, 2);
    EXPECT_EQ(fate({strict, from_lan}, from_peer), Fate::dropped);
}

TEST(Firewall, FollowsJumpsAndComesBack) {
    const std::string jump = R"({"jump":{"target":"more"}})";
    const std::string go = R"({"goto":{"target":"more"}})";
    const std::string vrrp_in_more = rule("more", match(l4proto, "\"vrrp\"") + ',' + accept);
    EXPECT_EQ(fate({strict, chain("more"), rule("input", jump), vrrp_in_more}), Fate::passes);
    EXPECT_EQ(fate({strict, chain("more"), rule("input", jump), rule("input", accept)}),
              Fate::passes);
    EXPECT_EQ(fate({strict, chain("more"), rule("input", go), rule("input", accept)}),
              Fate::dropped);
}

TEST(Firewall, FamiliesAndSeveralChains) {
    EXPECT_EQ(fate({chain("input", "input", "drop", "ip6")}), Fate::passes);
    EXPECT_EQ(fate({chain("input", "input", "drop", "ip")}), Fate::dropped);
    EXPECT_EQ(fate({chain("input", "input", "drop", "arp")}), Fate::passes);
    // Accepted in one is still dropped in another.
    EXPECT_EQ(fate({open, rule("input", accept), chain("late", "input", "drop")}), Fate::dropped);
}

TEST(Firewall, LooksUpVerdicts) {
    const std::string by_state =
        R"({"vmap":{"key":{"ct":{"key":"state"}},"data":{"set":[["established",{"accept":null}],)"
        R"(["invalid",{"drop":null}]]}}})";
    EXPECT_EQ(fate({open, rule("input", by_state)}), Fate::passes);
    EXPECT_EQ(fate({strict, rule("input", by_state)}), Fate::dropped);
    const std::string by_protocol =
        R"({"vmap":{"key":{"meta":{"key":"l4proto"}},"data":{"set":[["tcp",{"accept":null}],)"
        R"([112,{"drop":null}]]}}})";
    EXPECT_EQ(fate({open, rule("input", by_protocol)}), Fate::dropped);
    EXPECT_EQ(fate({open, rule("input", R"({"vmap":{"key":{"meta":{"key":"iifname"}},)"
                                        R"("data":"@zones"}})")}),
              Fate::unknown);
}

TEST(Firewall, SaysWhatItDoesNotUnderstand) {
    EXPECT_EQ(fate({strict, rule("input", R"({"xt":null},)" + accept)}), Fate::unknown);
    EXPECT_EQ(fate({open, rule("input", R"({"vmap":{"key":1,"data":2}})")}), Fate::unknown);
    EXPECT_EQ(fate({open, rule("input", R"({"counter":{"packets":1,"bytes":2}},)" + drop)}),
              Fate::dropped);
    const auto passage =
        passage_of(R"({"nftables":[)" + open + ',' + rule("input", drop) + "]}", packet());
    ASSERT_TRUE(passage);
    EXPECT_EQ(passage->by, "chain inet filter input: rule with handle 7");
}

}  // namespace
}  // namespace understudy::doctor
