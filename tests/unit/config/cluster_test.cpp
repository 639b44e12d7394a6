// Files as the nodes of one cluster, against each other.
#include "agent/config/cluster.hpp"

#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Files are called 1, 2, 3.
Lines compare(const std::vector<std::string>& texts) {
    std::vector<NodeFile> nodes;
    for (const std::string& text : texts) {
        const std::string file = std::to_string(nodes.size() + 1);
        Result result = parse_text(file, text, "host");
        EXPECT_TRUE(result.configuration) << text;
        if (result.configuration) {
            nodes.push_back({file, *result.configuration, result.vips, result.services,
                             result.checks, result.agent});
        }
    }
    return problems_of(compare_nodes(nodes));
}

std::string node(int priority, std::string_view rest = "") {
    return "[vip web]\ninterface = eth0\nvrid = 51\naddress = 192.0.2.10/24\npriority = " +
           std::to_string(priority) + '\n' + std::string{rest};
}

TEST(Cluster, ThatFitsHasNoRemarks) {
    EXPECT_THAT(compare({}), IsEmpty());
    EXPECT_THAT(compare({node(100)}), IsEmpty());
    EXPECT_THAT(compare({node(150), node(100), node(50)}), IsEmpty());
    const std::string a = "unicast_source = 10.0.0.1\nunicast_peer = 10.0.0.2\n";
    const std::string b = "unicast_source = 10.0.0.2\nunicast_peer = 10.0.0.1\n";
    EXPECT_THAT(compare({node(150, a), node(100, b)}), IsEmpty());
}

TEST(Cluster, NodesBelieveEachOther) {
    const std::string one = "peer = 192.0.2.1\n";
    const std::string two = "peer = 192.0.2.2\n";
    const std::string three = "peer = 192.0.2.3\n";
    EXPECT_THAT(compare({node(150, two), node(100, one)}), IsEmpty());
    EXPECT_THAT(compare({node(150, two + three), node(100, one + three), node(50, one + two)}),
                IsEmpty());
    EXPECT_THAT(compare({node(150, two + three), node(100, one + three)}), IsEmpty())
        << "a third router has no file here";
    EXPECT_THAT(compare({node(150, two), node(100, two)}),
                ElementsAre("2:6: [vip web] has peer 192.0.2.2, as at 1:6 and everywhere else: one "
                            "of these nodes has itself for a peer, and does not believe another"));
    EXPECT_THAT(compare({node(150, two), node(100)}),
                ElementsAre("2:1: warning: [vip web] believes every router, but only its peers are "
                            "believed at 1:6"));
    EXPECT_THAT(compare({node(150), node(100, one)}),
                ElementsAre("2:6: warning: [vip web] believes its peers only, but every router is "
                            "believed at 1:1"));
}

TEST(Cluster, RoutersHaveOneVridAndVersion) {
    EXPECT_THAT(compare({node(150),
                         "[vip web]\ninterface = eth0\naddress = 192.0.2.10/24\n"
                         "vrid = 52\nversion = 2\n"}),
                ElementsAre("2:4: [vip web] has vrid 52, but 51 at 1:3",
                            "2:5: [vip web] has version 2, but 3 at 1:1"));
}

TEST(Cluster, IntervalsDifferWithAWarningInVersion3AndNotAtAllInVersion2) {
    EXPECT_THAT(compare({node(150), node(100, "advert_interval = 2s\n")}),
                ElementsAre("2:6: warning: [vip web] has advert_interval 2s, but 1s at 1:1"));
    EXPECT_THAT(compare({node(150, "version = 2\nadvert_interval = 1s\n"),
                         node(100, "version = 2\nadvert_interval = 2s\n")}),
                ElementsAre("2:7: [vip web] has advert_interval 2s, but 1s at 1:7"));
}

TEST(Cluster, NodesMoveTheSameAddresses) {
    EXPECT_THAT(compare({node(150, "address = 192.0.2.11/24\nextra_address = 192.0.2.12/24\n"),
                         node(100, "address = 192.0.2.13/24\n")}),
                ElementsAre("2:4: [vip web] lacks address 192.0.2.11/24, which is in 1",
                            "2:4: [vip web] has address 192.0.2.13/24, which is not in 1",
                            "2:1: [vip web] lacks extra_address 192.0.2.12/24, which is in 1"));
    EXPECT_THAT(
        compare({node(150, "address = 192.0.2.11/24\n"),
                 "[vip web]\ninterface = eth0\nvrid = 51\naddress = 192.0.2.11/24\n"
                 "address = 192.0.2.10/24\n"}),
        ElementsAre("2:4: warning: [vip web] has the addresses in another order than at 1:4"));
}

TEST(Cluster, TheDerivedAddressIsNoDifferenceOfItsOwn) {
    EXPECT_THAT(
        compare({"[vip a]\ninterface = e\nvrid = 1\naddress = 2001:db8::1/64\n",
                 "[vip a]\ninterface = e\nvrid = 2\naddress = 2001:db8::1/64\npriority = 50\n"}),
        ElementsAre("2:3: [vip a] has vrid 2, but 1 at 1:3"));
}

TEST(Cluster, InterfacesMayHaveOtherNames) {
    EXPECT_THAT(compare({node(150),
                         "[vip web]\ninterface = ens3\nvrid = 51\naddress = "
                         "192.0.2.10/24\n"}),
                IsEmpty());
}

TEST(Cluster, EqualPrioritiesDrawAWarningBetweenAnyTwo) {
    EXPECT_THAT(
        compare({node(150), node(100), node(100)}),
        ElementsAre("3:5: warning: [vip web] has the same priority 100 as at 2:5: who starts "
                    "first is active, and the higher address decides a tie"));
    EXPECT_THAT(compare({node(255), node(255)}),
                ElementsAre("2:5: [vip web] has priority 255, as at 1:5: there is only one owner"));
}

TEST(Cluster, UnicastPeersNameEachOther) {
    const std::string a =
        "unicast_source = 10.0.0.1\nunicast_peer = 10.0.0.2\nunicast_peer = 10.0.0.3\n";
    const std::string b =
        "unicast_source = 10.0.0.2\nunicast_peer = 10.0.0.1\nunicast_peer = 10.0.0.3\n";
    const std::string c = "unicast_source = 10.0.0.3\nunicast_peer = 10.0.0.1\n";
    EXPECT_THAT(compare({node(150, a), node(100, b), node(50, c)}),
                ElementsAre("3:7: [vip web] has no unicast_peer 10.0.0.2, which is the "
                            "unicast_source at 2:6"));
    EXPECT_THAT(compare({node(150, c), node(100, b)}),
                ElementsAre("1:7: [vip web] has no unicast_peer 10.0.0.2, which is the "
                            "unicast_source at 2:6"));
}

TEST(Cluster, UnicastSourcesDiffer) {
    const std::string a = "unicast_source = 10.0.0.1\nunicast_peer = 10.0.0.2\n";
    EXPECT_THAT(compare({node(150, a), node(100, a)}),
                ElementsAre("2:6: [vip web] has the same unicast_source 10.0.0.1 as at 1:6"));
}

TEST(Cluster, IsUnicastOrMulticastAltogether) {
    EXPECT_THAT(compare({node(150), node(100, "unicast_peer = 10.0.0.2\n")}),
                ElementsAre("2:6: [vip web] is unicast, but multicast at 1:1"));
}

TEST(Cluster, AMissingVipDrawsAWarning) {
    const std::string other = "[vip b]\ninterface = eth0\nvrid = 52\naddress = 192.0.2.20/24\n";
    EXPECT_THAT(compare({node(150), node(100, other), node(50)}),
                ElementsAre("1:1: warning: there is no [vip b], which is at 2:6",
                            "3:1: warning: there is no [vip b], which is at 2:6"));
    // What the later nodes have is compared, although the first has none of it.
    EXPECT_THAT(compare({node(150), node(100, other), node(50, other)}), SizeIs(2));
}

TEST(Cluster, AVipUnderAnotherNameIsFoundByItsRouter) {
    EXPECT_THAT(compare({node(150),
                         "\n[vip www]\ninterface = eth0\nvrid = 51\naddress = "
                         "192.0.2.11/24\n"}),
                ElementsAre("2:2: warning: [vip www] is called [vip web] at 1:1",
                            "2:5: [vip www] lacks address 192.0.2.10/24, which is in 1",
                            "2:5: [vip www] has address 192.0.2.11/24, which is not in 1"));
}

// --- plans ---------------------------------------------------------------------------------------

constexpr std::string_view gate = "[check gate]\ntype = icmp\ntarget = 192.0.2.1\n";

std::string tracking(int priority, std::string_view weight, std::string_view rest = "") {
    return node(priority, "track = gate" + std::string{weight} + '\n' + std::string{rest}) +
           std::string{gate};
}

TEST(ClusterPlans, AWeightHasToPassTheNextPriority) {
    EXPECT_THAT(
        compare({tracking(150, " weight=-20"), node(100)}),
        ElementsAre("1:6: warning: [vip web] is moved by no result of its checks: they change the "
                    "priority 150 to between 130 and 150, which does not pass the 100 at 2:5"));
    // Level with the other is not below it: RFC 9568 6.4.2, a standby stays where it is.
    EXPECT_THAT(compare({tracking(150, " weight=-50"), node(100)}), SizeIs(1));
    EXPECT_THAT(compare({tracking(150, " weight=-51"), node(100)}), IsEmpty());
    // The check of the other one may be what moves it.
    EXPECT_THAT(compare({tracking(110, " weight=-20"), tracking(100, " weight=-5")}), IsEmpty());
    EXPECT_THAT(compare({node(150), tracking(100, " weight=30")}), SizeIs(1));
    EXPECT_THAT(compare({node(150), tracking(100, " weight=51")}), IsEmpty());
    // Without a weight a check decides alone.
    EXPECT_THAT(compare({tracking(150, ""), node(100)}), IsEmpty());
}

TEST(ClusterPlans, WeightsDoNothingWhereNobodyPreempts) {
    EXPECT_THAT(
        compare({tracking(150, " weight=-60"), node(100, "preempt = no\n")}),
        ElementsAre("1:6: warning: [vip web]: while this node is active, a weight moves "
                    "nothing, because of preempt = no at 2:6; a track without weight does"));
    EXPECT_THAT(compare({tracking(150, " weight=-60", "preempt = no\n"), node(100)}), IsEmpty());
}

std::string serving(int priority, std::string_view service) {
    return node(priority, "service = app\n") + "[service app]\ncheck = gate\n" +
           std::string{service} + std::string{gate};
}

TEST(ClusterPlans, AServiceIsOnAllNodes) {
    EXPECT_THAT(compare({serving(150, ""), serving(100, "")}), IsEmpty());
    EXPECT_THAT(compare({serving(150, ""), node(100)}),
                ElementsAre("2:1: warning: [vip web] has no service, but app at 1:6: here the "
                            "addresses come without it"));
}

TEST(ClusterPlans, WhatRunsOnOneNodeOnlyIsNotHotOnAnother) {
    const std::string exclusive = "unit = app.service\nstop_on_release = yes\n";
    EXPECT_THAT(compare({serving(150, exclusive), serving(100, "standby = hot\n")}),
                ElementsAre("2:9: [service app] has standby = hot, so that it always runs here, "
                            "but it is to run on one node only at 1:10"));
    EXPECT_THAT(compare({serving(150, exclusive), serving(100, "unit = app.service\n")}),
                ElementsAre(testing::HasSubstr("2:7: warning: [service app] has no "
                                               "stop_on_release")));
    EXPECT_THAT(compare({serving(150, exclusive), serving(100, exclusive)}), IsEmpty());
}

TEST(ClusterPlans, AStopWaitsForAsLongAsAColdStandbyNeeds) {
    const std::string cold = "unit = app.service\nstandby = cold\nstart_timeout = 40s\n";
    EXPECT_THAT(compare({serving(150, ""), serving(100, cold)}),
                ElementsAre("1:1: warning: stop_timeout 10s: a stop of this node ends before a "
                            "cold standby is up, which may take start_timeout 40s at 2:11"));
    EXPECT_THAT(compare({"[agent]\nstop_timeout = 1m\n" + serving(150, ""), serving(100, cold)}),
                IsEmpty());
    EXPECT_THAT(compare({serving(150, ""), serving(100, cold), serving(50, "")}), IsEmpty())
        << "a hot one takes over";
}

TEST(ClusterPlans, ALeaseOutlastsTheTakeoverOfEveryPeer) {
    // RFC 9568 6.1: with priority 1 a standby waits 3 + 255/256 intervals, with 255 it is 3 +
    // 1/256.
    const std::string node1 =
        "[vip web]\ninterface = eth0\nvrid = 51\naddress = 192.0.2.10/24\n"
        "priority = 150\nadvert_interval = 10s\nlease = 35s\n";
    const std::string node2 =
        "[vip web]\ninterface = eth0\nvrid = 51\naddress = 192.0.2.10/24\n"
        "priority = 50\nadvert_interval = 10s\n";
    EXPECT_THAT(compare({node1, node2}),
                ElementsAre("1:7: warning: [vip web] has lease 35s, which ends before the node at "
                            "2:5 takes over: with its priority it waits 38047ms"));
}

TEST(ClusterPlans, ChecksumsAndAcceptModesDiffer) {
    EXPECT_THAT(compare({node(150, "checksum = rfc9568\n"),
                         node(100, "checksum = pseudo-header\naccept = no\n")}),
                ElementsAre("2:6: warning: [vip web] has checksum pseudo-header, but rfc9568 at "
                            "1:6",
                            "2:7: warning: [vip web] has accept = no, unlike at 1:1: whether the "
                            "addresses answer depends on who has them"));
    EXPECT_THAT(compare({node(150), node(100, "checksum = pseudo-header\n")}), IsEmpty());
}

TEST(ClusterPlans, NodesHaveNamesOfTheirOwn) {
    EXPECT_THAT(compare({"[agent]\nname = lb1\n" + node(150), "[agent]\nname = lb1\n" + node(100)}),
                ElementsAre("2:2: warning: this node is called lb1, as is the one at 1:2"));
}

}  // namespace
}  // namespace understudy::config
