// The kernel's own behaviour under the rules: a virtual address on v0, and frames written to and
// read from v1, the other end of the cable, in a network namespace of each test's own.
#include "agent/host/arp_quiet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "agent/host/announcement.hpp"
#include "agent/host/boot_clock.hpp"
#include "agent/host/file_descriptor.hpp"
#include "agent/host/quiet_flush.hpp"
#include "tests/unit/host/ip_command.hpp"
#include "vrrp/checksum.hpp"

namespace understudy::host {
namespace {

using namespace std::chrono_literals;
using Frame = std::vector<std::byte>;

const IpAddress vip4 = IpAddress::v4(192, 0, 2, 10);
const IpAddress vip6 = *IpAddress::parse("2001:db8::10");
const IpAddress asker4 = IpAddress::v4(192, 0, 2, 99);
const IpAddress asker6 = *IpAddress::parse("2001:db8::99");
const MacAddress asker_mac{{0x02, 0, 0, 0, 0, 0x99}};
const MacAddress rival_mac{{0x02, 0, 0, 0, 0, 0x66}};

constexpr Duration patience = 300ms;          // for an answer that does come
constexpr Duration longest_silence = 5s;      // no test waits longer for the silence to end
constexpr Duration shortest_silence = 150ms;  // a planned move must fit into it

Frame operator+(Frame frame, std::span<const std::byte> more) {
    frame.insert(frame.end(), more.begin(), more.end());
    return frame;
}
Frame bytes(std::initializer_list<unsigned> values) {
    Frame frame;
    for (const unsigned value : values) {
        frame.push_back(std::byte{static_cast<std::uint8_t>(value)});
    }
    return frame;
}
Frame bytes(const MacAddress& mac) {
    const auto raw = std::as_bytes(std::span{mac.bytes});
    return {raw.begin(), raw.end()};
}

Frame arp_request() {
    return bytes({255, 255, 255, 255, 255, 255}) + bytes(asker_mac) +
           bytes({8, 6, 0, 1, 8, 0, 6, 4, 0, 1}) + bytes(asker_mac) + asker4.bytes() +
           bytes(MacAddress{}) + vip4.bytes();
}

Frame icmpv6(const IpAddress& to, unsigned hop_limit, Frame message) {
    vrrp::Checksum checksum;
    checksum.add_pseudo_header(asker6, to, message.size(), IPPROTO_ICMPV6).add(message);
    message[2] = std::byte{static_cast<std::uint8_t>(checksum.value() >> 8U)};
    message[3] = std::byte{static_cast<std::uint8_t>(checksum.value() & 0xffU)};
    const auto size = static_cast<unsigned>(message.size());
    return bytes({255, 255, 255, 255, 255, 255}) + bytes(asker_mac) +
           bytes({0x86, 0xdd, 0x60, 0, 0, 0, 0, size, 58, hop_limit}) + asker6.bytes() +
           to.bytes() + message;
}

Frame neighbour_solicitation() {
    return icmpv6(
        vip6, 255,
        bytes({135, 0, 0, 0, 0, 0, 0, 0}) + vip6.bytes() + bytes({1, 1}) + bytes(asker_mac));
}

Frame echo_request6() {
    return icmpv6(vip6, 64, bytes({128, 0, 0, 0, 0, 1, 0, 1}));
}

Frame echo_request4() {
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

bool has_at(const Frame& frame, std::size_t at, std::initializer_list<unsigned> values) {
    const Frame wanted = bytes(values);
    return frame.size() >= at + wanted.size() &&
           std::equal(wanted.begin(), wanted.end(),
                      frame.begin() + static_cast<std::ptrdiff_t>(at));
}
bool is_arp_reply(const Frame& frame) {
    return has_at(frame, 12, {8, 6}) && has_at(frame, 20, {0, 2});
}
bool is_advertisement(const Frame& frame) {
    return has_at(frame, 12, {0x86, 0xdd}) && has_at(frame, 54, {136});
}
bool is_echo_reply4(const Frame& frame) {
    return has_at(frame, 12, {8, 0}) && has_at(frame, 23, {1}) && has_at(frame, 34, {0});
}
bool is_echo_reply6(const Frame& frame) {
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

core::VipSettings vip_on_v0() {
    core::VipSettings vip;
    vip.name = "web";
    vip.interface = "v0";
    vip.addresses = {{IpPrefix{vip4, 24}, "v0"}, {IpPrefix{vip6, 64}, "v0"}};
    return vip;
}

class ArpQuietTest : public testing::Test {
protected:
    void SetUp() override {
        if (unshare(CLONE_NEWNET) != 0) {
            GTEST_SKIP() << "no network namespace to be had: this test needs root";
        }
        if (const std::string error = try_install(vip_on_v0()); !error.empty()) {
            GTEST_SKIP() << "nftables does not work here: " << error;
        }
        ASSERT_TRUE(ip("link add v0 type veth peer name v1"));
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

    static std::string try_install(const core::VipSettings& vip) {
        core::Configuration configuration;
        configuration.vips = {vip};
        return install_arp_quiet(configuration);
    }
    static void install(const core::VipSettings& vip) { ASSERT_EQ(try_install(vip), ""); }
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
};

TEST_F(ArpQuietTest, WithoutARivalEveryQuestionIsAnswered) {
    install(vip_on_v0());
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    EXPECT_TRUE(answers_arp(cable));
    EXPECT_TRUE(answers_solicitation(cable));
}

TEST_F(ArpQuietTest, ArpIsNotAnsweredForAWhileAfterARivalAnnouncedTheAddress) {
    install(vip_on_v0());
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(gratuitous_arp(rival_mac, vip4));
    EXPECT_FALSE(answers_arp(cable, shortest_silence));
    EXPECT_LT(silence([&] { return answers_arp(cable, 50ms); }), longest_silence);
}

TEST_F(ArpQuietTest, SolicitationsAreNotAnsweredForAWhileAfterARivalAnnouncedTheAddress) {
    install(vip_on_v0());
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(unsolicited_advertisement(rival_mac, vip6, false));
    EXPECT_FALSE(answers_solicitation(cable, shortest_silence));
    EXPECT_LT(silence([&] { return answers_solicitation(cable, 50ms); }), longest_silence);
}

TEST_F(ArpQuietTest, OurOwnAnnouncementDoesNotSilenceUs) {
    install(vip_on_v0());
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    const FileDescriptor frames = open_frame_socket();
    AnnouncementSender sender{frames.get()};
    const auto index = static_cast<core::InterfaceIndex>(if_nametoindex("v0"));
    sender.queue({index, MacAddress{{0x02, 0, 0, 0, 0, 1}}, vip4});
    sender.queue({index, MacAddress{{0x02, 0, 0, 0, 0, 1}}, vip6});
    sender.flush();
    EXPECT_TRUE(answers_arp(cable));
    EXPECT_TRUE(answers_solicitation(cable));
}

TEST_F(ArpQuietTest, AnAnnouncementOfAnotherAddressIsNothingToUs) {
    install(vip_on_v0());
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(gratuitous_arp(rival_mac, IpAddress::v4(192, 0, 2, 11)));
    cable.write(unsolicited_advertisement(rival_mac, *IpAddress::parse("2001:db8::11"), false));
    EXPECT_TRUE(answers_arp(cable));
    EXPECT_TRUE(answers_solicitation(cable));
}

// Another network may use the same addresses, or somebody there may only pretend to.
TEST_F(ArpQuietTest, AnAnnouncementOnAnotherInterfaceIsNothingToUs) {
    install(vip_on_v0());
    Cable cable{"v1"};
    Cable elsewhere{"w1"};
    ASSERT_TRUE(cable.is_ready() && elsewhere.is_ready());
    elsewhere.write(gratuitous_arp(rival_mac, vip4));
    elsewhere.write(unsolicited_advertisement(rival_mac, vip6, false));
    EXPECT_TRUE(answers_arp(cable));
    EXPECT_TRUE(answers_solicitation(cable));
}

TEST_F(ArpQuietTest, WhatIsAddressedToAVipIsAccepted) {
    install(vip_on_v0());
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(echo_request4());
    EXPECT_TRUE(cable.sees(is_echo_reply4, patience));
    cable.write(echo_request6());
    EXPECT_TRUE(cable.sees(is_echo_reply6, patience));
}

// RFC 9568 6.1: Accept_Mode does not concern Neighbour Discovery; ARP is no IP packet.
TEST_F(ArpQuietTest, WithoutAcceptModeOnlyNeighbourDiscoveryIsAnswered) {
    core::VipSettings vip = vip_on_v0();
    vip.accept = false;
    install(vip);
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(echo_request4());
    EXPECT_FALSE(cable.sees(is_echo_reply4, patience));
    cable.write(echo_request6());
    EXPECT_FALSE(cable.sees(is_echo_reply6, patience));
    EXPECT_TRUE(answers_arp(cable));
    EXPECT_TRUE(answers_solicitation(cable));
}

TEST_F(ArpQuietTest, TheOwnerOfTheAddressAlwaysAccepts) {
    core::VipSettings vip = vip_on_v0();
    vip.accept = false;
    vip.priority = vrrp::owner_priority;
    install(vip);
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(echo_request4());
    EXPECT_TRUE(cable.sees(is_echo_reply4, patience));
    cable.write(echo_request6());
    EXPECT_TRUE(cable.sees(is_echo_reply6, patience));
}

TEST_F(ArpQuietTest, AClaimEndsTheSilenceOfBothFamilies) {
    install(vip_on_v0());
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    QuietFlush quiet;
    cable.write(gratuitous_arp(rival_mac, vip4));
    cable.write(unsolicited_advertisement(rival_mac, vip6, false));
    ASSERT_FALSE(answers_arp(cable, 20ms));
    ASSERT_FALSE(answers_solicitation(cable, 20ms));
    quiet.flush();
    EXPECT_TRUE(answers_arp(cable, shortest_silence));
    EXPECT_TRUE(answers_solicitation(cable, shortest_silence));
    cable.write(gratuitous_arp(rival_mac, vip4));
    EXPECT_FALSE(answers_arp(cable, 20ms));  // and the next rival is heard again
}

TEST_F(ArpQuietTest, AFamilyWithoutAVipDoesNotKeepTheOtherSilent) {
    core::VipSettings vip = vip_on_v0();
    vip.addresses.erase(vip.addresses.begin());
    install(vip);
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    QuietFlush quiet;
    cable.write(unsolicited_advertisement(rival_mac, vip6, false));
    ASSERT_FALSE(answers_solicitation(cable, 20ms));
    quiet.flush();
    EXPECT_TRUE(answers_solicitation(cable, shortest_silence));
}

// In the loop, before an announcement: no file is read and no socket made, which a process without
// a free descriptor could not do.
TEST_F(ArpQuietTest, AClaimOpensNothing) {
    install(vip_on_v0());
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    QuietFlush quiet;
    cable.write(gratuitous_arp(rival_mac, vip4));
    ASSERT_FALSE(answers_arp(cable, 20ms));
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none{0, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    quiet.flush();
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_TRUE(answers_arp(cable, shortest_silence));
}

TEST_F(ArpQuietTest, WhatWasInstalledIsReplacedAndRemoved) {
    core::VipSettings vip = vip_on_v0();
    vip.accept = false;
    install(vip);
    install(vip);
    remove_arp_quiet();
    remove_arp_quiet();
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(gratuitous_arp(rival_mac, vip4));
    EXPECT_TRUE(answers_arp(cable));
    cable.write(echo_request4());
    EXPECT_TRUE(cable.sees(is_echo_reply4, patience));
}

TEST_F(ArpQuietTest, TheLargestConfigurationIsInstalled) {
    core::VipSettings vip = vip_on_v0();
    for (std::size_t i = vip.addresses.size(); i < core::most_addresses_per_vip; ++i) {
        const auto address = IpAddress::v4(10, 0, static_cast<std::uint8_t>(i / 256),
                                           static_cast<std::uint8_t>(i % 256));
        vip.addresses.push_back({IpPrefix{address, 32}, "v0"});
    }
    install(vip);
    Cable cable{"v1"};
    ASSERT_TRUE(cable.is_ready());
    cable.write(gratuitous_arp(rival_mac, vip4));
    EXPECT_FALSE(answers_arp(cable, shortest_silence));
}

}  // namespace
}  // namespace understudy::host
