// Messages as the kernel writes them, and such as it never would.
#include "agent/host/kernel_messages.hpp"

#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/host/kernel_monitor.hpp"

namespace understudy::host {
namespace {

using Bytes = std::vector<std::byte>;

template <class Value>
Bytes bytes_of(const Value& value) {
    const auto bytes = std::as_bytes(std::span{&value, 1});
    return {bytes.begin(), bytes.end()};
}

Bytes attribute(int type, const Bytes& value) {
    rtattr header{};
    header.rta_type = static_cast<unsigned short>(type);
    header.rta_len = static_cast<unsigned short>(RTA_LENGTH(value.size()));
    Bytes bytes = bytes_of(header);
    bytes.insert(bytes.end(), value.begin(), value.end());
    bytes.resize(RTA_ALIGN(bytes.size()));
    return bytes;
}

Bytes text(std::string_view text) {
    const auto bytes = std::as_bytes(std::span{text});
    return {bytes.begin(), bytes.end()};
}

Bytes message(int type, const Bytes& header, const std::vector<Bytes>& attributes) {
    Bytes body = header;
    for (const Bytes& each : attributes) {
        body.insert(body.end(), each.begin(), each.end());
    }
    nlmsghdr head{};
    head.nlmsg_type = static_cast<std::uint16_t>(type);
    head.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(body.size()));
    Bytes whole = bytes_of(head);
    whole.insert(whole.end(), body.begin(), body.end());
    whole.shrink_to_fit();
    return whole;
}

Bytes address(std::uint8_t length, const std::vector<Bytes>& attributes) {
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    header.ifa_prefixlen = length;
    header.ifa_index = 2;
    return message(RTM_NEWADDR, bytes_of(header), attributes);
}

std::vector<core::Event> read(const Bytes& datagram) {
    std::vector<core::Event> events;
    report_messages(datagram, [&](const core::Event& event) { events.push_back(event); });
    return events;
}

const Bytes local = attribute(IFA_LOCAL, bytes_of(std::uint32_t{0x0a0200c0}));  // 192.0.2.10

TEST(KernelMessages, AnAddressOfOurs) {
    ifa_cacheinfo lifetimes{};
    lifetimes.ifa_valid = 7;
    const auto events = read(address(24, {local, attribute(11, bytes_of(address_protocol)),
                                          attribute(IFA_CACHEINFO, bytes_of(lifetimes))}));
    ASSERT_EQ(events.size(), 1U);
    const auto& seen = std::get<core::AddressSeen>(events.front());
    EXPECT_EQ(seen.index, 2);
    EXPECT_EQ(seen.prefix.to_string(), "192.0.2.10/24");
    EXPECT_TRUE(seen.ours);
    EXPECT_EQ(seen.remaining, std::chrono::seconds{7});
}

// The older field of the header has eight of the flags.
std::string flags_of(std::uint32_t flags, bool in_header = false) {
    Bytes datagram =
        address(24, in_header ? std::vector<Bytes>{local}
                              : std::vector<Bytes>{local, attribute(IFA_FLAGS, bytes_of(flags))});
    if (in_header) {
        datagram.at(NLMSG_HDRLEN + offsetof(ifaddrmsg, ifa_flags)) = static_cast<std::byte>(flags);
    }
    const auto events = read(datagram);
    const auto& seen = std::get<core::AddressSeen>(events.at(0));
    return std::string{seen.tentative ? " tentative" : ""} + (seen.duplicate ? " duplicate" : "") +
           (seen.deprecated ? " deprecated" : "") + (seen.secondary ? " secondary" : "");
}

TEST(KernelMessages, TheFlagsThatMatterForASource) {
    EXPECT_EQ(flags_of(IFA_F_PERMANENT | IFA_F_NODAD | IFA_F_MANAGETEMPADDR), "");
    EXPECT_EQ(flags_of(IFA_F_STABLE_PRIVACY | IFA_F_NOPREFIXROUTE), "");
    EXPECT_EQ(flags_of(IFA_F_PERMANENT | IFA_F_TENTATIVE), " tentative");
    EXPECT_EQ(flags_of(IFA_F_DEPRECATED), " deprecated");
    EXPECT_EQ(flags_of(IFA_F_TEMPORARY), " secondary");
    EXPECT_EQ(flags_of(IFA_F_TEMPORARY | IFA_F_DEPRECATED), " deprecated secondary");
    EXPECT_EQ(flags_of(IFA_F_SECONDARY | IFA_F_PERMANENT, true), " secondary");
    EXPECT_EQ(flags_of(IFA_F_DEPRECATED, true), " deprecated");
    // Used before detection has ended, but not for what has a choice (RFC 4429 3.2).
    EXPECT_EQ(flags_of(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC), " deprecated");
    // The kernel leaves such an address tentative for ever.
    EXPECT_EQ(flags_of(IFA_F_TENTATIVE | IFA_F_DADFAILED), " tentative duplicate");
}

// In a network namespace of its own: how old the kernel says that a new address is.
std::optional<Duration> age_of_a_new_address() {
    if (unshare(CLONE_NEWNET) != 0 ||
        std::system("ip link set lo up && ip address add 192.0.2.10/32 dev lo valid_lft 100 "
                    "preferred_lft 100") != 0) {
        return std::nullopt;
    }
    std::optional<Duration> age;
    KernelMonitor monitor;
    monitor.observe_all([&](const core::Event& event) {
        const auto* seen = std::get_if<core::AddressSeen>(&event);
        if (seen != nullptr && seen->prefix.to_string() == "192.0.2.10/32") {
            age = seen->age;
        }
    });
    return age;
}

// An agent with short intervals adopts addresses only if they are young.
TEST(KernelMessages, ANewAddressIsNew) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "no network namespace to be had: this test needs root";
    }
    constexpr int is_new = 9;
    const pid_t child = fork();
    if (child == 0) {
        const auto age = age_of_a_new_address();
        _exit(age && *age < std::chrono::milliseconds{100} ? is_new : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), is_new);
}

TEST(KernelMessages, ALink) {
    ifinfomsg header{};
    header.ifi_index = 3;
    const auto events = read(message(RTM_NEWLINK, bytes_of(header),
                                     {attribute(IFLA_IFNAME, text(std::string_view{"eth0", 5}))}));
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(std::get<core::LinkSeen>(events.front()).name, "eth0");
}

Bytes route(int type, std::uint8_t family, std::uint8_t kind, std::uint8_t length,
            const Bytes& destination) {
    rtmsg header{};
    header.rtm_family = family;
    header.rtm_type = kind;
    header.rtm_dst_len = length;
    return message(type, bytes_of(header), {attribute(RTA_DST, destination)});
}

std::vector<std::string> read_local_routes(const Bytes& datagram) {
    std::vector<std::string> addresses;
    report_local_routes(
        datagram, [&](const IpAddress& address) { addresses.push_back(address.to_string()); });
    return addresses;
}

TEST(KernelMessages, ALocalRoute) {
    const auto parsed = *IpAddress::parse("2001:db8::10");
    const auto raw = parsed.bytes();
    const Bytes address{raw.begin(), raw.end()};
    const Bytes cut{raw.begin(), raw.begin() + 12};
    const std::vector<std::string> found{"2001:db8::10"};
    EXPECT_EQ(read_local_routes(route(RTM_NEWROUTE, AF_INET6, RTN_LOCAL, 128, address)), found);

    EXPECT_TRUE(read_local_routes(route(RTM_DELROUTE, AF_INET6, RTN_LOCAL, 128, address)).empty());
    EXPECT_TRUE(read_local_routes(route(RTM_NEWROUTE, AF_INET, RTN_LOCAL, 128, address)).empty());
    EXPECT_TRUE(
        read_local_routes(route(RTM_NEWROUTE, AF_INET6, RTN_UNICAST, 128, address)).empty());
    EXPECT_TRUE(read_local_routes(route(RTM_NEWROUTE, AF_INET6, RTN_LOCAL, 64, address)).empty());
    EXPECT_TRUE(read_local_routes(route(RTM_NEWROUTE, AF_INET6, RTN_LOCAL, 128, cut)).empty());
    EXPECT_TRUE(read_local_routes(message(RTM_NEWROUTE, {}, {})).empty());
}

// --- what is refused: read, it would be memory that is not the message's -------------------------

TEST(KernelMessages, TooShortForItsHeader) {
    EXPECT_TRUE(read(message(RTM_NEWADDR, {}, {})).empty());
    EXPECT_TRUE(read(message(RTM_DELADDR, {}, {})).empty());
    EXPECT_TRUE(read(message(RTM_NEWLINK, {}, {})).empty());
    EXPECT_TRUE(read(message(RTM_DELLINK, {}, {})).empty());
}

TEST(KernelMessages, AttributesThatAreTooShort) {
    EXPECT_TRUE(read(address(24, {local, attribute(11, {})})).empty());
    EXPECT_TRUE(read(address(24, {local, attribute(IFA_FLAGS, text("xx"))})).empty());
}

TEST(KernelMessages, ANameWithoutAnEnd) {
    EXPECT_TRUE(
        read(message(RTM_NEWLINK, bytes_of(ifinfomsg{}), {attribute(IFLA_IFNAME, text("abcd"))}))
            .empty());
}

TEST(KernelMessages, APrefixLongerThanItsAddress) {
    EXPECT_TRUE(read(address(33, {local})).empty());
}

}  // namespace
}  // namespace understudy::host
