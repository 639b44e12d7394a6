// What the kernel has done when flush() returns, in a network namespace of each test's own.
#include "agent/host/address_changes.hpp"

#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "agent/host/boot_clock.hpp"
#include "tests/unit/host/ip_command.hpp"

namespace understudy::host {
namespace {

using namespace std::chrono_literals;

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

}  // namespace
}  // namespace understudy::host
