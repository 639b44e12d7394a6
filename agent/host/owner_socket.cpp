#include "agent/host/owner_socket.hpp"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <variant>

#include "checks/processes/locked_filter.hpp"
#include "vrrp/checksum.hpp"
#include "vrrp/protocol.hpp"

namespace understudy::host {

namespace {

using checks::ancillary;

// All standbys of an owner are woken by it once more, so it lets nothing else through.
bool attach_filter(int fd) {
    constexpr std::uint32_t all_vrrp_routers = 0xe0000012;  // 224.0.0.18
    constexpr std::uint32_t fragment = 0x3fff;              // more of them, or an offset
    constexpr std::uint32_t whole_packet = 0xffff;
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, vrrp::ip_protocol, 0, 11),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, all_vrrp_routers, 0, 9),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, fragment, 7, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ancillary(SKF_AD_PKTTYPE)),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, PACKET_MULTICAST, 5, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ancillary(SKF_AD_PROTOCOL)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 3),
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, 2),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, vrrp::owner_priority, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, whole_packet),
    };
    return checks::lock_filter(fd, program);
}

}  // namespace

// Protocol 0: nothing is delivered before the filter is there.
FileDescriptor open_owner_socket() {
    const int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return FileDescriptor{checks::prepared(fd, [](int opened) {
        sockaddr_ll place{};
        place.sll_family = AF_PACKET;
        place.sll_protocol = htons(ETH_P_IP);
        return attach_filter(opened) &&
               bind(opened, reinterpret_cast<const sockaddr*>(&place), sizeof place) == 0;
    })};
}

std::span<const std::byte> verified_ipv4(std::span<const std::byte> frame) {
    constexpr std::size_t shortest = 20;
    const auto at = [&](std::size_t i) { return std::to_integer<std::size_t>(frame[i]); };
    if (frame.size() < shortest || at(0) >> 4U != 4) {
        return {};
    }
    const std::size_t header = (at(0) & 0x0fU) * 4;
    const std::size_t total = (at(2) << 8U) | at(3);
    if (header < shortest || total < header || total > frame.size() ||
        vrrp::Checksum{}.add(frame.first(header)).value() != 0) {
        return {};
    }
    return frame.first(total);
}

void HeldAddresses::observe(const core::Event& event) {
    if (const auto* seen = std::get_if<core::AddressSeen>(&event)) {
        if (seen->ours) {
            held_.emplace(seen->prefix.address, seen->index);
        } else {
            held_.erase({seen->prefix.address, seen->index});
        }
    } else if (const auto* gone = std::get_if<core::AddressGone>(&event)) {
        held_.erase({gone->prefix.address, gone->index});
    } else if (const auto* link = std::get_if<core::LinkGone>(&event)) {
        std::erase_if(held_, [&](const auto& one) { return one.second == link->index; });
    } else if (std::holds_alternative<core::ObservationStarted>(event)) {
        held_.clear();
    }
}

bool HeldAddresses::contain(const IpAddress& address) const {
    const auto first = held_.lower_bound({address, 0});
    return first != held_.end() && first->first == address;
}

}  // namespace understudy::host
