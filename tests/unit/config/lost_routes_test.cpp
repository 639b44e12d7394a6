// Which routes of a host go with the addresses of a reload. The rules are the kernel's own
// (HostRoutesTest looks at them).
#include "agent/config/lost_routes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace understudy::config {
namespace {

using control::HostNetwork;
using testing::ElementsAre;
using testing::IsEmpty;

core::VipSettings vip(const std::string& name, const std::vector<std::string>& addresses,
                      vrrp::Vrid vrid = 51) {
    core::VipSettings vip;
    vip.name = name;
    vip.interface = "eth0";
    vip.vrid = vrid;
    for (const std::string& text : addresses) {  // "198.51.100.10/24 eth1"
        const auto blank = text.find(' ');
        core::VirtualAddress address;
        address.prefix = *IpPrefix::parse(text.substr(0, blank));
        address.interface = text.substr(blank + 1);
        vip.addresses.push_back(address);
    }
    return vip;
}

class LostRoutesTest : public testing::Test {
protected:
    LostRoutesTest() {
        add("192.0.2.1/24", "eth0", false);
        route("default via 192.0.2.254 dev eth0", {"eth0"});
        route("203.0.113.0/24 via 198.51.100.1 dev eth1", {"eth1"});
    }
    void add(const std::string& prefix, const std::string& interface, bool ours = true) {
        host.addresses.push_back({interface, *IpPrefix::parse(prefix), ours});
    }
    void route(const std::string& text, std::vector<std::string> interfaces,
               const std::string& source = "") {
        const Family family = text.find("::") == std::string::npos ? Family::ipv4 : Family::ipv6;
        host.routes.push_back({text, family, std::move(interfaces), IpAddress::parse(source)});
    }
    std::vector<std::string> lost(std::vector<core::VipSettings> from,
                                  std::vector<core::VipSettings> to) const {
        core::Configuration before;
        core::Configuration after;
        before.vips = std::move(from);
        after.vips = std::move(to);
        return lost_routes(before, after, host);
    }

    HostNetwork host;
};

constexpr const char* last_one =
    "203.0.113.0/24 via 198.51.100.1 dev eth1: the last IPv4 address of eth1 is removed";

TEST_F(LostRoutesTest, exchange_of_the_only_address_loses_none) {
    add("198.51.100.10/24", "eth1");
    EXPECT_THAT(
        lost({vip("web", {"198.51.100.10/24 eth1"})}, {vip("web", {"198.51.100.11/24 eth1"})}),
        IsEmpty());
    EXPECT_THAT(
        lost({vip("web", {"198.51.100.10/24 eth1"})}, {vip("web", {"198.51.100.10/25 eth1"})}),
        IsEmpty());
}

TEST_F(LostRoutesTest, removal_of_the_only_address_loses_what_goes_through_its_interface) {
    add("198.51.100.10/24", "eth1");
    add("192.0.2.10/24", "eth0");
    EXPECT_THAT(lost({vip("web", {"192.0.2.10/24 eth0", "198.51.100.10/24 eth1"})},
                     {vip("web", {"192.0.2.10/24 eth0"})}),
                ElementsAre(last_one));
    EXPECT_THAT(lost({vip("web", {"198.51.100.10/24 eth1"})}, {}), ElementsAre(last_one));
}

TEST_F(LostRoutesTest, an_address_that_moves_to_another_interface_is_the_last_one_of_this) {
    add("198.51.100.10/24", "eth1");
    EXPECT_THAT(
        lost({vip("web", {"198.51.100.10/24 eth1"})}, {vip("web", {"198.51.100.10/24 eth2"})}),
        ElementsAre(last_one));
}

TEST_F(LostRoutesTest, an_address_of_the_host_keeps_the_routes) {
    add("198.51.100.10/24", "eth1");
    add("198.51.100.5/24", "eth1", false);
    EXPECT_THAT(lost({vip("web", {"198.51.100.10/24 eth1"})}, {}), IsEmpty());
}

TEST_F(LostRoutesTest, another_virtual_router_ends_and_begins_without_its_addresses) {
    add("198.51.100.10/24", "eth1");
    EXPECT_THAT(
        lost({vip("web", {"198.51.100.10/24 eth1"})}, {vip("web", {"198.51.100.10/24 eth1"}, 52)}),
        ElementsAre(last_one));
}

TEST_F(LostRoutesTest, an_address_passes_to_another_vip_that_this_node_holds_and_to_no_other) {
    add("198.51.100.10/24", "eth1");
    const auto web = [](auto... addresses) { return vip("web", {addresses...}); };
    const auto mail = [](auto... addresses) { return vip("mail", {addresses...}, 52); };
    const std::vector from{web("198.51.100.10/24 eth1"), mail("192.0.2.20/24 eth0")};
    const std::vector to{web("192.0.2.10/24 eth0"),
                         mail("192.0.2.20/24 eth0", "198.51.100.10/24 eth1")};
    EXPECT_THAT(lost(from, to), ElementsAre(last_one)) << "mail is a standby";
    add("192.0.2.20/24", "eth0");
    EXPECT_THAT(lost(from, to), IsEmpty());
}

TEST_F(LostRoutesTest, a_standby_has_nothing_to_lose) {
    EXPECT_THAT(lost({vip("web", {"198.51.100.10/24 eth1"})}, {}), IsEmpty());
}

TEST_F(LostRoutesTest, a_route_goes_with_its_source_and_an_ipv6_one_loses_it) {
    add("192.0.2.10/24", "eth0");
    add("2001:db8::10/64", "eth0");
    route("198.18.0.0/15 via 192.0.2.254 dev eth0", {"eth0"}, "192.0.2.10");
    route("2001:db8:1::/48 via 2001:db8::1 dev eth0", {"eth0"}, "2001:db8::10");
    const auto from = vip("web", {"192.0.2.10/24 eth0", "2001:db8::10/64 eth0"});
    EXPECT_THAT(
        lost({from}, {vip("web", {"192.0.2.11/24 eth0", "2001:db8::11/64 eth0"})}),
        ElementsAre("198.18.0.0/15 via 192.0.2.254 dev eth0: its source 192.0.2.10 is removed",
                    "2001:db8:1::/48 via 2001:db8::1 dev eth0: loses its source 2001:db8::10, "
                    "which is removed"));
    EXPECT_THAT(lost({from}, {vip("web", {"192.0.2.10/25 eth0", "2001:db8::10/80 eth0"})}),
                IsEmpty());
}

TEST_F(LostRoutesTest, an_ipv6_interface_keeps_its_routes_without_an_address) {
    add("2001:db8::10/64", "eth1");
    route("2001:db8:1::/48 via 2001:db8::1 dev eth1", {"eth1"});
    EXPECT_THAT(lost({vip("web", {"2001:db8::10/64 eth1"})}, {}), IsEmpty());
}

}  // namespace
}  // namespace understudy::config
