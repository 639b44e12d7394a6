// Which address the peers expect a node to advertise from.
#include "agent/config/cluster_sources.hpp"

#include "agent/config/source_here.hpp"
#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<NodeFile> nodes_of(const std::vector<std::string>& rests) {
    std::vector<NodeFile> nodes;
    for (const std::string& rest : rests) {
        const std::string file = std::to_string(nodes.size() + 1);
        const std::string text = "[vip web]\ninterface = eth0\nvrid = 51\npriority = " +
                                 std::to_string(200 - 50 * nodes.size()) + '\n' + rest;
        Result result = parse_text(file, text, "host");
        EXPECT_THAT(problems_of(result.diagnostics), IsEmpty()) << text;
        nodes.push_back({file, result.configuration.value(), result.vips, result.services,
                         result.checks, result.agent});
    }
    return nodes;
}

// The address in line 5, the peers from line 6 on.
std::string v6(std::string_view rest) {
    return "address = 2001:db8::10/64\n" + std::string{rest};
}
std::string v4(std::string_view rest) {
    return "address = 192.0.2.10/24\n" + std::string{rest};
}
Lines compare(const std::vector<std::string>& rests) {
    return problems_of(compare_nodes(nodes_of(rests)));
}

TEST(ClusterSources, a_node_without_one_is_told_what_its_peers_expect) {
    const std::string other = "unicast_source = 2001:db8::2\nunicast_peer = 2001:db8::1\n";
    EXPECT_THAT(compare({v6("unicast_peer = 2001:db8::2\n"), v6(other)}),
                ElementsAre("1:6: warning: [vip web] has no IPv6 unicast_source, and its peers "
                            "expect 2001:db8::1, at 2:7: write it, because the node chooses the "
                            "lowest stable address of eth0, whichever that is"));
    EXPECT_THAT(
        compare({v6("unicast_source = 2001:db8::1\nunicast_peer = 2001:db8::2\n"), v6(other)}),
        IsEmpty());
    // An IPv4 interface has one primary address, and an interface one link-local address.
    EXPECT_THAT(compare({v4("unicast_peer = 192.0.2.2\n"), v4("unicast_peer = 192.0.2.1\n")}),
                IsEmpty());
    EXPECT_THAT(compare({v6("unicast_peer = fe80::2\n"), v6("unicast_peer = fe80::1\n")}),
                IsEmpty());
}

TEST(ClusterSources, no_node_has_the_address_of_another_router) {
    EXPECT_THAT(compare({v4("unicast_peer = 192.0.2.3\n"), v4("unicast_peer = 192.0.2.3\n")}),
                ElementsAre("2:6: [vip web] has no unicast_peer that is the node of 1: all of them "
                            "are its peers as well, at 1:6",
                            "1:6: [vip web] has no unicast_peer that is the node of 2: all of them "
                            "are its peers as well, at 2:6"));
    // One list for all nodes names each of them, itself too.
    const std::string all = "unicast_peer = 192.0.2.1\nunicast_peer = 192.0.2.2\n";
    EXPECT_THAT(compare({v4(all), v4(all)}), IsEmpty());
}

TEST(ClusterSources, a_node_advertises_from_one_address) {
    EXPECT_THAT(
        compare(
            {v4("unicast_peer = 192.0.2.2\nunicast_peer = 192.0.2.3\n"),
             v4("unicast_source = 192.0.2.2\nunicast_peer = 192.0.2.1\nunicast_peer = 192.0.2.3\n"),
             v4("unicast_source = 192.0.2.3\nunicast_peer = 192.0.2.9\nunicast_peer = "
                "192.0.2.2\n")}),
        ElementsAre("3:7: [vip web] expects the node of 1 at 192.0.2.9, which is expected at "
                    "192.0.2.1 at 2:7: a node advertises from one address"));
}

TEST(ClusterSources, have_the_scope_of_the_peers) {
    EXPECT_THAT(compare({v6("unicast_peer = 2001:db8::2\n"),
                         v6("unicast_source = 2001:db8::2\nunicast_peer = fe80::1\n")}),
                ElementsAre(HasSubstr("1:6: [vip web] has no IPv6 unicast_source, and its peers "
                                      "expect fe80::1, at 2:7: towards 2001:db8::2 it chooses a "
                                      "global one")));
}

// --- on this machine -----------------------------------------------------------------------------

core::AddressSeen there(const char* prefix) {
    core::AddressSeen seen;
    seen.prefix = *IpPrefix::parse(prefix);
    return seen;
}

Lines compare_here(const std::vector<std::string>& rests,
                   const std::vector<core::AddressSeen>& addresses) {
    return problems_of(
        compare_sources_with_machine(nodes_of(rests), [&](const std::string& interface) {
            return interface == "eth0" ? addresses : std::vector<core::AddressSeen>{};
        }));
}

TEST(SourceHere, is_what_the_peers_expect) {
    const std::vector<std::string> files = {
        v6("unicast_peer = 2001:db8::2\n"),
        v6("unicast_source = 2001:db8::2\nunicast_peer = 2001:db8::7\n")};
    auto temporary = there("2001:db8::3/64");
    temporary.secondary = true;
    // The VIP is here now.
    const auto own = there("2001:db8::7/64");
    EXPECT_THAT(
        compare_here(files, {own, temporary, there("2001:db8::10/64"), there("fe80::1/64")}),
        IsEmpty());
    EXPECT_THAT(
        compare_here(files, {own, there("2001:db8::5/64")}),
        ElementsAre("1:6: [vip web] would advertise from 2001:db8::5 of eth0, but its peers "
                    "expect 2001:db8::7, at 2:7: write the right one as unicast_source"));
    EXPECT_THAT(compare_here(files, {}), IsEmpty()) << "it may come";
}

TEST(SourceHere, of_ipv4_too) {
    EXPECT_THAT(compare_here({v4("unicast_peer = 192.0.2.2\n"), v4("unicast_peer = 192.0.2.1\n")},
                             {there("192.0.2.7/24"), there("192.0.2.1/24")}),
                ElementsAre(HasSubstr("would advertise from 192.0.2.7 of eth0")));
}

TEST(SourceHere, the_addresses_of_this_machine_are_read) {
    std::vector<std::string> prefixes;
    for (const core::AddressSeen& seen : addresses_here("lo")) {
        prefixes.push_back(seen.prefix.to_string());
    }
    EXPECT_THAT(prefixes, testing::Contains("127.0.0.1/8"));
    EXPECT_THAT(addresses_here("nosuchif0"), IsEmpty());
}

}  // namespace
}  // namespace understudy::config
