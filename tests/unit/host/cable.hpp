// A cable with two ends in the network namespace of the caller, v0 and v1, and a VIP for v0.
#pragma once

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <thread>

#include "agent/host/file_descriptor.hpp"
#include "agent/host/kernel_monitor.hpp"
#include "tests/unit/host/ip_command.hpp"

namespace understudy::host {

inline const IpPrefix vip_prefix = *IpPrefix::parse("192.0.2.10/24");

// Asks again every 10 ms, for at most 10 s.
template <class Condition>
bool eventually(Condition&& condition) {
    for (int attempt = 0; attempt < 1000; ++attempt) {
        if (condition()) {
            return true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return false;
}

inline bool make_cable() {
    return ip("link add v0 type veth peer name v1") && ip("link set v1 up") &&
           ip("link set v0 up") && ip("address add 192.0.2.1/24 dev v0");
}

inline bool holds_the_vip() {
    bool held = false;
    KernelMonitor monitor;
    monitor.observe_all([&](const core::Event& event) {
        const auto* seen = std::get_if<core::AddressSeen>(&event);
        held = held || (seen != nullptr && seen->prefix == vip_prefix);
    });
    return held;
}

// Has room for a thousand announcements; empty if it cannot be had.
inline FileDescriptor arp_at_v1() {
    FileDescriptor cable{socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)};
    const int room = 16 * 1024 * 1024;
    setsockopt(cable.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    sockaddr_ll end{};
    end.sll_family = AF_PACKET;
    end.sll_protocol = htons(ETH_P_ARP);
    end.sll_ifindex = static_cast<int>(if_nametoindex("v1"));
    if (bind(cable.get(), reinterpret_cast<sockaddr*>(&end), sizeof end) != 0) {
        return FileDescriptor{};
    }
    return cable;
}

// ARP frames that have arrived at v1 and were not looked at yet.
inline std::size_t arrived(int fd) {
    std::size_t count = 0;
    std::array<char, 128> frame{};
    while (recv(fd, frame.data(), frame.size(), MSG_DONTWAIT) > 0) {
        ++count;
    }
    return count;
}

}  // namespace understudy::host
