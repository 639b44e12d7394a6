// What the kernel has done when flush() returns, in a network namespace of each test's own.
#include "agent/host/address_changes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "agent/host/boot_clock.hpp"
#include "tests/unit/host/ip_command.hpp"

namespace understudy::host {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

IpPrefix numbered(unsigned number) {
    return {*IpAddress::parse(fmt::format("2001:db8::{:x}", number)), 64};
}

// Whether a packet to this address would be taken in.
bool has_local_route(const IpPrefix& prefix) {
    const auto raw = prefix.address.bytes();
    const std::span bytes{reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()};
    const std::string wanted = fmt::format("{:02x} 80 ", fmt::join(bytes, ""));
    constexpr unsigned long local = 0x80000000UL;  // RTF_LOCAL
    std::ifstream routes{"/proc/self/net/ipv6_route"};
    for (std::string line; std::getline(routes, line);) {
        constexpr std::size_t flags = 132;  // the last field but one
        if (line.starts_with(wanted) &&
            (std::stoul(line.substr(flags, 8), nullptr, 16) & local) != 0) {
            return true;
        }
    }
    return false;
}

class AddressChangesTest : public testing::Test {
protected:
    void SetUp() override {
        if (unshare(CLONE_NEWNET) != 0) {
            GTEST_SKIP() << "no network namespace to be had: this test needs root";
        }
        ASSERT_TRUE(ip("link add v0 type veth peer name v1"));
        ASSERT_TRUE(ip("link set v1 up") && ip("link set v0 up"));
        index_ = static_cast<core::InterfaceIndex>(if_nametoindex("v0"));
        // An address is only used once the interface is ready for IPv6.
        ASSERT_TRUE(ip("address add 2001:db8::ffff/64 dev v0 nodad"));
        const TimePoint until = boot_now() + 10s;
        while (!has_local_route(numbered(0xffff)) && boot_now() < until) {
        }
    }

    core::InterfaceIndex index_ = 0;
    const EventSink ignore_ = [](const core::Event&) {};
};

// Linux adds the local route of an IPv6 address in a work queue, after it has acknowledged the
// address. What is announced before that loses packets.
TEST_F(AddressChangesTest, AnIpv6AddressIsInUseWhenTheyReturn) {
    // The work queue has to wait for a process like this, as for one with the unit's Nice=-10.
    sched_param urgent{.sched_priority = 1};
    ASSERT_EQ(sched_setscheduler(0, SCHED_FIFO, &urgent), 0);
    AddressChanges changes;
    for (unsigned number = 1; number <= 100; ++number) {
        changes.queue(core::AddAddress{index_, numbered(number), 10s});
        changes.flush(ignore_);
        EXPECT_TRUE(has_local_route(numbered(number))) << "address " << number;
    }
    sched_param usual{};
    sched_setscheduler(0, SCHED_OTHER, &usual);
}

TEST_F(AddressChangesTest, WhatIsRefusedIsNotWaitedFor) {
    AddressChanges changes;
    std::vector<core::AddressRefused> refused;
    for (int time = 0; time < 2; ++time) {
        changes.queue(core::AddAddress{index_, numbered(1), 10s});
        changes.flush([&](const core::Event& event) {
            refused.push_back(std::get<core::AddressRefused>(event));
        });
    }
    ASSERT_EQ(refused.size(), 1U);
    EXPECT_EQ(refused.front().prefix, numbered(1));
    EXPECT_TRUE(refused.front().exists);
}

// --- what a batch does to the host's own routes and addresses
// --------------------------------------

// What `ip ARGUMENTS` prints.
std::string shown(const std::string& arguments) {
    const std::unique_ptr<std::FILE, decltype(&pclose)> pipe{
        popen(("ip " + arguments).c_str(), "r"), &pclose};
    std::string text;
    std::array<char, 4096> part{};
    for (std::size_t size = 0; (size = std::fread(part.data(), 1, part.size(), pipe.get())) > 0;) {
        text.append(part.data(), size);
    }
    return text;
}

// An IPv4 interface without an address has no routes, and one that loses the first address of a
// network loses the others of that network: a parameter says whether promote_secondaries is on.
class HostRoutesTest : public testing::TestWithParam<bool> {
protected:
    void SetUp() override {
        if (!isolated_) {
            GTEST_SKIP() << "no network namespace to be had: this test needs root";
        }
        ASSERT_TRUE(ip("link add v0 type veth peer name v1"));
        ASSERT_TRUE(ip("link set v1 up") && ip("link set v0 up"));
        index_ = static_cast<core::InterfaceIndex>(if_nametoindex("v0"));
        std::ofstream{setting} << GetParam();
    }
    void TearDown() override {
        // What the operator has set is what is there afterwards.
        std::ifstream file{setting};
        int value = -1;
        file >> value;
        EXPECT_TRUE(IsSkipped() || value == static_cast<int>(GetParam()));
    }
    void add(const char* prefix) {
        changes_.queue(core::AddAddress{index_, *IpPrefix::parse(prefix), 60s});
    }
    void remove(const char* prefix) {
        changes_.queue(core::RemoveAddress{index_, *IpPrefix::parse(prefix)});
    }
    void flush() {
        changes_.flush([&](const core::Event& event) {
            const auto& refused = std::get<core::AddressRefused>(event);
            ADD_FAILURE() << refused.prefix.to_string() << ": " << refused.error;
        });
    }
    void begin_with(const char* prefix) {
        add(prefix);
        flush();
    }
    static bool add_host_route() { return ip("route add 203.0.113.0/24 via 198.51.100.1 dev v0"); }
    static std::string addresses(const char* family = "-4") {
        return shown(std::string{family} + " -br address show dev v0 scope global");
    }
    static std::string routes() { return shown("route show dev v0"); }

    static constexpr const char* setting = "/proc/sys/net/ipv4/conf/v0/promote_secondaries";
    const bool isolated_ = unshare(CLONE_NEWNET) == 0;  // before there are sockets
    core::InterfaceIndex index_ = 0;
    AddressChanges changes_;
};

TEST_P(HostRoutesTest, exchange_of_the_only_address_keeps_the_routes_through_its_network) {
    begin_with("198.51.100.10/24");
    ASSERT_TRUE(add_host_route());
    remove("198.51.100.10/24");
    add("198.51.100.11/24");
    flush();
    EXPECT_THAT(addresses(), HasSubstr("198.51.100.11/24"));
    EXPECT_THAT(addresses(), Not(HasSubstr("198.51.100.10/")));
    EXPECT_THAT(routes(), HasSubstr("203.0.113.0/24 via 198.51.100.1"));
}

TEST_P(HostRoutesTest, another_prefix_length_of_the_only_address_keeps_the_routes) {
    for (const auto& [from, to] : {std::pair{"198.51.100.11/24", "198.51.100.11/25"},
                                   {"198.51.100.11/25", "198.51.100.11/24"},
                                   {"198.51.100.11/24", "198.51.100.11/32"}}) {
        begin_with(from);
        ASSERT_TRUE(add_host_route());
        remove(from);
        add(to);
        flush();
        EXPECT_THAT(addresses(), HasSubstr(to));
        EXPECT_THAT(addresses(), Not(HasSubstr(from)));
        EXPECT_THAT(routes(), HasSubstr("203.0.113.0/24 via 198.51.100.1")) << from << ' ' << to;
        ASSERT_TRUE(ip("route delete 203.0.113.0/24"));
        remove(to);
        flush();
    }
}

// The kernel has the new one, a primary address, before the old one, which is secondary.
TEST_P(HostRoutesTest, another_prefix_length_of_an_address_in_the_hosts_own_network) {
    begin_with("198.51.100.5/24");
    add("198.51.100.11/24");
    flush();
    remove("198.51.100.11/24");
    add("198.51.100.11/25");
    flush();
    EXPECT_THAT(addresses(), HasSubstr("198.51.100.11/25"));
    EXPECT_THAT(addresses(), Not(HasSubstr("198.51.100.11/24")));
}

TEST_P(HostRoutesTest, exchange_with_an_address_of_another_network_keeps_the_routes) {
    begin_with("198.51.100.10/24");
    ASSERT_TRUE(ip("route add 203.0.113.0/24 dev v0"));
    remove("198.51.100.10/24");
    add("192.0.2.10/24");
    flush();
    EXPECT_THAT(routes(), HasSubstr("203.0.113.0/24"));
}

TEST_P(HostRoutesTest, removal_of_the_first_address_of_a_network_leaves_the_others) {
    begin_with("198.51.100.10/24");
    begin_with("198.51.100.11/24");
    begin_with("198.51.100.12/24");
    ASSERT_TRUE(add_host_route());
    remove("198.51.100.10/24");
    flush();
    EXPECT_THAT(addresses(), HasSubstr("198.51.100.11/24"));
    EXPECT_THAT(addresses(), HasSubstr("198.51.100.12/24"));
    EXPECT_THAT(routes(), HasSubstr("203.0.113.0/24 via 198.51.100.1"));
}

// As at a failover, where the host has got its own address after the agent.
TEST_P(HostRoutesTest, release_leaves_the_hosts_own_address_of_the_same_network) {
    begin_with("198.51.100.10/24");
    ASSERT_TRUE(ip("address add 198.51.100.5/24 dev v0"));
    ASSERT_TRUE(add_host_route());
    remove("198.51.100.10/24");
    flush();
    EXPECT_THAT(addresses(), HasSubstr("198.51.100.5/24"));
    EXPECT_THAT(addresses(), Not(HasSubstr("198.51.100.10/")));
    EXPECT_THAT(routes(), HasSubstr("203.0.113.0/24 via 198.51.100.1"));
}

TEST_P(HostRoutesTest, release_of_many_addresses_of_one_network_removes_each) {
    for (int i = 10; i < 110; ++i) {
        add(fmt::format("198.51.100.{}/24", i).c_str());
    }
    flush();
    for (int i = 10; i < 110; ++i) {
        remove(fmt::format("198.51.100.{}/24", i).c_str());
    }
    flush();
    EXPECT_EQ(addresses(), "");
}

// An interface has an IPv6 address once, whatever its prefix length: here the removal has to be
// first.
TEST_P(HostRoutesTest, another_prefix_length_of_an_ipv6_address) {
    begin_with("2001:db8::10/64");
    ASSERT_TRUE(ip("route add 2001:db8:1::/64 via 2001:db8::1 dev v0"));
    remove("2001:db8::10/64");
    add("2001:db8::10/80");
    flush();
    EXPECT_THAT(addresses("-6"), HasSubstr("2001:db8::10/80"));
    EXPECT_THAT(shown("-6 route show dev v0"), HasSubstr("2001:db8:1::/64 via 2001:db8::1"));
}

TEST_P(HostRoutesTest, exchange_of_the_only_ipv6_address_keeps_the_routes) {
    begin_with("2001:db8::10/64");
    ASSERT_TRUE(ip("route add 2001:db8:1::/64 via 2001:db8::1 dev v0"));
    remove("2001:db8::10/64");
    add("2001:db8::11/64");
    flush();
    EXPECT_THAT(addresses("-6"), HasSubstr("2001:db8::11/64"));
    EXPECT_THAT(shown("-6 route show dev v0"), HasSubstr("2001:db8:1::/64 via 2001:db8::1"));
}

// A batch that removes an address and adds it again leaves it there.
TEST_P(HostRoutesTest, the_same_address_removed_and_added_is_held) {
    begin_with("198.51.100.10/24");
    remove("198.51.100.10/24");
    add("198.51.100.10/24");
    flush();
    EXPECT_THAT(addresses(), HasSubstr("198.51.100.10/24"));
    remove("198.51.100.10/24");
    flush();
    add("198.51.100.10/24");
    remove("198.51.100.10/24");
    flush();
    EXPECT_EQ(addresses(), "");
}

INSTANTIATE_TEST_SUITE_P(promote_secondaries, HostRoutesTest, testing::Bool(),
                         [](const auto& one) { return one.param ? "on" : "off"; });

}  // namespace
}  // namespace understudy::host
