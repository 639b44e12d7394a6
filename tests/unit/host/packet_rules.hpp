// The kernel's own behaviour under the rules: a virtual address on v0, and frames written to and
// read from v1, the other end of the cable, in a network namespace of each test's own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "agent/host/announcement.hpp"
#include "agent/host/boot_clock.hpp"
#include "agent/host/file_descriptor.hpp"
#include "agent/host/nft_socket.hpp"
#include "agent/host/packet_rules.hpp"
#include "agent/host/rule_keeper.hpp"
#include "tests/unit/host/ip_command.hpp"
#include "vrrp/checksum.hpp"

namespace understudy::host {

using namespace std::chrono_literals;
using Frame = std::vector<std::byte>;

inline const IpAddress vip4 = IpAddress::v4(192, 0, 2, 10);
inline const IpAddress vip6 = *IpAddress::parse("2001:db8::10");
inline const IpAddress asker4 = IpAddress::v4(192, 0, 2, 99);
inline const IpAddress asker6 = *IpAddress::parse("2001:db8::99");
inline const MacAddress asker_mac{{0x02, 0, 0, 0, 0, 0x99}};
inline const MacAddress rival_mac{{0x02, 0, 0, 0, 0, 0x66}};
inline const MacAddress own_mac{{0x02, 0, 0, 0, 0, 0x0a}};  // of v0

inline constexpr Duration patience = 300ms;      // for an answer that does come
inline constexpr Duration longest_silence = 5s;  // no test waits longer for the silence to end
inline constexpr Duration overlap = 40ms;        // a planned move must fit into it

inline Frame operator+(Frame frame, std::span<const std::byte> more) {
    frame.insert(frame.end(), more.begin(), more.end());
    return frame;
}
inline Frame bytes(std::initializer_list<unsigned> values) {
    Frame frame;
    for (const unsigned value : values) {
        frame.push_back(std::byte{static_cast<std::uint8_t>(value)});
    }
    return frame;
}
inline Frame bytes(const MacAddress& mac) {
    const auto raw = std::as_bytes(std::span{mac.bytes});
    return {raw.begin(), raw.end()};
}

inline Frame arp_request() {
    return bytes({255, 255, 255, 255, 255, 255}) + bytes(asker_mac) +
           bytes({8, 6, 0, 1, 8, 0, 6, 4, 0, 1}) + bytes(asker_mac) + asker4.bytes() +
           bytes(MacAddress{}) + vip4.bytes();
}

inline Frame icmpv6(const IpAddress& to, unsigned hop_limit, Frame message) {
    vrrp::Checksum checksum;
    checksum.add_pseudo_header(asker6, to, message.size(), IPPROTO_ICMPV6).add(message);
    message[2] = std::byte{static_cast<std::uint8_t>(checksum.value() >> 8U)};
    message[3] = std::byte{static_cast<std::uint8_t>(checksum.value() & 0xffU)};
    const auto size = static_cast<unsigned>(message.size());
    return bytes({255, 255, 255, 255, 255, 255}) + bytes(asker_mac) +
           bytes({0x86, 0xdd, 0x60, 0, 0, 0, 0, size, 58, hop_limit}) + asker6.bytes() +
           to.bytes() + message;
}

inline Frame neighbour_solicitation() {
    return icmpv6(
        vip6, 255,
        bytes({135, 0, 0, 0, 0, 0, 0, 0}) + vip6.bytes() + bytes({1, 1}) + bytes(asker_mac));
}

inline Frame echo_request6() {
    return icmpv6(vip6, 64, bytes({128, 0, 0, 0, 0, 1, 0, 1}));
}

inline Frame echo_request4() {
    Frame message = bytes({8, 0, 0, 0, 0, 1, 0, 1});
    Frame header = bytes({0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0}) + asker4.bytes() + vip4.bytes();
    for (auto [part, at] : {std::pair{&message, 2U}, std::pair{&header, 10U}}) {
        vrrp::Checksum checksum;
        checksum.add(*part);
        (*part)[at] = std::byte{static_cast<std::uint8_t>(checksum.value() >> 8U)};
        (*part)[at + 1] = std::byte{static_cast<std::uint8_t>(checksum.value() & 0xffU)};
    }
    return bytes({255, 255, 255, 255, 255, 255}) + bytes(asker_mac) + bytes({8, 0}) + header +
           message;
}

inline bool has_at(const Frame& frame, std::size_t at, std::initializer_list<unsigned> values) {
    const Frame wanted = bytes(values);
    return frame.size() >= at + wanted.size() &&
           std::equal(wanted.begin(), wanted.end(),
                      frame.begin() + static_cast<std::ptrdiff_t>(at));
}
inline bool is_arp_reply(const Frame& frame) {
    return has_at(frame, 12, {8, 6}) && has_at(frame, 20, {0, 2});
}
inline bool is_advertisement(const Frame& frame) {
    return has_at(frame, 12, {0x86, 0xdd}) && has_at(frame, 54, {136});
}
inline bool is_echo_reply4(const Frame& frame) {
    return has_at(frame, 12, {8, 0}) && has_at(frame, 23, {1}) && has_at(frame, 34, {0});
}
inline bool is_echo_reply6(const Frame& frame) {
    return has_at(frame, 12, {0x86, 0xdd}) && has_at(frame, 20, {58}) && has_at(frame, 54, {129});
}

// One end of a cable, with everything that comes out of it.
class Cable {
public:
    explicit Cable(const char* name)
        : index_(static_cast<int>(if_nametoindex(name))),
          fd_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL))) {
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(ETH_P_ALL);
        address.sll_ifindex = index_;
        ready_ = index_ > 0 &&
                 bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    bool is_ready() const { return ready_; }
    void write(std::span<const std::byte> frame) {
        EXPECT_EQ(send(fd_.get(), frame.data(), frame.size(), 0),
                  static_cast<ssize_t>(frame.size()));
    }
    // Whether a frame like that comes out within `time`.
    template <class Like>
    bool sees(Like&& like, Duration time) {
        const TimePoint until = boot_now() + time;
        for (TimePoint now = boot_now(); now < until; now = boot_now()) {
            pollfd wait{fd_.get(), POLLIN, 0};
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now);
            if (poll(&wait, 1, static_cast<int>(left.count())) <= 0) {
                continue;
            }
            Frame frame(2048);
            sockaddr_ll from{};
            socklen_t size = sizeof from;
            const ssize_t length = recvfrom(fd_.get(), frame.data(), frame.size(), MSG_DONTWAIT,
                                            reinterpret_cast<sockaddr*>(&from), &size);
            if (length <= 0 || from.sll_pkttype == PACKET_OUTGOING) {
                continue;
            }
            frame.resize(static_cast<std::size_t>(length));
            if (like(frame)) {
                return true;
            }
        }
        return false;
    }

private:
    int index_;
    FileDescriptor fd_;
    bool ready_ = false;
};

inline core::VipSettings vip_on_v0() {
    core::VipSettings vip;
    vip.name = "web";
    vip.interface = "v0";
    vip.addresses = {{IpPrefix{vip4, 24}, "v0"}, {IpPrefix{vip6, 64}, "v0"}};
    return vip;
}

// The agent's rules, in the namespace of the test.
class PacketRulesTest : public testing::Test {
protected:
    void SetUp() override {
        if (!isolated) {
            GTEST_SKIP() << "no network namespace to be had: this test needs root";
        }
        const int netfilter = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
        if (netfilter < 0) {
            GTEST_SKIP() << "the kernel lacks netfilter's netlink";
        }
        close(netfilter);
        ASSERT_EQ(try_install(vip_on_v0()), "");
        ASSERT_TRUE(ip("link add v0 address " + own_mac.to_string() + " type veth peer name v1"));
        ASSERT_TRUE(ip("link add w0 type veth peer name w1"));
        for (const std::string name : {"lo", "v1", "w1", "v0", "w0"}) {
            ASSERT_TRUE(ip("link set " + name + " up"));
        }
        ASSERT_TRUE(ip("address add 192.0.2.10/24 dev v0"));
        ASSERT_TRUE(ip("address add 2001:db8::10/64 dev v0 nodad"));
        // So that answers need no question of their own.
        const std::string mac = asker_mac.to_string();
        ASSERT_TRUE(ip("neighbour add 192.0.2.99 lladdr " + mac + " dev v0"));
        ASSERT_TRUE(ip("neighbour add 2001:db8::99 lladdr " + mac + " dev v0"));
    }

    std::string try_install(const core::VipSettings& vip) {
        core::Configuration configuration;
        configuration.vips = {vip};
        keeper.reset();
        keeper.emplace(configuration);
        return keeper->status().trouble;
    }
    void install(const core::VipSettings& vip) { ASSERT_EQ(try_install(vip), ""); }
    // This node gives both addresses away.
    void arm() {
        keeper->arm({{"v0", vip4, own_mac}, {"v0", vip6, own_mac}});
        ASSERT_TRUE(eventually([&] {
            return nft.elements(nft_arp, "armed").size() == 1 &&
                   nft.elements(nft_ipv6, "armed").size() == 1;
        }));
    }
    static bool eventually(const std::function<bool()>& condition, Duration time = 10s) {
        const TimePoint until = boot_now() + time;
        while (!condition()) {
            if (boot_now() > until) {
                return false;
            }
            std::this_thread::sleep_for(1ms);
        }
        return true;
    }
    static bool answers_arp(Cable& cable, Duration time = patience) {
        cable.write(arp_request());
        return cable.sees(is_arp_reply, time);
    }
    static bool answers_solicitation(Cable& cable, Duration time = patience) {
        cable.write(neighbour_solicitation());
        return cable.sees(is_advertisement, time);
    }
    // How long it takes until the question is answered again.
    template <class Ask>
    static Duration silence(Ask&& ask) {
        const TimePoint begin = boot_now();
        while (boot_now() < begin + longest_silence && !ask()) {
        }
        return boot_now() - begin;
    }
    bool is_quiet() { return !nft.elements(nft_arp, "quiet").empty(); }

    const bool isolated = unshare(CLONE_NEWNET) == 0;  // before there are sockets
    NftSocket nft;
    std::optional<RuleKeeper> keeper;
};

inline core::VipSettings closed_vip() {
    core::VipSettings vip = vip_on_v0();
    vip.accept = false;
    return vip;
}

}  // namespace understudy::host
