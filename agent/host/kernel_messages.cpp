#include "agent/host/kernel_messages.hpp"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <sys/socket.h>
#include <sys/times.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>

#include "agent/host/boot_clock.hpp"
#include "agent/host/kernel_monitor.hpp"

namespace understudy::host {

namespace {

constexpr int attribute_protocol = 11;  // IFA_PROTO, newer than Debian 12's libnl

// How long these have to be to be read; a name has to end. A message of another kind is not read.
nla_policy at_least(std::uint16_t type) {
    nla_policy policy{};
    policy.type = type;
    return policy;
}

std::span<const std::byte> payload_of(const nlattr* attribute) {
    return {static_cast<const std::byte*>(nla_data(attribute)),
            static_cast<std::size_t>(nla_len(attribute))};
}

// Now, in the kernel's ticks since boot as hundredths of a second. They lag behind CLOCK_MONOTONIC
// by some part of a second that the boot took, which is too much where addresses are renewed ten
// times a second. times(2) tells them, counted from five minutes before 2^32 ticks.
std::int64_t ticks_now() {
    using Hundredths = std::chrono::duration<std::int64_t, std::centi>;
    constexpr std::int64_t most_lag = 1000;
    const std::int64_t uptime = std::chrono::floor<Hundredths>(read_clock(CLOCK_MONOTONIC)).count();
    const std::int64_t ticks = times(nullptr);
    std::int64_t nearest = uptime;
    std::int64_t least = most_lag;
    for (const std::int64_t rate : {100, 250, 300, 1000}) {
        const std::int64_t start = ((std::int64_t{1} << 32) - 300 * rate) * 100 / rate;
        const std::int64_t lag = std::abs(ticks - start - uptime);
        if (lag < least) {
            least = lag;
            nearest = ticks - start;
        }
    }
    return nearest;
}

// The time stamp does not count the time suspended.
Duration age_of(const ifa_cacheinfo& lifetimes) {
    return std::chrono::milliseconds{10} *
           std::max(ticks_now() - std::int64_t{lifetimes.tstamp}, std::int64_t{0});
}

void report_address(const nlmsghdr* message, const EventSink& sink) {
    if (nlmsg_valid_hdr(message, sizeof(ifaddrmsg)) == 0) {
        return;
    }
    const auto* header = static_cast<const ifaddrmsg*>(nlmsg_data(message));
    if (header->ifa_family != AF_INET && header->ifa_family != AF_INET6) {
        return;
    }
    const std::size_t size =
        address_size(header->ifa_family == AF_INET ? Family::ipv4 : Family::ipv6);
    nlattr* table[attribute_protocol + 1] = {};
    nla_policy policy[attribute_protocol + 1] = {};
    policy[IFA_FLAGS] = at_least(NLA_U32);
    policy[attribute_protocol] = at_least(NLA_U8);
    if (header->ifa_prefixlen > 8 * size ||
        nlmsg_parse(const_cast<nlmsghdr*>(message), sizeof(ifaddrmsg), table, attribute_protocol,
                    policy) < 0) {
        return;
    }
    // IPv4 with a peer: IFA_LOCAL is the address; IPv6 has IFA_ADDRESS only.
    const nlattr* local = table[IFA_LOCAL] != nullptr ? table[IFA_LOCAL] : table[IFA_ADDRESS];
    if (local == nullptr || payload_of(local).size() != size) {
        return;
    }
    const IpPrefix prefix{IpAddress::from_bytes(payload_of(local)), header->ifa_prefixlen};
    const auto index = static_cast<core::InterfaceIndex>(header->ifa_index);
    if (message->nlmsg_type == RTM_DELADDR) {
        sink(core::AddressGone{index, prefix});
        return;
    }
    core::AddressSeen seen;
    seen.index = index;
    seen.prefix = prefix;
    const nlattr* protocol = table[attribute_protocol];
    seen.ours = protocol != nullptr && nla_get_u8(protocol) == address_protocol;
    const std::uint32_t flags =
        table[IFA_FLAGS] != nullptr ? nla_get_u32(table[IFA_FLAGS]) : header->ifa_flags;
    seen.duplicate = (flags & IFA_F_DADFAILED) != 0;
    seen.tentative = (flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)) == IFA_F_TENTATIVE;
    seen.deprecated = (flags & (IFA_F_DEPRECATED | IFA_F_OPTIMISTIC)) != 0;
    static_assert(IFA_F_SECONDARY == IFA_F_TEMPORARY);
    seen.secondary = (flags & IFA_F_SECONDARY) != 0;
    if (const nlattr* cache = table[IFA_CACHEINFO];
        cache != nullptr && payload_of(cache).size() >= sizeof(ifa_cacheinfo)) {
        ifa_cacheinfo lifetimes{};
        std::memcpy(&lifetimes, nla_data(cache), sizeof lifetimes);
        seen.age = age_of(lifetimes);
        if (lifetimes.ifa_valid != UINT32_MAX) {
            seen.remaining = std::chrono::seconds{lifetimes.ifa_valid};
        }
    }
    sink(seen);
}

void report_link(const nlmsghdr* message, const EventSink& sink) {
    if (nlmsg_valid_hdr(message, sizeof(ifinfomsg)) == 0) {
        return;
    }
    const auto* header = static_cast<const ifinfomsg*>(nlmsg_data(message));
    if (message->nlmsg_type == RTM_DELLINK) {
        // A bridge reports a port that leaves it in this way too, with its own family.
        if (header->ifi_family == AF_UNSPEC) {
            sink(core::LinkGone{header->ifi_index});
        }
        return;
    }
    nlattr* table[IFLA_MAX + 1] = {};
    nla_policy policy[IFLA_MAX + 1] = {};
    policy[IFLA_IFNAME] = at_least(NLA_STRING);
    if (header->ifi_family != AF_UNSPEC ||
        nlmsg_parse(const_cast<nlmsghdr*>(message), sizeof(ifinfomsg), table, IFLA_MAX, policy) <
            0 ||
        table[IFLA_IFNAME] == nullptr) {
        return;
    }
    core::LinkSeen seen;
    seen.index = header->ifi_index;
    seen.name = nla_get_string(table[IFLA_IFNAME]);
    seen.up = (header->ifi_flags & IFF_UP) != 0 && (header->ifi_flags & IFF_RUNNING) != 0;
    if (const nlattr* address = table[IFLA_ADDRESS];
        address != nullptr && payload_of(address).size() == seen.mac.bytes.size()) {
        std::memcpy(seen.mac.bytes.data(), nla_data(address), seen.mac.bytes.size());
    }
    sink(seen);
}

std::optional<IpAddress> local_address_of(const nlmsghdr* message) {
    constexpr unsigned whole_address = 128;  // bits
    if (message->nlmsg_type != RTM_NEWROUTE || nlmsg_valid_hdr(message, sizeof(rtmsg)) == 0) {
        return std::nullopt;
    }
    const auto* header = static_cast<const rtmsg*>(nlmsg_data(message));
    nlattr* table[RTA_MAX + 1] = {};
    if (header->rtm_family != AF_INET6 || header->rtm_type != RTN_LOCAL ||
        header->rtm_dst_len != whole_address ||
        nlmsg_parse(const_cast<nlmsghdr*>(message), sizeof(rtmsg), table, RTA_MAX, nullptr) < 0 ||
        table[RTA_DST] == nullptr ||
        payload_of(table[RTA_DST]).size() != address_size(Family::ipv6)) {
        return std::nullopt;
    }
    return IpAddress::from_bytes(payload_of(table[RTA_DST]));
}

void report(const nlmsghdr* message, const EventSink& sink) {
    switch (message->nlmsg_type) {
        case RTM_NEWADDR:
        case RTM_DELADDR:
            report_address(message, sink);
            break;
        case RTM_NEWLINK:
        case RTM_DELLINK:
            report_link(message, sink);
            break;
        default:
            break;
    }
}

}  // namespace

bool report_messages(std::span<const std::byte> datagram, const EventSink& sink) {
    int remaining = static_cast<int>(datagram.size());
    for (auto* message = const_cast<nlmsghdr*>(reinterpret_cast<const nlmsghdr*>(datagram.data()));
         nlmsg_ok(message, remaining); message = nlmsg_next(message, &remaining)) {
        if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
            return true;
        }
        report(message, sink);
    }
    return false;
}

void report_local_routes(std::span<const std::byte> datagram,
                         const std::function<void(const IpAddress&)>& sink) {
    int remaining = static_cast<int>(datagram.size());
    for (auto* message = const_cast<nlmsghdr*>(reinterpret_cast<const nlmsghdr*>(datagram.data()));
         nlmsg_ok(message, remaining); message = nlmsg_next(message, &remaining)) {
        if (const auto address = local_address_of(message)) {
            sink(*address);
        }
    }
}

}  // namespace understudy::host
