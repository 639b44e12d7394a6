// Whom a node hears that holds the owner's address, in a network namespace of each test's own.
#include "agent/host/owner_socket.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/host/vrrp_socket.hpp"
#include "tests/unit/host/ip_command.hpp"

namespace understudy::host {
namespace {

using Bytes = std::vector<std::uint8_t>;

const IpAddress owners_address = *IpAddress::parse("192.0.2.1");

void put_checksum(Bytes& bytes, std::size_t begin, std::size_t end, std::size_t at) {
    std::uint32_t sum = 0;
    for (std::size_t i = begin; i < end; i += 2) {
        sum += static_cast<std::uint32_t>(bytes[i] << 8U) + bytes[i + 1];
    }
    sum = (sum & 0xffffU) + (sum >> 16U);
    sum = ~((sum & 0xffffU) + (sum >> 16U));
    bytes[at] = static_cast<std::uint8_t>(sum >> 8U);
    bytes[at + 1] = static_cast<std::uint8_t>(sum);
}

// A frame with the padding that Ethernet asks for (RFC 9568 5.1, 5.2).
Bytes advertisement(std::uint8_t priority) {
    Bytes frame{0x01, 0,  0x5e, 0,  0,        0x12, 0x02, 0,   0, 0, 0,   1, 0x08, 0, 0x45, 0xc0,
                0,    32, 0,    0,  0,        0,    255,  112, 0, 0, 192, 0, 2,    1, 224,  0,
                0,    18, 0x31, 51, priority, 1,    0,    10,  0, 0, 192, 0, 2,    1};
    put_checksum(frame, 14, 34, 24);
    put_checksum(frame, 34, 46, 40);
    frame.resize(60);
    return frame;
}

class OwnerSocketTest : public testing::Test {
protected:
    void SetUp() override {
        if (unshare(CLONE_NEWNET) != 0) {
            GTEST_SKIP() << "no network namespace to be had: this test needs root";
        }
        ASSERT_TRUE(ip("link add v0 type veth peer name v1"));
        ASSERT_TRUE(ip("link set v1 up") && ip("link set v0 up"));
        ASSERT_TRUE(ip("address add 192.0.2.2/24 dev v0"));
        index_ = static_cast<core::InterfaceIndex>(if_nametoindex("v0"));
    }

    // As the agent does when it takes the address.
    void hold() {
        ASSERT_TRUE(ip("address add 192.0.2.1/24 dev v0"));
        seen_ = core::AddressSeen{.index = index_,
                                  .prefix = {owners_address, 24},
                                  .ours = true,
                                  .tentative = false,
                                  .age = {},
                                  .remaining = {}};
    }

    static void send(const std::string& interface, const Bytes& frame) {
        const FileDescriptor fd{socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)};
        sockaddr_ll to{};
        to.sll_family = AF_PACKET;
        to.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
        ASSERT_EQ(sendto(fd.get(), frame.data(), frame.size(), 0,
                         reinterpret_cast<const sockaddr*>(&to), sizeof to),
                  static_cast<ssize_t>(frame.size()));
    }

    // Everything up to an advertisement that nobody keeps back, which is not counted.
    static std::vector<std::size_t> heard(VrrpSockets& vrrp, const core::Listener& listener,
                                          int fd) {
        Bytes last = advertisement(100);
        last[29] = 99;
        last[24] = last[25] = 0;
        put_checksum(last, 14, 34, 24);
        send("v1", last);
        std::vector<std::size_t> sizes;
        bool complete = false;
        while (!complete) {
            pollfd ready{fd, POLLIN, 0};
            if (poll(&ready, 1, 5000) != 1) {
                ADD_FAILURE() << "the last advertisement does not come";
                break;
            }
            const auto count = [&](const core::Event& event) {
                const auto& received = std::get<core::DatagramReceived>(event);
                EXPECT_EQ(received.interface, listener.interface);
                if (received.datagram.source == owners_address) {
                    sizes.push_back(received.datagram.payload.size());
                } else {
                    complete = true;
                }
            };
            vrrp.receive_owners(count);
            vrrp.receive(listener, count);
        }
        return sizes;
    }

    std::vector<std::size_t> heard_of(const Bytes& frame, const std::string& interface = "v1") {
        const FileDescriptor owners = open_owner_socket();
        EXPECT_TRUE(owners.is_open());
        VrrpSockets sockets{owners.get()};
        const core::Listener listener{Family::ipv4, index_, true};
        auto opened = VrrpSocket::open(listener);
        EXPECT_TRUE(opened) << opened.error();
        const int fd = sockets.put(std::move(*opened));
        if (seen_) {
            sockets.observe(*seen_);
        }
        send(interface, frame);
        return heard(sockets, listener, fd);
    }

    using Sizes = std::vector<std::size_t>;
    core::InterfaceIndex index_ = 0;
    std::optional<core::AddressSeen> seen_;
};

TEST_F(OwnerSocketTest, TheOwnerIsHeardByWhoHoldsItsAddress) {
    hold();
    EXPECT_EQ(heard_of(advertisement(255)), Sizes{12});
}

TEST_F(OwnerSocketTest, TheOwnerIsHeardOnceByWhoDoesNot) {
    EXPECT_EQ(heard_of(advertisement(255)), Sizes{12});
}

TEST_F(OwnerSocketTest, WhatUnderstudyDidNotPutHereIsThisNodesOwn) {
    ASSERT_TRUE(ip("address add 192.0.2.1/24 dev v0"));
    EXPECT_EQ(heard_of(advertisement(255)), Sizes{});
}

TEST_F(OwnerSocketTest, NobodyButAnOwner) {
    hold();
    EXPECT_EQ(heard_of(advertisement(254)), Sizes{});
}

TEST_F(OwnerSocketTest, NotWhatThisNodeSends) {
    hold();
    EXPECT_EQ(heard_of(advertisement(255), "v0"), Sizes{});
}

TEST_F(OwnerSocketTest, NotWhereNobodyListens) {
    hold();
    ASSERT_TRUE(ip("link add w0 type veth peer name w1"));
    ASSERT_TRUE(ip("link set w1 up") && ip("link set w0 up"));
    EXPECT_EQ(heard_of(advertisement(255), "w1"), Sizes{});
}

TEST_F(OwnerSocketTest, NotWhatTheIpLayerWouldDiscard) {
    hold();
    Bytes wrong = advertisement(255);
    wrong[24] ^= 0x55U;
    EXPECT_EQ(heard_of(wrong), Sizes{}) << "checksum of the header";
    Bytes fragment = advertisement(255);
    fragment[20] = 0x20;
    fragment[24] = fragment[25] = 0;
    put_checksum(fragment, 14, 34, 24);
    EXPECT_EQ(heard_of(fragment), Sizes{}) << "more fragments";
    Bytes longer = advertisement(255);
    longer[17] = 200;
    longer[24] = longer[25] = 0;
    put_checksum(longer, 14, 34, 24);
    EXPECT_EQ(heard_of(longer), Sizes{}) << "longer than its frame";
}

TEST_F(OwnerSocketTest, AnAddressThatIsGoneIsNotHeld) {
    hold();
    HeldAddresses held;
    held.observe(*seen_);
    EXPECT_TRUE(held.contain(owners_address));
    held.observe(core::AddressGone{index_, {owners_address, 24}});
    EXPECT_FALSE(held.contain(owners_address));
}

}  // namespace
}  // namespace understudy::host
