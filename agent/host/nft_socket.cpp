#include "agent/host/nft_socket.hpp"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "agent/host/packet_rules.hpp"

namespace understudy::host {

namespace {

constexpr std::size_t largest_answer = std::size_t{32} * 1024;
constexpr int room = 4 * 1024 * 1024;
// The kernel's attributes have 16 bits for their length.
constexpr std::size_t most_elements = 512;
constexpr std::size_t largest_request = std::size_t{64} * 1024;

void require(int error) {
    if (error != 0) {
        throw std::bad_alloc{};
    }
}

NftSocket::Message message_of(int type, int flags, std::uint8_t family, std::uint16_t resource) {
    NftSocket::Message message{nlmsg_alloc_size(largest_request)};
    nlmsghdr* header =
        message ? nlmsg_put(message.get(), 0, 0, type, 0, NLM_F_REQUEST | flags) : nullptr;
    if (header == nullptr) {
        throw std::bad_alloc{};
    }
    nfgenmsg family_header{family, NFNETLINK_V0, htons(resource)};
    require(nlmsg_append(message.get(), &family_header, sizeof family_header, NLMSG_ALIGNTO));
    return message;
}

NftSocket::Message table_message(int what, int flags, std::uint8_t family) {
    auto message = message_of((NFNL_SUBSYS_NFTABLES << 8) | what, flags, family, NFNL_SUBSYS_NONE);
    // The name of the table is the first attribute of tables, chains, rules, sets and elements.
    require(nla_put_string(message.get(), NFTA_TABLE_NAME, rule_table));
    return message;
}

NftSocket::Message set_message(int what, int flags, std::uint8_t family, const char* set) {
    auto message = table_message(what, flags, family);
    require(nla_put_string(message.get(), NFTA_SET_ELEM_LIST_SET, set));
    return message;
}

const char* text_of(nlmsghdr& message, int type) {
    const nlattr* attribute = nlmsg_find_attr(&message, sizeof(nfgenmsg), type);
    const bool ends = attribute != nullptr && nla_len(attribute) > 0 &&
                      static_cast<const char*>(nla_data(attribute))[nla_len(attribute) - 1] == '\0';
    return ends ? static_cast<const char*>(nla_data(attribute)) : "";
}

std::string bytes_of(const nlattr* attribute) {
    return attribute == nullptr ? std::string{}
                                : std::string{static_cast<const char*>(nla_data(attribute)),
                                              static_cast<std::size_t>(nla_len(attribute))};
}

bool is_ours(nlmsghdr& message) {
    return std::strcmp(text_of(message, NFTA_TABLE_NAME), rule_table) == 0;
}

int kind_of(const nlmsghdr& message) {
    return message.nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES ? message.nlmsg_type & 0xff : -1;
}

std::uint32_t number_of(const nlattr* attribute) {
    std::uint32_t value = 0;
    if (attribute != nullptr && nla_len(attribute) >= static_cast<int>(sizeof value)) {
        std::memcpy(&value, nla_data(attribute), sizeof value);
    }
    return ntohl(value);
}

void read_keys(nlmsghdr& message, std::set<SetKey>& keys) {
    nlattr* list = kind_of(message) == NFT_MSG_NEWSETELEM
                       ? nlmsg_find_attr(&message, sizeof(nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS)
                       : nullptr;
    if (list == nullptr) {
        return;
    }
    int left = nla_len(list);
    for (auto* element = static_cast<nlattr*>(nla_data(list)); nla_ok(element, left) != 0;
         element = nla_next(element, &left)) {
        nlattr* key =
            nla_find(static_cast<nlattr*>(nla_data(element)), nla_len(element), NFTA_SET_ELEM_KEY);
        const nlattr* value = key == nullptr ? nullptr
                                             : nla_find(static_cast<nlattr*>(nla_data(key)),
                                                        nla_len(key), NFTA_DATA_VALUE);
        if (value != nullptr) {
            const auto* first = static_cast<const std::byte*>(nla_data(value));
            keys.emplace(first, first + nla_len(value));
        }
    }
}

FileDescriptor open_socket(unsigned groups) {
    FileDescriptor opened{
        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER)};
    setsockopt(opened.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    if (bind(opened.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        (groups != 0 && setsockopt(opened.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups,
                                   sizeof groups) != 0)) {
        opened.reset();
    }
    return opened;
}

template <class Visit>
void each_message(std::span<std::byte> datagram, Visit&& visit) {
    auto left = static_cast<int>(datagram.size());
    for (auto* header = reinterpret_cast<nlmsghdr*>(datagram.data()); nlmsg_ok(header, left) != 0;
         header = nlmsg_next(header, &left)) {
        visit(*header);
    }
}

}  // namespace

void NftSocket::FreeMessage::operator()(nl_msg* message) const {
    nlmsg_free(message);
}

NftSocket::NftSocket() : socket_(open_socket(0)), answer_(largest_answer) {}

std::uint32_t NftSocket::port() const {
    sockaddr_nl own{};
    socklen_t size = sizeof own;
    return getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&own), &size) == 0 ? own.nl_pid
                                                                                     : 0;
}

// --- changes -------------------------------------------------------------------------------------

void NftSocket::append(const Message& message) {
    if (batch_.empty()) {
        const Message begin = message_of(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
        const auto* first = reinterpret_cast<const std::byte*>(nlmsg_hdr(begin.get()));
        batch_.assign(first, first + NLMSG_ALIGN(nlmsg_hdr(begin.get())->nlmsg_len));
    }
    const auto* first = reinterpret_cast<const std::byte*>(nlmsg_hdr(message.get()));
    batch_.insert(batch_.end(), first, first + NLMSG_ALIGN(nlmsg_hdr(message.get())->nlmsg_len));
}

// Names no element: so it is about all of the set.
void NftSocket::empty_set(std::uint8_t family, const char* set) {
    append(set_message(NFT_MSG_DELSETELEM, 0, family, set));
}

void NftSocket::add_elements(std::uint8_t family, const char* set, const std::set<SetKey>& keys) {
    change_elements(NFT_MSG_NEWSETELEM, family, set, keys);
}

void NftSocket::delete_elements(std::uint8_t family, const char* set,
                                const std::set<SetKey>& keys) {
    change_elements(NFT_MSG_DELSETELEM, family, set, keys);
}

void NftSocket::change_elements(int type, std::uint8_t family, const char* set,
                                const std::set<SetKey>& keys) {
    auto key = keys.begin();
    while (key != keys.end()) {
        const Message message =
            set_message(type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0, family, set);
        nlattr* list = nla_nest_start(message.get(), NFTA_SET_ELEM_LIST_ELEMENTS);
        for (std::size_t i = 0; i < most_elements && key != keys.end(); ++i, ++key) {
            nlattr* element = nla_nest_start(message.get(), NFTA_LIST_ELEM);
            nlattr* data = nla_nest_start(message.get(), NFTA_SET_ELEM_KEY);
            require(list == nullptr || element == nullptr || data == nullptr ? -1 : 0);
            require(nla_put(message.get(), NFTA_DATA_VALUE, static_cast<int>(key->size()),
                            key->data()));
            nla_nest_end(message.get(), data);
            nla_nest_end(message.get(), element);
        }
        nla_nest_end(message.get(), list);
        append(message);
    }
}

// The kernel takes netlink requests in the caller's time, and says nothing of what it has done.
int NftSocket::commit() {
    if (batch_.empty()) {
        return 0;
    }
    append(message_of(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    const ssize_t sent = sendto(socket_.get(), batch_.data(), batch_.size(), 0,
                                reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
    int error = sent < 0 ? errno : 0;
    batch_.clear();
    ssize_t size = 0;
    while ((size = recv(socket_.get(), answer_.data(), answer_.size(), 0)) > 0) {
        each_message(std::span{answer_}.first(static_cast<std::size_t>(size)),
                     [&](nlmsghdr& header) {
                         if (header.nlmsg_type == NLMSG_ERROR && error == 0) {
                             error = -static_cast<nlmsgerr*>(nlmsg_data(&header))->error;
                         }
                     });
    }
    return error;
}

// --- what there is -------------------------------------------------------------------------------

bool NftSocket::ask(const Message& question, const Visit& visit) {
    const nlmsghdr* header = nlmsg_hdr(question.get());
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (sendto(socket_.get(), header, header->nlmsg_len, 0,
               reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) < 0) {
        return false;
    }
    bool whole = true;
    ssize_t size = 0;
    while ((size = recv(socket_.get(), answer_.data(), answer_.size(), 0)) > 0) {
        each_message(std::span{answer_}.first(static_cast<std::size_t>(size)),
                     [&](nlmsghdr& message) {
                         whole = whole && message.nlmsg_type != NLMSG_ERROR &&
                                 (message.nlmsg_flags & NLM_F_DUMP_INTR) == 0;
                         visit(message);
                     });
    }
    return whole;
}

std::set<SetKey> NftSocket::elements(std::uint8_t family, const char* set) {
    std::set<SetKey> keys;
    ask(set_message(NFT_MSG_GETSETELEM, NLM_F_DUMP, family, set),
        [&](nlmsghdr& message) { read_keys(message, keys); });
    return keys;
}

// Every rule, chain and set has a handle that no other one ever gets. The message about
// a rule has all of it; newer kernels add the number of elements to that about a set, so only its
// name counts.
std::optional<std::set<std::string>> NftSocket::parts_of_table(std::uint8_t family) {
    std::set<std::string> parts;
    bool found = false;
    const auto read = [&](nlmsghdr& message) {
        const int kind = kind_of(message);
        if (kind < 0 || !is_ours(message) ||
            static_cast<const nfgenmsg*>(nlmsg_data(&message))->nfgen_family != family) {
            return;
        }
        found = found || kind == NFT_MSG_NEWTABLE;
        std::string part{static_cast<char>(kind)};
        if (kind == NFT_MSG_NEWSET) {
            part += bytes_of(nlmsg_find_attr(&message, sizeof(nfgenmsg), NFTA_SET_NAME)) +
                    bytes_of(nlmsg_find_attr(&message, sizeof(nfgenmsg), NFTA_SET_HANDLE));
        } else {
            part.append(reinterpret_cast<const char*>(nlmsg_attrdata(&message, sizeof(nfgenmsg))),
                        static_cast<std::size_t>(nlmsg_attrlen(&message, sizeof(nfgenmsg))));
        }
        parts.insert(std::move(part));
    };
    ask(table_message(NFT_MSG_GETTABLE, 0, family), read);
    for (const int question : {NFT_MSG_GETCHAIN, NFT_MSG_GETRULE, NFT_MSG_GETSET}) {
        if (!found || !ask(table_message(question, NLM_F_DUMP, family), read)) {
            return std::nullopt;
        }
    }
    return parts;
}

// --- what changes --------------------------------------------------------------------------------

NftWatch::NftWatch() : socket_(open_socket(NFNLGRP_NFTABLES)), buffer_(largest_answer) {}

std::vector<NftWatch::Change> NftWatch::read() {
    std::vector<Change> changes;
    while (true) {
        const ssize_t size = recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
        if (size < 0 && errno == ENOBUFS) {
            changes.push_back({false, true, "", 0});
            continue;
        }
        if (size <= 0) {
            return changes;
        }
        each_message(std::span{buffer_}.first(static_cast<std::size_t>(size)),
                     [&](nlmsghdr& message) { look_at(message, changes); });
    }
}

// The kernel reports a transaction piece by piece, and the process at its end.
void NftWatch::look_at(nlmsghdr& message, std::vector<Change>& changes) {
    const int kind = kind_of(message);
    if (kind < 0 || message.nlmsg_pid == ignored_) {
        return;
    }
    if (kind != NFT_MSG_NEWGEN) {
        touched_ = touched_ || is_ours(message);
        return;
    }
    changes.push_back({std::exchange(touched_, false), false, text_of(message, NFTA_GEN_PROC_NAME),
                       static_cast<int>(number_of(
                           nlmsg_find_attr(&message, sizeof(nfgenmsg), NFTA_GEN_PROC_PID)))});
}

}  // namespace understudy::host
