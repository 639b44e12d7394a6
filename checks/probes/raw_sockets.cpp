#include "checks/probes/raw_sockets.hpp"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "checks/probes/random_bytes.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

using boost::asio::posix::stream_descriptor;

constexpr int frames_at_once = 64;

// RFC 826 for Ethernet and IPv4.
struct ArpPacket {
    std::uint16_t hardware = htons(ARPHRD_ETHER);
    std::uint16_t protocol = htons(ETH_P_IP);
    std::uint8_t hardware_size = 6;
    std::uint8_t protocol_size = 4;
    std::uint16_t operation = 0;
    std::array<std::uint8_t, 6> sender_mac{};
    std::array<std::byte, 4> sender{};
    std::array<std::uint8_t, 6> target_mac{};
    std::array<std::byte, 4> target{};
};
static_assert(sizeof(ArpPacket) == 28);

// In the words of the other probes.
std::string last_error() {
    return plain({errno, boost::system::system_category()});
}

sockaddr_storage socket_address(const IpAddress& address, int scope, socklen_t& size) {
    sockaddr_storage storage{};
    if (address.is_v4()) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
        v4.sin_family = AF_INET;
        std::memcpy(&v4.sin_addr, address.bytes().data(), 4);
        size = sizeof v4;
    } else {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
        v6.sin6_family = AF_INET6;
        v6.sin6_scope_id = static_cast<std::uint32_t>(scope);
        std::memcpy(&v6.sin6_addr, address.bytes().data(), 16);
        size = sizeof v6;
    }
    return storage;
}

IpAddress solicited_node(const IpAddress& address) {
    std::array<std::byte, 16> bytes{std::byte{0xff}, std::byte{0x02}};
    bytes[11] = std::byte{1};
    bytes[12] = std::byte{0xff};
    std::ranges::copy(address.bytes().last(3), bytes.begin() + 13);
    return IpAddress::from_bytes(bytes);
}

// One message to `to` from `source` (nothing: the kernel's choice) on `interface` (0: by route).
std::string send_v6(int fd, const IpAddress& to, const IpAddress* source, int interface,
                    std::span<const std::byte> packet) {
    socklen_t size = 0;
    sockaddr_storage address = socket_address(to, interface, size);
    iovec data{const_cast<std::byte*>(packet.data()), packet.size()};
    alignas(cmsghdr) std::array<char, 128> control{};
    msghdr message{};
    message.msg_name = &address;
    message.msg_namelen = size;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(int));
    in6_pktinfo info{};
    info.ipi6_ifindex = static_cast<unsigned>(interface);
    if (source != nullptr) {
        std::memcpy(&info.ipi6_addr, source->bytes().data(), 16);
    }
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = IPPROTO_IPV6;
    header->cmsg_type = IPV6_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
    header = CMSG_NXTHDR(&message, header);
    constexpr int hops = 255;  // RFC 4861 7.1.1
    header->cmsg_level = IPPROTO_IPV6;
    header->cmsg_type = IPV6_HOPLIMIT;
    header->cmsg_len = CMSG_LEN(sizeof hops);
    std::memcpy(CMSG_DATA(header), &hops, sizeof hops);
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? last_error() : "";
}

}  // namespace

std::uint16_t internet_checksum(std::span<const std::byte> data) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < data.size(); ++i) {
        const auto byte = std::to_integer<std::uint32_t>(data[i]);
        sum += i % 2 == 0 ? byte << 8U : byte;
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffffU) + (sum >> 16U);
    }
    return static_cast<std::uint16_t>(~sum);
}

// --- opening -------------------------------------------------------------------------------------

namespace {

// What came while nobody read is no answer to anything.
void forget_the_past(int fd) {
    std::array<std::byte, 64> part{};
    while (recv(fd, part.data(), part.size(), MSG_DONTWAIT | MSG_TRUNC) >= 0) {
    }
}

}  // namespace

void RawSockets::adopt(Socket& socket, int fd, Reader reader) {
    if (fd < 0) {
        socket.trouble = last_error();
        return;
    }
    forget_the_past(fd);
    socket.trouble.clear();
    socket.descriptor = std::make_unique<stream_descriptor>(context_, fd);
    wait(socket, reader);
}

void RawSockets::open(const RawDescriptors& given) {
    const auto or_opened = [](int fd, int (*opener)()) { return fd >= 0 ? fd : opener(); };
    adopt(icmp_v4_, or_opened(given.echo_v4, open_echo_v4), &RawSockets::read_v4);
    adopt(icmp_v6_, or_opened(given.echo_v6, open_echo_v6), &RawSockets::read_v6);
    adopt(arp_, or_opened(given.arp, open_arp), &RawSockets::read_arp);
}

std::string RawSockets::echo_trouble(Family family) const {
    return (family == Family::ipv4 ? icmp_v4_ : icmp_v6_).trouble;
}

std::string RawSockets::neighbour_trouble(Family family) const {
    return (family == Family::ipv4 ? arp_ : icmp_v6_).trouble;
}

void RawSockets::wait(Socket& socket, Reader reader) {
    socket.descriptor->async_wait(stream_descriptor::wait_read,
                                  [this, &socket, reader](const boost::system::error_code& error) {
                                      if (!error) {
                                          (this->*reader)(socket.descriptor->native_handle());
                                          wait(socket, reader);
                                      }
                                  });
}

// --- echo ----------------------------------------------------------------------------------------

std::uint16_t RawSockets::expect_echo(Echo echo) {
    auto identifier = random_value<std::uint16_t>();
    while (echoes_.contains(identifier)) {
        ++identifier;
    }
    echoes_[identifier] = std::move(echo);
    return identifier;
}

std::string RawSockets::send_echo(const IpAddress& to, const IpAddress* source,
                                  std::span<const std::byte> packet) {
    if (to.is_v6()) {
        return send_v6(icmp_v6_.descriptor->native_handle(), to, source, 0, packet);
    }
    const int fd = icmp_v4_.descriptor->native_handle();
    socklen_t size = 0;
    sockaddr_storage address = socket_address(to, 0, size);
    iovec data{const_cast<std::byte*>(packet.data()), packet.size()};
    alignas(cmsghdr) std::array<char, 64> control{};
    msghdr message{};
    message.msg_name = &address;
    message.msg_namelen = size;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (source != nullptr) {
        in_pktinfo info{};
        std::memcpy(&info.ipi_spec_dst, source->bytes().data(), 4);
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(sizeof info);
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = IPPROTO_IP;
        header->cmsg_type = IP_PKTINFO;
        header->cmsg_len = CMSG_LEN(sizeof info);
        std::memcpy(CMSG_DATA(header), &info, sizeof info);
    }
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? last_error() : "";
}

void RawSockets::tell_echo(const EchoReply& reply) {
    const auto found = echoes_.find(reply.identifier);
    if (found != echoes_.end()) {
        const Echo told = found->second;  // it may be taken out meanwhile
        told(reply);
    }
}

void RawSockets::read_v4(int fd) {
    std::array<std::byte, 2048> buffer{};
    for (int i = 0; i < frames_at_once; ++i) {
        const ssize_t size = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0) {
            return;
        }
        if (const auto reply =
                parse_echo_v4(std::span{buffer}.first(static_cast<std::size_t>(size)))) {
            tell_echo(*reply);
        }
    }
}

void RawSockets::read_v6(int fd) {
    std::array<std::byte, 2048> buffer{};
    for (int i = 0; i < frames_at_once; ++i) {
        sockaddr_in6 from{};
        iovec data{buffer.data(), buffer.size()};
        alignas(cmsghdr) std::array<char, 256> control{};
        msghdr message{};
        message.msg_name = &from;
        message.msg_namelen = sizeof from;
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t size = recvmsg(fd, &message, MSG_DONTWAIT);
        if (size < 0) {
            return;
        }
        int hops = 0;
        in6_pktinfo info{};
        for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
             header = CMSG_NXTHDR(&message, header)) {
            if (header->cmsg_level != IPPROTO_IPV6) {
                continue;
            }
            if (header->cmsg_type == IPV6_HOPLIMIT) {
                std::memcpy(&hops, CMSG_DATA(header), sizeof hops);
            } else if (header->cmsg_type == IPV6_PKTINFO) {
                std::memcpy(&info, CMSG_DATA(header), sizeof info);
            }
        }
        const auto packet = std::span{buffer}.first(static_cast<std::size_t>(size));
        const auto source = IpAddress::from_bytes(std::as_bytes(std::span{from.sin6_addr.s6_addr}));
        if (const auto reply = parse_echo_v6(source, packet)) {
            tell_echo(*reply);
        } else if (const auto answer = parse_neighbour_advertisement(packet, hops)) {
            tell_neighbour(static_cast<int>(info.ipi6_ifindex), *answer);
        }
    }
}

// --- neighbours ----------------------------------------------------------------------------------

void RawSockets::expect_neighbour(int interface, const IpAddress& address, const void* who,
                                  Neighbour neighbour) {
    neighbours_.push_back({interface, address, who, std::move(neighbour)});
}

void RawSockets::ignore_neighbour(const void* who) {
    std::erase_if(neighbours_, [&](const Expected& expected) { return expected.who == who; });
}

std::string RawSockets::ask_neighbour(int interface, const IpAddress& address,
                                      const IpAddress& source, const MacAddress& mac) {
    if (address.is_v6()) {
        std::array<std::byte, 32> packet{std::byte{ND_NEIGHBOR_SOLICIT}};
        std::ranges::copy(address.bytes(), packet.begin() + 8);
        packet[24] = std::byte{ND_OPT_SOURCE_LINKADDR};
        packet[25] = std::byte{1};  // in units of 8 bytes
        std::memcpy(packet.data() + 26, mac.bytes.data(), mac.bytes.size());
        return send_v6(icmp_v6_.descriptor->native_handle(), solicited_node(address), nullptr,
                       interface, packet);
    }
    ArpPacket packet;
    packet.operation = htons(ARPOP_REQUEST);
    packet.sender_mac = mac.bytes;
    std::ranges::copy(source.bytes(), packet.sender.begin());
    std::ranges::copy(address.bytes(), packet.target.begin());
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(ETH_P_ARP);
    to.sll_ifindex = interface;
    to.sll_halen = ETH_ALEN;
    std::memset(to.sll_addr, 0xff, ETH_ALEN);
    return sendto(arp_.descriptor->native_handle(), &packet, sizeof packet,
                  MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to),
                  sizeof to) < 0
               ? last_error()
               : "";
}

void RawSockets::read_arp(int fd) {
    for (int i = 0; i < frames_at_once; ++i) {
        std::array<std::byte, 64> buffer{};
        sockaddr_ll from{};
        socklen_t from_size = sizeof from;
        const ssize_t size = recvfrom(fd, buffer.data(), buffer.size(), MSG_DONTWAIT,
                                      reinterpret_cast<sockaddr*>(&from), &from_size);
        if (size < 0) {
            return;
        }
        const auto answer =
            parse_arp_reply(std::span{buffer}.first(static_cast<std::size_t>(size)));
        if (answer && from.sll_pkttype != PACKET_OUTGOING) {
            tell_neighbour(from.sll_ifindex, *answer);
        }
    }
}

void RawSockets::tell_neighbour(int interface, const NeighbourAnswer& answer) {
    std::vector<Neighbour> told;  // each may take itself out
    for (const Expected& expected : neighbours_) {
        if (expected.interface == interface && expected.address == answer.address) {
            told.push_back(expected.told);
        }
    }
    for (const Neighbour& tell : told) {
        tell(answer.mac);
    }
}

}  // namespace understudy::checks
