#include "agent/host/announcement.hpp"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <string>

#include "checks/processes/locked_filter.hpp"
#include "vrrp/checksum.hpp"

namespace understudy::host {

namespace {

constexpr std::size_t ethernet_size = 14;
constexpr std::size_t ipv6_size = 40;

class Writer {
public:
    explicit Writer(std::span<std::byte> out) : out_(out) {}
    Writer& bytes(std::initializer_list<unsigned> values) {
        for (const unsigned value : values) {
            out_[at_++] = std::byte{static_cast<std::uint8_t>(value)};
        }
        return *this;
    }
    Writer& mac(const MacAddress& mac) {
        for (const std::uint8_t byte : mac.bytes) {
            bytes({byte});
        }
        return *this;
    }
    Writer& address(const IpAddress& address) {
        std::ranges::copy(address.bytes(), out_.subspan(at_).begin());
        at_ += address.bytes().size();
        return *this;
    }

private:
    std::span<std::byte> out_;
    std::size_t at_ = 0;
};

// Reading a setting takes no lock of the network.
bool forwards_ipv6(const core::LinkSeen* link) {
    if (link == nullptr) {
        return false;
    }
    std::ifstream file("/proc/sys/net/ipv6/conf/" + link->name + "/forwarding");
    int value = 0;
    return file >> value && value != 0;
}

struct NeighbourMessage {
    MacAddress to_mac;
    IpAddress destination;
    unsigned type = 0;
    unsigned flags = 0;
    unsigned option = 0;  // whose link-layer address is told
};

std::array<std::byte, neighbour_message_size> neighbour_message(const NeighbourMessage& message,
                                                                const MacAddress& mac,
                                                                const IpAddress& source,
                                                                const IpAddress& target) {
    std::array<std::byte, neighbour_message_size> frame{};
    constexpr unsigned message_size = neighbour_message_size - ethernet_size - ipv6_size;
    Writer(frame)
        .mac(message.to_mac)
        .mac(mac)
        .bytes({0x86, 0xdd})                               // IPv6
        .bytes({0x60, 0, 0, 0, 0, message_size, 58, 255})  // ICMPv6, hop limit 255
        .address(source)
        .address(message.destination)
        .bytes({message.type, 0, 0, 0, message.flags, 0, 0, 0})
        .address(target)
        .bytes({message.option, 1})  // 8 bytes
        .mac(mac);
    const auto content = std::span<const std::byte>{frame}.subspan(ethernet_size + ipv6_size);
    vrrp::Checksum checksum;
    checksum.add_pseudo_header(source, message.destination, content.size(), IPPROTO_ICMPV6)
        .add(content);
    const std::uint16_t value = checksum.value();
    frame.at(ethernet_size + ipv6_size + 2) = std::byte{static_cast<std::uint8_t>(value >> 8U)};
    frame.at(ethernet_size + ipv6_size + 3) = std::byte{static_cast<std::uint8_t>(value & 0xffU)};
    return frame;
}

}  // namespace

std::array<std::byte, arp_size> arp_request(const MacAddress& mac, const IpAddress& source,
                                            const IpAddress& target) {
    std::array<std::byte, arp_size> frame{};
    const MacAddress broadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    Writer(frame)
        .mac(broadcast)
        .mac(mac)
        .bytes({0x08, 0x06})           // ARP
        .bytes({0, 1, 0x08, 0, 6, 4})  // Ethernet, IPv4, their lengths
        .bytes({0, 1})                 // request
        .mac(mac)
        .address(source)
        .mac(MacAddress{})  // nobody knows the target of a question
        .address(target);
    return frame;
}

std::array<std::byte, neighbour_message_size> neighbour_solicitation(const MacAddress& mac,
                                                                     const IpAddress& source,
                                                                     const IpAddress& target) {
    constexpr std::size_t own_part = 13;  // ff02::1:ff00:0/104, and the target's last bytes
    std::array<std::byte, 16> group{};
    std::ranges::copy(IpAddress::parse("ff02::1:ff00:0")->bytes(), group.begin());
    std::ranges::copy(target.bytes().subspan(own_part), group.begin() + own_part);
    const auto end = std::span{group}.subspan(own_part);
    const auto byte = [&](std::size_t i) { return std::to_integer<std::uint8_t>(end[i]); };
    return neighbour_message({.to_mac = MacAddress{{0x33, 0x33, 0xff, byte(0), byte(1), byte(2)}},
                              .destination = IpAddress::from_bytes(group),
                              .type = 135,
                              .flags = 0,
                              .option = 1},
                             mac, source, target);
}

std::array<std::byte, arp_size> gratuitous_arp(const MacAddress& mac, const IpAddress& address) {
    return arp_request(mac, address, address);
}

std::array<std::byte, neighbour_message_size> unsolicited_advertisement(const MacAddress& mac,
                                                                        const IpAddress& address,
                                                                        bool router) {
    return neighbour_message({.to_mac = MacAddress{{0x33, 0x33, 0, 0, 0, 1}},
                              .destination = *IpAddress::parse("ff02::1"),
                              .type = 136,
                              .flags = (router ? 0x80U : 0U) | 0x20U,  // R, O; not S
                              .option = 2},
                             mac, address, address);
}

// Protocol 0 delivers nothing either, but could be changed.
FileDescriptor open_frame_socket() {
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return FileDescriptor{checks::prepared(fd, [](int opened) {
        sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
        return checks::lock_filter(opened, nothing);
    })};
}

void AnnouncementSender::send(std::span<const core::Announce> announcements,
                              const SeenLinks& links) const {
    struct Slot {
        std::array<std::byte, neighbour_message_size> frame;
        sockaddr_ll to;
        iovec vector;
    };
    static std::array<Slot, most_at_once> slots;
    static std::array<mmsghdr, most_at_once> messages;
    std::map<core::InterfaceIndex, bool> forwards;
    const std::size_t count = std::min(announcements.size(), most_at_once);
    for (std::size_t i = 0; i < count; ++i) {
        const core::Announce& announcement = announcements[i];
        Slot& slot = slots.at(i);
        const bool v4 = announcement.address.is_v4();
        if (v4) {
            std::ranges::copy(gratuitous_arp(announcement.mac, announcement.address),
                              slot.frame.begin());
        } else {
            auto [known, unread] = forwards.try_emplace(announcement.interface, false);
            if (unread) {
                known->second = forwards_ipv6(links.find(announcement.interface));
            }
            slot.frame =
                unsolicited_advertisement(announcement.mac, announcement.address, known->second);
        }
        slot.to = {};
        slot.to.sll_family = AF_PACKET;
        slot.to.sll_protocol = htons(v4 ? ETH_P_ARP : ETH_P_IPV6);
        slot.to.sll_ifindex = announcement.interface;
        slot.vector = {slot.frame.data(), v4 ? arp_size : neighbour_message_size};
        msghdr& header = messages.at(i).msg_hdr;
        header = {};
        header.msg_name = &slot.to;
        header.msg_namelen = sizeof slot.to;
        header.msg_iov = &slot.vector;
        header.msg_iovlen = 1;
    }
    for (std::size_t done = 0; done < count;) {
        const int sent = sendmmsg(frames_, &messages.at(done), static_cast<unsigned>(count - done),
                                  MSG_DONTWAIT);
        done += sent > 0 ? static_cast<std::size_t>(sent) : 1;  // or the first one was refused
    }
}

}  // namespace understudy::host
