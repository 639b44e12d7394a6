#include "agent/host/vrrp_socket.hpp"

#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/system_error.hpp"
#include "vrrp/protocol.hpp"

namespace understudy::host {

namespace {

constexpr int traffic_class = 0xc0;  // network control, as routing protocols use it
constexpr int socket_priority = 6;   // TC_PRIO_INTERACTIVE: first out of a full queue
constexpr int receive_buffer = 4 * 1024 * 1024;
constexpr std::size_t batch_size = 256;
constexpr std::size_t receive_batch = 64;
constexpr int receive_rounds = 8;
// IPv4 header with options, and the longest advertisement.
constexpr std::size_t datagram_size = 60 + vrrp::largest_advertisement;

int level_of(Family family) {
    return family == Family::ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
}

template <class Value>
bool set(int fd, int level, int option, const Value& value) {
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

sockaddr_storage to_socket_address(const IpAddress& address, int interface, socklen_t& size) {
    sockaddr_storage storage{};
    if (address.is_v4()) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        std::memcpy(&in.sin_addr, address.bytes().data(), 4);
        std::memcpy(&storage, &in, sizeof in);
        size = sizeof in;
    } else {
        sockaddr_in6 in6{};
        in6.sin6_family = AF_INET6;
        std::memcpy(&in6.sin6_addr, address.bytes().data(), 16);
        if (address.is_link_local() || address.is_multicast()) {
            in6.sin6_scope_id = static_cast<std::uint32_t>(interface);
        }
        std::memcpy(&storage, &in6, sizeof in6);
        size = sizeof in6;
    }
    return storage;
}

// --- receiving -----------------------------------------------------------------------------------

struct Reception {
    std::array<std::byte, datagram_size> data;
    sockaddr_storage from;
    alignas(cmsghdr) std::array<char, 128> control;
    iovec vector;
};

// Shared by all sockets: one thread, and what is received is handed on before the next is read.
struct ReceptionBuffers {
    std::array<Reception, receive_batch> slots;
    std::array<mmsghdr, receive_batch> messages;

    void prepare() {
        for (std::size_t i = 0; i < receive_batch; ++i) {
            Reception& slot = slots.at(i);
            slot.vector = {slot.data.data(), slot.data.size()};
            msghdr& header = messages.at(i).msg_hdr;
            header = {};
            header.msg_iov = &slot.vector;
            header.msg_iovlen = 1;
            header.msg_name = &slot.from;
            header.msg_namelen = sizeof slot.from;
            header.msg_control = slot.control.data();
            header.msg_controllen = slot.control.size();
        }
    }
};

ReceptionBuffers& reception_buffers() {
    static const auto buffers = std::make_unique<ReceptionBuffers>();
    return *buffers;
}

// A raw IPv4 socket delivers the IP header as well, verified; options may be there.
bool read_ipv4(std::span<const std::byte> packet, vrrp::Datagram& datagram) {
    if (packet.size() < 20) {
        return false;
    }
    const std::size_t header_size = (std::to_integer<std::size_t>(packet[0]) & 0x0fU) * 4;
    if (header_size < 20 || packet.size() < header_size) {
        return false;
    }
    datagram.ttl = std::to_integer<std::uint8_t>(packet[8]);
    datagram.source = IpAddress::from_bytes(packet.subspan(12, 4));
    datagram.destination = IpAddress::from_bytes(packet.subspan(16, 4));
    datagram.payload = packet.subspan(header_size);
    return true;
}

bool read_ipv6(std::span<const std::byte> packet, msghdr& header, vrrp::Datagram& datagram) {
    bool has_destination = false;
    bool has_hop_limit = false;
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
         control = CMSG_NXTHDR(&header, control)) {
        if (control->cmsg_level != IPPROTO_IPV6) {
            continue;
        }
        if (control->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(control), sizeof info);
            datagram.destination =
                IpAddress::from_bytes(std::as_bytes(std::span{info.ipi6_addr.s6_addr}));
            has_destination = true;
        } else if (control->cmsg_type == IPV6_HOPLIMIT) {
            int hop_limit = 0;
            std::memcpy(&hop_limit, CMSG_DATA(control), sizeof hop_limit);
            datagram.ttl = static_cast<std::uint8_t>(hop_limit);
            has_hop_limit = true;
        }
    }
    sockaddr_in6 from{};
    std::memcpy(&from, header.msg_name, sizeof from);
    datagram.source = IpAddress::from_bytes(std::as_bytes(std::span{from.sin6_addr.s6_addr}));
    datagram.payload = packet;
    return has_destination && has_hop_limit;
}

// That one datagram could not be had, or the interface is down for now; the socket still works.
bool is_passing(int error) {
    return error == EAGAIN || error == EINTR || error == ENETDOWN || error == ENOBUFS ||
           error == ENETUNREACH || error == EHOSTUNREACH || error == ECONNREFUSED;
}

// 0, or the error of a socket that is broken.
template <class Read>
int receive_from(int fd, const Read& read) {
    ReceptionBuffers& buffers = reception_buffers();
    for (int round = 0; round < receive_rounds; ++round) {
        buffers.prepare();
        const int count =
            recvmmsg(fd, buffers.messages.data(), receive_batch, MSG_DONTWAIT, nullptr);
        if (count < 0) {
            return is_passing(errno) ? 0 : errno;
        }
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
            mmsghdr& message = buffers.messages.at(i);
            read(std::span<const std::byte>{buffers.slots.at(i).data}.first(
                     std::min<std::size_t>(message.msg_len, datagram_size)),
                 message.msg_hdr);
        }
        if (static_cast<std::size_t>(count) < receive_batch) {
            return 0;
        }
    }
    return 0;
}

}  // namespace

// --- one socket ----------------------------------------------------------------------------------

std::expected<VrrpSocket, std::string> VrrpSocket::open(const core::Listener& listener) {
    const int domain = listener.family == Family::ipv4 ? AF_INET : AF_INET6;
    FileDescriptor fd{socket(domain, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, vrrp::ip_protocol)};
    if (!fd.is_open()) {
        return std::unexpected(system_error_text("cannot open a raw socket for protocol 112"));
    }
    VrrpSocket socket{listener, std::move(fd)};
    if (std::string error = socket.prepare(); !error.empty()) {
        return std::unexpected(std::move(error));
    }
    if (std::string error = listener.multicast ? socket.join() : std::string{}; !error.empty()) {
        return std::unexpected(std::move(error));
    }
    return socket;
}

std::string VrrpSocket::prepare() const {
    const int fd = socket_.get();
    const int on = 1;
    const int off = 0;
    const int hops = vrrp::required_ttl;
    std::array<char, IF_NAMESIZE> name{};
    if (if_indextoname(static_cast<unsigned>(listener_.interface), name.data()) == nullptr) {
        return system_error_text("the interface is gone");
    }
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name.data(),
                   static_cast<socklen_t>(std::strlen(name.data()) + 1)) < 0) {
        return system_error_text(std::string{"cannot bind to "} + name.data());
    }
    if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, receive_buffer)) {
        set(fd, SOL_SOCKET, SO_RCVBUF, receive_buffer);
    }
    set(fd, SOL_SOCKET, SO_PRIORITY, socket_priority);
    // So that a node whose own address is gone can still resign.
    const bool is_v4 = listener_.family == Family::ipv4;
    set(fd, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT, on);
    bool done = true;
    if (is_v4) {
        done = set(fd, IPPROTO_IP, IP_TTL, hops) && set(fd, IPPROTO_IP, IP_MULTICAST_TTL, hops) &&
               set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, off) &&
               set(fd, IPPROTO_IP, IP_TOS, traffic_class) &&
               set(fd, IPPROTO_IP, IP_MULTICAST_ALL, off);
    } else {
        done = set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops) &&
               set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops) &&
               set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, off) &&
               set(fd, IPPROTO_IPV6, IPV6_TCLASS, traffic_class) &&
               set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, on) &&
               set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, on) &&
               set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, off);
    }
    return done ? std::string{} : system_error_text("cannot set the options of the raw socket");
}

std::string VrrpSocket::join() const {
    const IpAddress& group = vrrp::multicast_group(listener_.family);
    group_req request{};
    request.gr_interface = static_cast<std::uint32_t>(listener_.interface);
    socklen_t size = 0;
    const sockaddr_storage address = to_socket_address(group, 0, size);
    std::memcpy(&request.gr_group, &address, sizeof address);
    if (!set(socket_.get(), level_of(listener_.family), MCAST_JOIN_GROUP, request)) {
        return system_error_text("cannot join " + group.to_string());
    }
    if (listener_.family == Family::ipv4) {
        ip_mreqn interface{};
        interface.imr_ifindex = listener_.interface;
        if (!set(socket_.get(), IPPROTO_IP, IP_MULTICAST_IF, interface)) {
            return system_error_text("cannot choose the interface for multicast");
        }
    } else if (!set(socket_.get(), IPPROTO_IPV6, IPV6_MULTICAST_IF, listener_.interface)) {
        return system_error_text("cannot choose the interface for multicast");
    }
    return {};
}

int VrrpSocket::receive(const EventSink& sink) const {
    core::DatagramReceived event;
    event.interface = listener_.interface;
    return receive_from(socket_.get(), [&](std::span<const std::byte> packet, msghdr& header) {
        if (listener_.family == Family::ipv4 ? read_ipv4(packet, event.datagram)
                                             : read_ipv6(packet, header, event.datagram)) {
            sink(event);
        }
    });
}

// --- all of them ---------------------------------------------------------------------------------

struct VrrpSockets::Batch {
    struct Slot {
        sockaddr_storage to;
        iovec vector;
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control;
    };
    std::array<Slot, batch_size> slots;
    std::array<mmsghdr, batch_size> messages;

    void fill(std::size_t i, const core::SendAdvert& advert, std::byte* payload);
};

namespace {

template <class Info>
void put_control(msghdr& header, int level, int type, const Info& info) {
    header.msg_controllen = CMSG_SPACE(sizeof info);
    cmsghdr* control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = level;
    control->cmsg_type = type;
    control->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
}

}  // namespace

void VrrpSockets::Batch::fill(std::size_t i, const core::SendAdvert& advert, std::byte* payload) {
    Slot& slot = slots.at(i);
    msghdr& header = messages.at(i).msg_hdr;
    header = {};
    slot.to = to_socket_address(advert.destination, advert.interface, header.msg_namelen);
    slot.vector = {payload, advert.payload.size};
    header.msg_name = &slot.to;
    header.msg_iov = &slot.vector;
    header.msg_iovlen = 1;
    header.msg_control = slot.control.data();
    if (advert.source.is_v4()) {
        in_pktinfo info{};
        info.ipi_ifindex = advert.interface;
        std::memcpy(&info.ipi_spec_dst, advert.source.bytes().data(), 4);
        put_control(header, IPPROTO_IP, IP_PKTINFO, info);
    } else {
        in6_pktinfo info{};
        info.ipi6_ifindex = static_cast<unsigned>(advert.interface);
        std::memcpy(&info.ipi6_addr, advert.source.bytes().data(), 16);
        put_control(header, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
}

VrrpSockets::VrrpSockets(int owners) : owners_(owners), batch_(std::make_unique<Batch>()) {}
VrrpSockets::~VrrpSockets() = default;

int VrrpSockets::put(VrrpSocket socket) {
    const core::Listener listener = socket.listener();
    return sockets_.emplace(listener, std::move(socket)).first->second.fd();
}

std::optional<VrrpSocket> VrrpSockets::take(const core::Listener& listener) {
    auto socket = sockets_.extract(listener);
    return socket ? std::optional{std::move(socket.mapped())} : std::nullopt;
}

int VrrpSockets::receive(const core::Listener& listener, const EventSink& sink) {
    const auto found = sockets_.find(listener);
    return found != sockets_.end() ? found->second.receive(sink) : EBADF;
}

// What comes from an address that is not held has come through the IP layer.
void VrrpSockets::receive_owners(const EventSink& sink) {
    receive_from(owners_, [&](std::span<const std::byte> packet, msghdr& header) {
        sockaddr_ll from{};
        std::memcpy(&from, header.msg_name, sizeof from);
        core::DatagramReceived event;
        event.interface = from.sll_ifindex;
        if (sockets_.contains({Family::ipv4, event.interface, true}) &&
            read_ipv4(verified_ipv4(packet), event.datagram) &&
            held_.contain(event.datagram.source)) {
            sink(event);
        }
    });
}

void VrrpSockets::queue(const core::SendAdvert& advert, std::span<const std::byte> payload) {
    queue_.push_back({advert, bytes_.size()});
    bytes_.insert(bytes_.end(), payload.begin(), payload.end());
}

void VrrpSockets::flush(const EventSink& sink) {
    std::vector<core::SendFailed> failures;
    const auto same_socket = [](const Queued& a, const Queued& b) {
        return a.advert.interface == b.advert.interface &&
               a.advert.source.family() == b.advert.source.family();
    };
    for (auto first = queue_.begin(); first != queue_.end();) {
        const auto last = std::find_if(first, queue_.end(), [&](const Queued& queued) {
            return !same_socket(*first, queued);
        });
        const auto socket = std::ranges::find_if(sockets_, [&](const auto& entry) {
            return entry.first.interface == first->advert.interface &&
                   entry.first.family == first->advert.source.family();
        });
        if (socket != sockets_.end()) {
            send(socket->second.fd(), {first, last}, failures);
        }
        first = last;
    }
    queue_.clear();
    bytes_.clear();
    for (const core::SendFailed& failure : failures) {  // more may be queued because of it
        sink(failure);
    }
}

void VrrpSockets::send(int fd, std::span<const Queued> advertisements,
                       std::vector<core::SendFailed>& failures) {
    while (!advertisements.empty()) {
        const std::size_t count = std::min(advertisements.size(), batch_size);
        for (std::size_t i = 0; i < count; ++i) {
            batch_->fill(i, advertisements[i].advert, &bytes_[advertisements[i].begin]);
        }
        std::size_t done = 0;
        while (done < count) {
            const int sent = sendmmsg(fd, &batch_->messages[done],
                                      static_cast<unsigned>(count - done), MSG_DONTWAIT);
            if (sent > 0) {
                done += static_cast<std::size_t>(sent);
            } else if (errno != EINTR) {
                // The first of the rest is the one that was refused: report it, go on with the
                // next.
                const core::SendAdvert& advert = advertisements[done].advert;
                failures.push_back(
                    {advert.interface, advert.source.family(), advert.vrid, std::strerror(errno)});
                ++done;
            }
        }
        advertisements = advertisements.subspan(count);
    }
}

}  // namespace understudy::host
