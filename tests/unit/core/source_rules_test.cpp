// Which sources of advertisements this node believes.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <vector>

#include "tests/sim/virtual_lan.hpp"

namespace understudy {
namespace {

using namespace std::chrono_literals;
using sim::VirtualHost;
using sim::VirtualLan;
using testing::Contains;
using testing::HasSubstr;

constexpr int eth0 = 2;

class SourceRules : public testing::Test {
protected:
    static core::Configuration both() {
        core::Configuration configuration = sim::web(100);
        auto& addresses = configuration.vips.front().addresses;
        addresses.push_back({{vrrp::derived_link_local(51), 64}, "eth0", true, true});
        addresses.push_back({*IpPrefix::parse("2001:db8::10/64"), "eth0", true, false});
        return configuration;
    }
    // Active alone, with priority 100 in both families: what it believes makes it a standby.
    void SetUp() override {
        lb1.start(both());
        ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 20s));
    }
    // One of a router with a better priority.
    void hear(const std::string& source, const std::string& destination) {
        core::DatagramReceived event{eth0, {}};
        event.datagram.source = *IpAddress::parse(source);
        event.datagram.destination = *IpAddress::parse(destination);
        event.datagram.ttl = 255;
        const bool v6 = event.datagram.source.is_v6();
        vrrp::Advertisement advert;
        advert.vrid = 51;
        advert.priority = 200;
        advert.interval = 1s;
        advert.family = v6 ? Family::ipv6 : Family::ipv4;
        std::vector<std::byte> addresses;
        const core::Configuration own = both();
        for (const core::VirtualAddress& each : own.vips.front().addresses) {
            const IpAddress& address = each.prefix.address;
            if (address.is_v6() == v6) {
                addresses.insert(addresses.end(), address.bytes().begin(), address.bytes().end());
            }
        }
        advert.addresses = addresses;
        std::array<std::byte, 64> room{};
        event.datagram.payload =
            vrrp::encode(advert, event.datagram.source, event.datagram.destination,
                         vrrp::ChecksumForm::message_only, room);
        lb1.feed(event);
    }
    std::uint64_t discarded() {
        const auto counts = lb1.vip().counters.discarded;
        return std::ranges::find(counts, "source", &control::DiscardCount::reason)->count;
    }
    void expect_refused(const std::string& source, const std::string& destination,
                        const std::string& why) {
        const std::uint64_t before = discarded();
        hear(source, destination);
        EXPECT_EQ(lb1.state(), "active") << source;
        EXPECT_EQ(discarded(), before + 1) << source;
        EXPECT_THAT(lb1.vip().warnings, Contains(AllOf(HasSubstr(source), HasSubstr(why))));
    }

    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");  // 192.0.2.1/24, fe80::98/64
};

TEST_F(SourceRules, ipv6_multicast_from_a_link_local_address_is_believed) {
    hear("fe80::97", "ff02::12");
    EXPECT_EQ(lb1.state(), "backup");
    EXPECT_EQ(discarded(), 0U);
}

TEST_F(SourceRules, ipv6_multicast_from_another_address_is_counted_and_explained) {
    expect_refused("2001:db8::2", "ff02::12", "link-local address (RFC 9568 5.1.2.1)");
    expect_refused("::", "ff02::12", "link-local address (RFC 9568 5.1.2.1)");
}

TEST_F(SourceRules, ipv4_multicast_from_another_host_of_the_network_is_believed) {
    hear("192.0.2.2", "224.0.0.18");
    EXPECT_EQ(lb1.state(), "backup");
    EXPECT_EQ(discarded(), 0U);
}

TEST_F(SourceRules, ipv4_multicast_from_what_no_router_has_is_counted_and_explained) {
    for (const std::string source : {"0.0.0.0", "127.0.0.1", "192.0.2.255", "192.0.2.0"}) {
        expect_refused(source, "224.0.0.18", "no router has this address");
    }
}

TEST_F(SourceRules, every_address_of_this_node_is_its_own) {
    lb1.add_by_hand("fe80::5/64");
    lb1.add_by_hand("192.0.2.5/24");
    for (const std::string source : {"fe80::5", "fe80::98"}) {
        expect_refused(source, "ff02::12", "that is this node's own address");
    }
    for (const std::string source : {"192.0.2.5", "192.0.2.1"}) {
        expect_refused(source, "224.0.0.18", "that is this node's own address");
    }
}

// An owner advertises from the virtual address (RFC 9568 1.6), and this node holds it as well.
TEST_F(SourceRules, the_owner_is_believed_by_who_holds_its_address) {
    ASSERT_TRUE(lb1.holds("192.0.2.10/24"));
    hear("192.0.2.10", "224.0.0.18");
    EXPECT_EQ(lb1.state(), "backup");
}

}  // namespace
}  // namespace understudy
