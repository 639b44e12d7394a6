#include "agent/host/kernel_monitor.hpp"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>

#include "agent/host/boot_clock.hpp"

namespace understudy::host {

namespace {

constexpr int attribute_protocol = 11;  // IFA_PROTO, newer than Debian 12's libnl
constexpr int receive_buffer = 8 * 1024 * 1024;
// Messages taken from the socket in one go, so that a storm of changes does not keep the loop.
constexpr int most_messages_a_round = 64;

std::span<const std::byte> payload_of(const nlattr* attribute) {
    return {static_cast<const std::byte*>(nla_data(attribute)),
            static_cast<std::size_t>(nla_len(attribute))};
}

// The kernel's time stamp counts hundredths of a second of uptime (jiffies, so not the time
// suspended).
Duration age_of(const ifa_cacheinfo& lifetimes) {
    const Duration uptime = read_clock(CLOCK_MONOTONIC);
    const Duration stamp = std::chrono::milliseconds{10} * lifetimes.tstamp;
    return std::max(uptime - stamp, Duration::zero());
}

void report_address(const nlmsghdr* message, const EventSink& sink) {
    const auto* header = static_cast<const ifaddrmsg*>(nlmsg_data(message));
    if (header->ifa_family != AF_INET && header->ifa_family != AF_INET6) {
        return;
    }
    const std::size_t size =
        address_size(header->ifa_family == AF_INET ? Family::ipv4 : Family::ipv6);
    nlattr* table[attribute_protocol + 1] = {};
    if (nlmsg_parse(const_cast<nlmsghdr*>(message), sizeof(ifaddrmsg), table, attribute_protocol,
                    nullptr) < 0) {
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
    seen.tentative =
        (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0 && (flags & IFA_F_OPTIMISTIC) == 0;
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
    const auto* header = static_cast<const ifinfomsg*>(nlmsg_data(message));
    if (message->nlmsg_type == RTM_DELLINK) {
        // A bridge reports a port that leaves it in this way too, with its own family.
        if (header->ifi_family == AF_UNSPEC) {
            sink(core::LinkGone{header->ifi_index});
        }
        return;
    }
    nlattr* table[IFLA_MAX + 1] = {};
    if (header->ifi_family != AF_UNSPEC ||
        nlmsg_parse(const_cast<nlmsghdr*>(message), sizeof(ifinfomsg), table, IFLA_MAX, nullptr) <
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

}  // namespace

void KernelMonitor::CloseSocket::operator()(nl_sock* socket) const {
    nl_socket_free(socket);
}

KernelMonitor::KernelMonitor() : changes_(nl_socket_alloc()), questions_(nl_socket_alloc()) {
    if (!changes_ || !questions_ || nl_connect(changes_.get(), NETLINK_ROUTE) < 0 ||
        nl_connect(questions_.get(), NETLINK_ROUTE) < 0) {
        throw std::runtime_error("the kernel gives no netlink socket");
    }
    const int fd = nl_socket_get_fd(changes_.get());
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) < 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    nl_socket_set_nonblocking(changes_.get());
    if (nl_socket_add_memberships(changes_.get(), RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
                                  RTNLGRP_IPV6_IFADDR, 0) < 0) {
        throw std::runtime_error("the kernel does not report changes over netlink");
    }
}

KernelMonitor::~KernelMonitor() = default;

int KernelMonitor::fd() const {
    return nl_socket_get_fd(changes_.get());
}

void KernelMonitor::report(const nlmsghdr* message, const EventSink& sink) const {
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

void KernelMonitor::dump(int type, const EventSink& sink) {
    rtgenmsg everything{};
    everything.rtgen_family = AF_UNSPEC;
    if (nl_send_simple(questions_.get(), type, NLM_F_DUMP, &everything, sizeof everything) < 0) {
        throw std::runtime_error("the kernel does not list its interfaces over netlink");
    }
    const int fd = nl_socket_get_fd(questions_.get());
    alignas(nlmsghdr) char buffer[64 * 1024];
    while (true) {
        const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return;
        }
        int remaining = static_cast<int>(size);
        for (auto* message = reinterpret_cast<nlmsghdr*>(buffer); nlmsg_ok(message, remaining);
             message = nlmsg_next(message, &remaining)) {
            if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
                return;
            }
            report(message, sink);
        }
    }
}

void KernelMonitor::observe_all(const EventSink& sink) {
    sink(core::ObservationStarted{});
    dump(RTM_GETLINK, sink);
    dump(RTM_GETADDR, sink);
    sink(core::ObservationComplete{});
}

void KernelMonitor::read_events(const EventSink& sink) {
    alignas(nlmsghdr) char buffer[64 * 1024];
    for (int round = 0; round < most_messages_a_round; ++round) {
        const ssize_t size = recv(fd(), buffer, sizeof buffer, MSG_DONTWAIT);
        if (size < 0 && errno == ENOBUFS) {
            observe_all(sink);
            continue;
        }
        if (size <= 0) {
            return;
        }
        int remaining = static_cast<int>(size);
        for (auto* message = reinterpret_cast<nlmsghdr*>(buffer); nlmsg_ok(message, remaining);
             message = nlmsg_next(message, &remaining)) {
            report(message, sink);
        }
    }
}

}  // namespace understudy::host
