// Who is asked for its MAC, from where, in a network namespace of each test's own.
#include "agent/host/introduction.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "agent/host/announcement.hpp"
#include "tests/unit/host/ip_command.hpp"

namespace understudy::host {
namespace {

using Lines = std::vector<std::string>;

class IntroductionTest : public testing::Test {
protected:
    void SetUp() override {
        if (unshare(CLONE_NEWNET) != 0) {
            GTEST_SKIP() << "no network namespace to be had: this test needs root";
        }
        ASSERT_TRUE(ip("link add v0 type veth peer name v1"));
        ASSERT_TRUE(ip("link set v1 arp off up") && ip("link set v0 up"));
        ASSERT_TRUE(ip("address add 192.0.2.1/24 dev v0"));
        index_ = static_cast<core::InterfaceIndex>(if_nametoindex("v0"));
        ear_ = FileDescriptor{socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)};
        sockaddr_ll place{};
        place.sll_family = AF_PACKET;
        place.sll_protocol = htons(ETH_P_ARP);
        place.sll_ifindex = static_cast<int>(if_nametoindex("v1"));
        ASSERT_EQ(bind(ear_.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place), 0);
    }

    // What ARP requests are on the cable, each as "SOURCE asks for TARGET".
    Lines asked(const std::vector<std::string>& peers, const std::string& source = "",
                const std::string& interface = "v0") {
        core::Configuration configuration;
        core::VipSettings& vip = configuration.vips.emplace_back();
        vip.interface = interface;
        for (const std::string& peer : peers) {
            vip.unicast_peers.push_back(*IpAddress::parse(peer));
        }
        if (!source.empty()) {
            vip.unicast_sources.push_back(*IpAddress::parse(source));
        }
        const FileDescriptor frames = open_frame_socket();
        Introduction introduction{frames.get()};
        for (const core::Event& event : told_) {
            introduction.has_come(event);
        }
        introduction.introduce(configuration, introduction.kernel(), held_, index_, Family::ipv4);
        const IpAddress end = *IpAddress::parse("203.0.113.9");
        const AnnouncementSender sender{frames.get()};
        const core::Announce last{index_, MacAddress{{2, 0, 0, 0, 0, 1}}, end};
        sender.send({&last, 1}, SeenLinks{});
        Lines lines;
        while (true) {
            pollfd ready{ear_.get(), POLLIN, 0};
            std::array<std::byte, 100> frame{};
            if (poll(&ready, 1, 5000) != 1 ||
                recv(ear_.get(), frame.data(), frame.size(), 0) < 42) {
                ADD_FAILURE() << "the last frame does not come";
                return lines;
            }
            const std::span bytes{frame};
            const auto from = IpAddress::from_bytes(bytes.subspan(28, 4));  // RFC 826
            if (from == end) {
                return lines;
            }
            lines.push_back(from.to_string() + " asks for " +
                            IpAddress::from_bytes(bytes.subspan(38, 4)).to_string());
        }
    }

    FileDescriptor ear_;
    core::InterfaceIndex index_ = 0;
    HeldAddresses held_;
    std::vector<core::Event> told_;
};

TEST_F(IntroductionTest, EachPeerOnTheLinkIsAskedOnce) {
    const Lines both{"192.0.2.1 asks for 192.0.2.2", "192.0.2.1 asks for 192.0.2.3"};
    EXPECT_EQ(asked({"192.0.2.2", "192.0.2.3", "192.0.2.2"}), both);
    EXPECT_EQ(asked({"192.0.2.2"}, "", "v1"), Lines{}) << "another interface";
}

TEST_F(IntroductionTest, ManyPeers) {
    std::vector<std::string> peers;
    for (int i = 2; i <= 250; ++i) {
        peers.push_back("192.0.2." + std::to_string(i));
    }
    EXPECT_EQ(asked(peers).size(), peers.size());
}

TEST_F(IntroductionTest, TheRouterIsAskedForAPeerBehindIt) {
    EXPECT_EQ(asked({"198.51.100.7"}), Lines{"192.0.2.1 asks for 198.51.100.7"}) << "no route";
    ASSERT_TRUE(ip("route add 198.51.100.0/24 via 192.0.2.254"));
    EXPECT_EQ(asked({"198.51.100.7"}), Lines{"192.0.2.1 asks for 192.0.2.254"});
}

// The kernel would ask from 192.0.2.1, of which the peers know nothing.
TEST_F(IntroductionTest, FromTheSourceOfTheAdvertisements) {
    ASSERT_TRUE(ip("address add 192.0.2.5/24 dev v0"));
    core::AddressSeen seen;
    seen.index = index_;
    seen.prefix = *IpPrefix::parse("192.0.2.1/24");
    seen.deprecated = true;
    told_.emplace_back(seen);
    seen.prefix = *IpPrefix::parse("192.0.2.5/24");
    seen.deprecated = false;
    told_.emplace_back(seen);
    EXPECT_EQ(asked({"192.0.2.2"}), Lines{"192.0.2.5 asks for 192.0.2.2"});
}

TEST_F(IntroductionTest, FromTheConfiguredSource) {
    ASSERT_TRUE(ip("address add 192.0.2.5/24 dev v0"));
    EXPECT_EQ(asked({"192.0.2.2"}, "192.0.2.5"), Lines{"192.0.2.5 asks for 192.0.2.2"});
}

// It may be somebody else's by now, whom nobody would find any more.
TEST_F(IntroductionTest, NeverFromAnAddressThatIsNotHere) {
    EXPECT_EQ(asked({"192.0.2.2"}, "192.0.2.5"), Lines{});
}

TEST_F(IntroductionTest, NeverFromAnAddressThatMoves) {
    held_.observe(core::AddressSeen{.index = index_,
                                    .prefix = {*IpAddress::parse("192.0.2.1"), 24},
                                    .ours = true,
                                    .tentative = false,
                                    .age = {},
                                    .remaining = {}});
    EXPECT_EQ(asked({"192.0.2.2"}), Lines{});
}

// The kernel tells again of each address whose lifetime is prolonged.
TEST_F(IntroductionTest, AnAddressComesOnce) {
    const FileDescriptor frames = open_frame_socket();
    Introduction introduction{frames.get()};
    const auto seen = [&](bool ours, bool tentative) {
        return introduction.has_come(core::AddressSeen{.index = index_,
                                                       .prefix = {*IpAddress::parse("fe80::1"), 64},
                                                       .ours = ours,
                                                       .tentative = tentative,
                                                       .age = {},
                                                       .remaining = {}});
    };
    EXPECT_FALSE(seen(true, false)) << "a virtual one";
    EXPECT_FALSE(seen(false, true));
    EXPECT_TRUE(seen(false, false));
    EXPECT_FALSE(seen(false, false));
    introduction.has_come(core::AddressGone{index_, {*IpAddress::parse("fe80::1"), 64}});
    EXPECT_TRUE(seen(false, false));
    introduction.has_come(core::LinkGone{index_});
    EXPECT_TRUE(seen(false, false));
    introduction.has_come(core::ObservationStarted{});
    EXPECT_TRUE(seen(false, false));
}

TEST_F(IntroductionTest, ThePeerIsThisNodeItself) {
    EXPECT_EQ(asked({"192.0.2.1"}), Lines{});
}

}  // namespace
}  // namespace understudy::host
