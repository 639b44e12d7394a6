#include "agent/host/quiet_flush.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <memory>
#include <new>

namespace understudy::host {

namespace {

struct FreeMessage {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, FreeMessage>;

Message message_of(int type, int flags, std::uint8_t family, std::uint16_t resource) {
    Message message{nlmsg_alloc_simple(type, NLM_F_REQUEST | flags)};
    nfgenmsg header{family, NFNETLINK_V0, htons(resource)};
    if (!message || nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO) != 0) {
        throw std::bad_alloc{};
    }
    return message;
}

// Names no element: so it is about all of the set.
Message about_the_set(int what, int flags, std::uint8_t family) {
    Message message =
        message_of((NFNL_SUBSYS_NFTABLES << 8) | what, flags, family, NFNL_SUBSYS_NONE);
    if (nla_put_string(message.get(), NFTA_SET_ELEM_LIST_TABLE, "understudy") != 0 ||
        nla_put_string(message.get(), NFTA_SET_ELEM_LIST_SET, "quiet") != 0) {
        throw std::bad_alloc{};
    }
    return message;
}

void append(std::vector<std::byte>& bytes, const Message& message) {
    const auto* first = reinterpret_cast<const std::byte*>(nlmsg_hdr(message.get()));
    bytes.insert(bytes.end(), first, first + NLMSG_ALIGN(nlmsg_hdr(message.get())->nlmsg_len));
}

std::vector<std::byte> question_of(std::uint8_t family) {
    std::vector<std::byte> bytes;
    append(bytes, about_the_set(NFT_MSG_GETSETELEM, NLM_F_DUMP, family));
    return bytes;
}

// nf_tables takes changes as batches only.
std::vector<std::byte> flush_of(std::uint8_t family) {
    std::vector<std::byte> bytes;
    append(bytes, message_of(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
    append(bytes, about_the_set(NFT_MSG_DELSETELEM, 0, family));
    append(bytes, message_of(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
    return bytes;
}

bool has_an_element(nlmsghdr* header) {
    const bool tells = header->nlmsg_type == ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWSETELEM);
    const nlattr* list =
        tells ? nlmsg_find_attr(header, sizeof(nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS) : nullptr;
    return list != nullptr && nla_len(list) > 0;
}

}  // namespace

QuietFlush::QuietFlush()
    : socket_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)),
      families_{OfFamily{question_of(NFPROTO_ARP), flush_of(NFPROTO_ARP)},
                OfFamily{question_of(NFPROTO_IPV6), flush_of(NFPROTO_IPV6)}},
      answer_(std::size_t{32} * 1024) {}  // the kernel's largest piece of a list

void QuietFlush::flush() {
    for (const OfFamily& family : families_) {
        send(family.question);
        if (finds_an_element()) {
            send(family.flush);
        }
    }
}

// Done when it returns: the kernel takes netlink requests in the caller's time.
void QuietFlush::send(const std::vector<std::byte>& messages) {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    sendto(socket_.get(), messages.data(), messages.size(), MSG_DONTWAIT,
           reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
}

// Reads all there is: the list in pieces, or that there is no such set, or a refusal of the last
// flush.
bool QuietFlush::finds_an_element() {
    bool found = false;
    ssize_t size = 0;
    while ((size = recv(socket_.get(), answer_.data(), answer_.size(), MSG_DONTWAIT)) > 0) {
        auto left = static_cast<int>(size);
        for (auto* header = reinterpret_cast<nlmsghdr*>(answer_.data()); nlmsg_ok(header, left);
             header = nlmsg_next(header, &left)) {
            found = found || has_an_element(header);
        }
    }
    return found;
}

}  // namespace understudy::host
