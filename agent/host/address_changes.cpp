#include "agent/host/address_changes.hpp"

#include <linux/if_addr.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <tuple>

#include "agent/host/kernel_monitor.hpp"
#include "base/system_error.hpp"

namespace understudy::host {

namespace {

constexpr std::uint16_t ifa_protocol = 11;  // IFA_PROTO
// The most changes in one message to the kernel: it fits the default socket buffer.
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

struct FreeMessage {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, FreeMessage>;

Message link_message(std::uint16_t type, core::InterfaceIndex interface) {
    Message message{nlmsg_alloc_simple(type, NLM_F_REQUEST)};
    ifinfomsg link{};
    link.ifi_index = interface;
    if (!message || nlmsg_append(message.get(), &link, sizeof link, NLMSG_ALIGNTO) != 0) {
        throw std::bad_alloc{};
    }
    return message;
}

// Without the statistics, which are most of an answer.
Message question_about(core::InterfaceIndex interface) {
    Message message = link_message(RTM_GETLINK, interface);
    if (nla_put_u32(message.get(), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) != 0) {
        throw std::bad_alloc{};
    }
    return message;
}

Message promotion(core::InterfaceIndex interface, bool on) {
    Message message = link_message(RTM_SETLINK, interface);
    nlattr* families = nla_nest_start(message.get(), IFLA_AF_SPEC);
    nlattr* family = nla_nest_start(message.get(), AF_INET);
    nlattr* settings = nla_nest_start(message.get(), IFLA_INET_CONF);
    if (families == nullptr || family == nullptr || settings == nullptr ||
        nla_put_u32(message.get(), IPV4_DEVCONF_PROMOTE_SECONDARIES, on ? 1 : 0) != 0) {
        throw std::bad_alloc{};
    }
    for (nlattr* nested : {settings, family, families}) {
        nla_nest_end(message.get(), nested);
    }
    return message;
}

// Of IFLA_AF_SPEC in an answer: the settings of IPv4, as the kernel numbers them from one.
std::optional<bool> promotion_in(nlmsghdr* answer) {
    nlattr* families = answer->nlmsg_type == RTM_NEWLINK
                           ? nlmsg_find_attr(answer, sizeof(ifinfomsg), IFLA_AF_SPEC)
                           : nullptr;
    nlattr* family = families == nullptr ? nullptr
                                         : nla_find(static_cast<nlattr*>(nla_data(families)),
                                                    nla_len(families), AF_INET);
    const nlattr* settings = family == nullptr ? nullptr
                                               : nla_find(static_cast<nlattr*>(nla_data(family)),
                                                          nla_len(family), IFLA_INET_CONF);
    std::uint32_t value = 0;
    constexpr std::size_t place = IPV4_DEVCONF_PROMOTE_SECONDARIES - 1;
    if (settings == nullptr ||
        static_cast<std::size_t>(nla_len(settings)) < (place + 1) * sizeof value) {
        return std::nullopt;
    }
    std::memcpy(&value, static_cast<const char*>(nla_data(settings)) + place * sizeof value,
                sizeof value);
    return value != 0;
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
    queue_.push_back({Kind::add, change.interface, change.prefix, change.lease, false});
    if (change.prefix.address.is_v6()) {
        local_routes_.expect(change.prefix.address);
    }
}

void AddressChanges::queue(const core::RenewAddress& change) {
    queue_.push_back({Kind::renew, change.interface, change.prefix, change.lease, false});
}

void AddressChanges::queue(const core::RemoveAddress& change) {
    queue_.push_back({Kind::remove, change.interface, change.prefix, {}, false});
    local_routes_.forget(change.prefix.address);
}

// --- the order -----------------------------------------------------------------------------------

// A removal comes first only where the addition would be refused otherwise: the same address with
// the same prefix length, or an IPv6 address with any, which an interface has once. The others come
// last and in reverse: the first address of a network was probably added first, and with it the
// kernel would move the routes of the network once for each that follows.
void AddressChanges::put_in_order() {
    using Key = std::tuple<core::InterfaceIndex, IpAddress, std::uint8_t>;
    const auto key_of = [](const Change& change) {
        const IpPrefix& prefix = change.prefix;
        return Key{change.interface, prefix.address, prefix.address.is_v6() ? 0 : prefix.length};
    };
    std::set<Key> added_later;
    std::vector<Change> first;
    std::vector<Change> last;
    for (auto change = queue_.rbegin(); change != queue_.rend(); ++change) {
        if (change->kind == Kind::add) {
            added_later.insert(key_of(*change));
        } else if (change->kind == Kind::remove) {
            (added_later.contains(key_of(*change)) ? first : last).push_back(*change);
        }
    }
    std::erase_if(queue_, [](const Change& change) { return change.kind == Kind::remove; });
    queue_.insert(queue_.begin(), first.rbegin(), first.rend());
    queue_.insert(queue_.end(), last.begin(), last.end());
}

// For as long as the removals take, and in the same message, so that nobody sees it who does not
// look very closely.
void AddressChanges::keep_secondaries() {
    const auto takes_others_along = [](const Change& change) {
        constexpr std::uint8_t alone = 32;  // such a network has one address
        return change.kind == Kind::remove && change.prefix.address.is_v4() &&
               change.prefix.length < alone;
    };
    std::set<core::InterfaceIndex> interfaces;
    for (const Change& change : queue_) {
        if (takes_others_along(change)) {
            interfaces.insert(change.interface);
        }
    }
    const auto first = std::ranges::find_if(queue_, takes_others_along) - queue_.begin();
    for (const core::InterfaceIndex interface : interfaces) {
        if (promotes_secondaries(interface) == false) {
            queue_.insert(queue_.begin() + first, {Kind::promote, interface, {}, {}, true});
            queue_.push_back({Kind::promote, interface, {}, {}, false});
        }
    }
}

std::optional<bool> AddressChanges::promotes_secondaries(core::InterfaceIndex interface) {
    const Message question = question_about(interface);
    const nlmsghdr* header = nlmsg_hdr(question.get());
    if (::send(socket_.get(), header, header->nlmsg_len, 0) < 0) {
        return std::nullopt;
    }
    alignas(nlmsghdr) std::array<std::byte, std::size_t{16} * 1024> answer{};
    const ssize_t size = recv(socket_.get(), answer.data(), answer.size(), MSG_DONTWAIT);
    auto* message = reinterpret_cast<nlmsghdr*>(answer.data());
    return size > 0 && nlmsg_ok(message, static_cast<int>(size)) != 0 ? promotion_in(message)
                                                                      : std::nullopt;
}

// --- the messages --------------------------------------------------------------------------------

void AddressChanges::attribute(std::uint16_t type, const void* data, std::size_t size) {
    const std::size_t begin = buffer_.size();
    buffer_.resize(begin + RTA_ALIGN(RTA_LENGTH(size)));
    rtattr header{};
    header.rta_type = type;
    header.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
    std::memcpy(&buffer_[begin], &header, sizeof header);
    std::memcpy(&buffer_[begin + RTA_LENGTH(0)], data, size);
}

void AddressChanges::encode(const Change& change, std::uint32_t sequence) {
    if (change.kind != Kind::promote) {
        encode_address(change, sequence);
        return;
    }
    const Message message = promotion(change.interface, change.promote);
    nlmsghdr* header = nlmsg_hdr(message.get());
    header->nlmsg_seq = sequence;
    const auto* first = reinterpret_cast<const std::byte*>(header);
    buffer_.insert(buffer_.end(), first, first + NLMSG_ALIGN(header->nlmsg_len));
}

void AddressChanges::encode_address(const Change& change, std::uint32_t sequence) {
    const IpPrefix& prefix = change.prefix;
    const bool is_v6 = prefix.address.is_v6();
    const std::size_t begin = buffer_.size();
    buffer_.resize(begin + aligned(sizeof(nlmsghdr)) + aligned(sizeof(ifaddrmsg)));
    const auto bytes = prefix.address.bytes();
    attribute(IFA_LOCAL, bytes.data(), bytes.size());
    // Without it the kernel removes an IPv4 address with any prefix length.
    attribute(IFA_ADDRESS, bytes.data(), bytes.size());
    if (change.kind != Kind::remove) {
        if (const auto broadcast = broadcast_of(prefix)) {
            attribute(IFA_BROADCAST, broadcast->data(), broadcast->size());
        }
        ifa_cacheinfo lifetimes{};
        const bool limited = change.lease > Duration::zero();
        lifetimes.ifa_valid =
            limited ? static_cast<std::uint32_t>(
                          std::chrono::ceil<std::chrono::seconds>(change.lease).count())
                    : UINT32_MAX;
        // A deprecated IPv6 address is never chosen as the source of this node's own connections,
        // which would break when the address moves. IPv4 chooses the primary address anyway.
        lifetimes.ifa_prefered = is_v6 ? 0 : lifetimes.ifa_valid;
        attribute(IFA_CACHEINFO, &lifetimes, sizeof lifetimes);
        // No duplicate address detection: the election has decided, and waiting a second would drop
        // traffic.
        const std::uint32_t address_flags = is_v6 ? IFA_F_NODAD : 0;
        attribute(IFA_FLAGS, &address_flags, sizeof address_flags);
        attribute(ifa_protocol, &address_protocol, sizeof address_protocol);
    }
    constexpr std::array<std::uint16_t, 3> flags = {NLM_F_CREATE | NLM_F_EXCL, NLM_F_REPLACE, 0};
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(buffer_.size() - begin);
    header.nlmsg_type = change.kind == Kind::remove ? RTM_DELADDR : RTM_NEWADDR;
    header.nlmsg_flags =
        static_cast<std::uint16_t>(NLM_F_REQUEST | flags.at(static_cast<std::size_t>(change.kind)));
    header.nlmsg_seq = sequence;
    std::memcpy(&buffer_[begin], &header, sizeof header);
    ifaddrmsg address{};
    address.ifa_family = is_v6 ? AF_INET6 : AF_INET;
    address.ifa_prefixlen = prefix.length;
    address.ifa_index = static_cast<std::uint32_t>(change.interface);
    address.ifa_scope = is_v6 && prefix.address.is_link_local() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    std::memcpy(&buffer_[begin + aligned(sizeof(nlmsghdr))], &address, sizeof address);
}

void AddressChanges::flush(const EventSink& sink) {
    put_in_order();
    keep_secondaries();
    for (std::size_t i = 0; i < queue_.size(); ++i) {
        sent_.push_back({i, buffer_.size()});
        encode(queue_[i], next_sequence_ + static_cast<std::uint32_t>(i));
    }
    const std::span<const Sent> all{sent_};
    for (std::size_t first = 0; first < all.size(); first += most_in_one_message) {
        const std::size_t count = std::min(most_in_one_message, all.size() - first);
        const bool is_last = first + count == all.size();
        send(all.subspan(first, count), is_last ? buffer_.size() : all[first + count].begin, sink);
    }
    local_routes_.wait();
    next_sequence_ += static_cast<std::uint32_t>(queue_.size());
    queue_.clear();
    sent_.clear();
    buffer_.clear();
}

void AddressChanges::send(std::span<const Sent> messages, std::size_t end, const EventSink& sink) {
    // Errors come back unasked. The acknowledgement of the last change says that all are done.
    nlmsghdr header{};
    std::memcpy(&header, &buffer_[messages.back().begin], sizeof header);
    header.nlmsg_flags |= NLM_F_ACK;
    std::memcpy(&buffer_[messages.back().begin], &header, sizeof header);
    const std::size_t begin = messages.front().begin;
    ssize_t sent = 0;
    do {
        sent = ::send(socket_.get(), &buffer_[begin], end - begin, 0);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        const int error = errno;
        for (const Sent& message : messages) {
            refuse(queue_[message.change], error, sink);
        }
        return;
    }
    read_answers(messages, sink);
}

void AddressChanges::read_answers(std::span<const Sent> messages, const EventSink& sink) {
    const auto sequence_of = [&](const Sent& message) {
        return next_sequence_ + static_cast<std::uint32_t>(message.change);
    };
    const std::uint32_t first_sequence = sequence_of(messages.front());
    const std::uint32_t last_sequence = sequence_of(messages.back());
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
                refuse(queue_[messages[sequence - first_sequence].change], error, sink);
            }
            if (sequence == last_sequence) {
                return;
            }
        }
    }
}

void AddressChanges::refuse(const Change& change, int error, const EventSink& sink) {
    if (change.kind == Kind::add) {
        local_routes_.forget(change.prefix.address);
        sink(core::AddressRefused{change.interface, change.prefix, error == EEXIST,
                                  std::strerror(error)});
    }
}

}  // namespace understudy::host
