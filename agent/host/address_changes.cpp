#include "agent/host/address_changes.hpp"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "agent/host/kernel_monitor.hpp"
#include "base/system_error.hpp"

namespace understudy::host {

namespace {

constexpr std::uint16_t attribute_protocol = 11;  // IFA_PROTO
// One message to the kernel carries so many changes: fits the default socket buffer.
constexpr std::size_t most_in_one_message = 256;

std::size_t aligned(std::size_t size) {
    return NLMSG_ALIGN(size);
}

// The last address of the network, as `ip address add … brd +` has it; none for /31 and /32.
std::optional<std::array<std::byte, 4>> broadcast_of(const IpPrefix& prefix) {
    if (!prefix.address.is_v4() || prefix.length > 30) {
        return std::nullopt;
    }
    std::array<std::byte, 4> bytes{};
    std::ranges::copy(prefix.address.bytes(), bytes.begin());
    for (unsigned bit = prefix.length; bit < 32; ++bit) {
        bytes.at(bit / 8) |= std::byte{static_cast<std::uint8_t>(0x80U >> (bit % 8))};
    }
    return bytes;
}

}  // namespace

AddressChanges::AddressChanges()
    : socket_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (!socket_.is_open() ||
        connect(socket_.get(), reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) < 0) {
        throw_system_error("cannot open a netlink socket");
    }
    constexpr int size = 4 * 1024 * 1024;
    setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    // An error comes back with the header of the request only.
    constexpr int yes = 1;
    setsockopt(socket_.get(), SOL_NETLINK, NETLINK_CAP_ACK, &yes, sizeof yes);
}

void AddressChanges::queue(const core::AddAddress& change) {
    append(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, change.interface, change.prefix, &change.lease,
           true);
    if (change.prefix.address.is_v6()) {
        local_routes_.expect(change.prefix.address);
    }
}

void AddressChanges::queue(const core::RenewAddress& change) {
    append(RTM_NEWADDR, NLM_F_REPLACE, change.interface, change.prefix, &change.lease, false);
}

void AddressChanges::queue(const core::RemoveAddress& change) {
    append(RTM_DELADDR, 0, change.interface, change.prefix, nullptr, false);
    local_routes_.forget(change.prefix.address);
}

void AddressChanges::attribute(std::uint16_t type, const void* data, std::size_t size) {
    const std::size_t begin = buffer_.size();
    buffer_.resize(begin + RTA_ALIGN(RTA_LENGTH(size)));
    rtattr header{};
    header.rta_type = type;
    header.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
    std::memcpy(&buffer_[begin], &header, sizeof header);
    std::memcpy(&buffer_[begin + RTA_LENGTH(0)], data, size);
}

void AddressChanges::append(std::uint16_t type, std::uint16_t flags, core::InterfaceIndex interface,
                            const IpPrefix& prefix, const Duration* lease, bool adds) {
    const std::size_t begin = buffer_.size();
    buffer_.resize(begin + aligned(sizeof(nlmsghdr)) + aligned(sizeof(ifaddrmsg)));
    const auto bytes = prefix.address.bytes();
    attribute(IFA_LOCAL, bytes.data(), bytes.size());
    if (lease != nullptr) {
        attribute(IFA_ADDRESS, bytes.data(), bytes.size());
        if (const auto broadcast = broadcast_of(prefix)) {
            attribute(IFA_BROADCAST, broadcast->data(), broadcast->size());
        }
        ifa_cacheinfo lifetimes{};
        const bool limited = *lease > Duration::zero();
        lifetimes.ifa_valid = limited ? static_cast<std::uint32_t>(
                                            std::chrono::ceil<std::chrono::seconds>(*lease).count())
                                      : UINT32_MAX;
        // A deprecated IPv6 address is never chosen as the source of this node's own connections,
        // which would break when the address moves. IPv4 chooses the primary address anyway.
        lifetimes.ifa_prefered = prefix.address.is_v6() ? 0 : lifetimes.ifa_valid;
        attribute(IFA_CACHEINFO, &lifetimes, sizeof lifetimes);
        // No duplicate address detection: the election has decided, and waiting a second would drop
        // traffic.
        const std::uint32_t address_flags = prefix.address.is_v6() ? IFA_F_NODAD : 0;
        attribute(IFA_FLAGS, &address_flags, sizeof address_flags);
        attribute(attribute_protocol, &address_protocol, sizeof address_protocol);
    }
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(buffer_.size() - begin);
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    header.nlmsg_seq = next_sequence_;
    std::memcpy(&buffer_[begin], &header, sizeof header);
    ifaddrmsg address{};
    address.ifa_family = prefix.address.is_v4() ? AF_INET : AF_INET6;
    address.ifa_prefixlen = prefix.length;
    address.ifa_index = static_cast<std::uint32_t>(interface);
    address.ifa_scope = prefix.address.is_v6() && prefix.address.is_link_local()
                            ? RT_SCOPE_LINK
                            : RT_SCOPE_UNIVERSE;
    std::memcpy(&buffer_[begin + aligned(sizeof(nlmsghdr))], &address, sizeof address);
    pending_.push_back({next_sequence_++, interface, prefix, adds, begin});
}

void AddressChanges::flush(const EventSink& sink) {
    for (std::size_t first = 0; first < pending_.size(); first += most_in_one_message) {
        send(first, std::min(first + most_in_one_message, pending_.size()), sink);
    }
    local_routes_.wait();
    pending_.clear();
    buffer_.clear();
}

void AddressChanges::send(std::size_t first, std::size_t last, const EventSink& sink) {
    const std::size_t begin = pending_[first].begin;
    const std::size_t end = last == pending_.size() ? buffer_.size() : pending_[last].begin;
    // Errors come back unasked. The acknowledgement of the last change says that all are done.
    nlmsghdr header{};
    std::memcpy(&header, &buffer_[pending_[last - 1].begin], sizeof header);
    header.nlmsg_flags |= NLM_F_ACK;
    std::memcpy(&buffer_[pending_[last - 1].begin], &header, sizeof header);
    ssize_t sent = 0;
    do {
        sent = ::send(socket_.get(), &buffer_[begin], end - begin, 0);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        const int error = errno;
        for (std::size_t i = first; i < last; ++i) {
            refuse(pending_[i], error, sink);
        }
        return;
    }
    read_answers(first, last, sink);
}

void AddressChanges::read_answers(std::size_t first, std::size_t last, const EventSink& sink) {
    const std::uint32_t last_sequence = pending_[last - 1].sequence;
    const std::uint32_t first_sequence = pending_[first].sequence;
    alignas(nlmsghdr) char answers[16 * 1024];
    while (true) {
        // The kernel works on a request while it is being sent, so the answers are there: no
        // waiting.
        const ssize_t size = recv(socket_.get(), answers, sizeof answers, MSG_DONTWAIT);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return;
        }
        int remaining = static_cast<int>(size);
        for (auto* message = reinterpret_cast<nlmsghdr*>(answers); nlmsg_ok(message, remaining);
             message = nlmsg_next(message, &remaining)) {
            if (message->nlmsg_type != NLMSG_ERROR) {
                continue;
            }
            const int error = -static_cast<const nlmsgerr*>(nlmsg_data(message))->error;
            const std::uint32_t sequence = message->nlmsg_seq;
            if (error != 0 && sequence >= first_sequence && sequence <= last_sequence) {
                refuse(pending_[first + (sequence - first_sequence)], error, sink);
            }
            if (sequence == last_sequence) {
                return;
            }
        }
    }
}

void AddressChanges::refuse(const Pending& change, int error, const EventSink& sink) {
    if (change.adds) {
        local_routes_.forget(change.prefix.address);
        sink(core::AddressRefused{change.interface, change.prefix, error == EEXIST,
                                  std::strerror(error)});
    }
}

}  // namespace understudy::host
