#include "agent/host/introduction.hpp"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/msg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <set>
#include <utility>

#include "agent/core/source_address.hpp"
#include "agent/host/announcement.hpp"
#include "base/overloaded.hpp"
#include "base/system_error.hpp"

namespace understudy::host {

namespace {

// In one message to the kernel; all the answers to it fit the receive buffer.
constexpr std::size_t most_routes = 128;
constexpr int route_receive_buffer = 4 * 1024 * 1024;

// From its source where one is configured: over IPv4 the kernel refuses one that is not here.
void append_request(std::vector<std::byte>& out, const IpAddress& peer,
                    const std::optional<IpAddress>& source, core::InterfaceIndex interface,
                    std::uint32_t sequence) {
    struct {
        nlmsghdr header{};
        rtmsg route{};
    } request;
    const auto bits = [](const IpAddress& a) {
        return static_cast<unsigned char>(8 * a.bytes().size());
    };
    const std::size_t begin = out.size();
    const auto append = [&](std::span<const std::byte> bytes) {
        out.insert(out.end(), bytes.begin(), bytes.end());
    };
    const auto attribute = [&](unsigned short type, std::span<const std::byte> value) {
        const rtattr head{static_cast<unsigned short>(RTA_LENGTH(value.size())), type};
        append(std::as_bytes(std::span{&head, 1}));
        append(value);  // 4 or 16 bytes: aligned
    };
    request.route.rtm_family = peer.is_v4() ? AF_INET : AF_INET6;
    request.route.rtm_dst_len = bits(peer);
    request.route.rtm_src_len = source ? bits(*source) : 0;
    append(std::as_bytes(std::span{&request, 1}));
    attribute(RTA_OIF, std::as_bytes(std::span{&interface, 1}));
    attribute(RTA_DST, peer.bytes());
    if (source) {
        attribute(RTA_SRC, source->bytes());
    }
    request.header.nlmsg_type = RTM_GETROUTE;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.header.nlmsg_seq = sequence;
    request.header.nlmsg_len = static_cast<std::uint32_t>(out.size() - begin);
    std::memcpy(&out[begin], &request.header, sizeof request.header);
}

std::optional<IpAddress> address_of(const nlattr* attribute, Family family) {
    if (attribute == nullptr ||
        static_cast<std::size_t>(nla_len(attribute)) != address_size(family)) {
        return std::nullopt;
    }
    return IpAddress::from_bytes(
        {static_cast<const std::byte*>(nla_data(attribute)), address_size(family)});
}

std::optional<MacAddress> mac_of(int socket, const std::string& interface) {
    ifreq request{};
    std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
    if (ioctl(socket, SIOCGIFHWADDR, &request) < 0 ||
        request.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
        return std::nullopt;
    }
    MacAddress mac;
    std::memcpy(mac.bytes.data(), request.ifr_hwaddr.sa_data, mac.bytes.size());
    return mac;
}

}  // namespace

Introduction::Introduction(int frames)
    : routes_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)), frames_(frames) {
    if (!routes_.is_open()) {
        throw_system_error("cannot open a netlink socket for the routes to the peers");
    }
    setsockopt(routes_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &route_receive_buffer,
               sizeof route_receive_buffer);
}

void Introduction::introduce(const core::Configuration& configuration,
                             const core::KernelView& kernel, const HeldAddresses& held,
                             core::InterfaceIndex interface, Family family) {
    std::array<char, IF_NAMESIZE> name{};
    if (if_indextoname(static_cast<unsigned>(interface), name.data()) == nullptr) {
        return;
    }
    std::vector<Question> questions =
        questions_for(configuration, kernel, name.data(), interface, family);
    const auto mac = questions.empty() ? std::nullopt : mac_of(frames_, name.data());
    if (!mac) {
        return;
    }
    for (std::size_t first = 0; first < questions.size(); first += most_routes) {
        const std::size_t count = std::min(most_routes, questions.size() - first);
        find_routes(std::span{questions}.subspan(first, count), interface);
    }
    for (const Question& question : questions) {
        if (question.hop && question.source && !held.contain(*question.source)) {
            ask(question, interface, *mac);
        }
    }
}

std::optional<IpAddress> Introduction::source_of(const core::VipSettings& vip,
                                                 const core::KernelView& kernel,
                                                 core::InterfaceIndex interface, Family family,
                                                 const std::set<IpAddress>& moving) {
    const auto configured = std::ranges::find(vip.unicast_sources, family, &IpAddress::family);
    if (configured != vip.unicast_sources.end()) {
        return *configured;
    }
    core::SourceQuestion question{interface, family, {}, moving};
    std::ranges::copy_if(vip.unicast_peers, std::back_inserter(question.peers),
                         [&](const IpAddress& peer) { return peer.family() == family; });
    const core::SourceChoice choice = core::choose_source(kernel, question);
    return choice.address == nullptr ? std::nullopt : std::optional{choice.address->prefix.address};
}

std::vector<Introduction::Question> Introduction::questions_for(
    const core::Configuration& configuration, const core::KernelView& kernel,
    const std::string& name, core::InterfaceIndex interface, Family family) {
    const std::set<IpAddress> moving = core::addresses_that_move(configuration);
    std::set<std::pair<IpAddress, std::optional<IpAddress>>> pairs;
    for (const core::VipSettings& vip : configuration.vips) {
        if (vip.interface != name || !vip.is_unicast()) {
            continue;
        }
        const auto source = source_of(vip, kernel, interface, family, moving);
        for (const IpAddress& peer : vip.unicast_peers) {
            if (peer.family() == family) {
                pairs.emplace(peer, source);
            }
        }
    }
    std::vector<Question> questions;
    for (const auto& [peer, source] : pairs) {
        questions.push_back({peer, source, {}});
    }
    return questions;
}

void Introduction::find_routes(std::span<Question> questions, core::InterfaceIndex interface) {
    std::vector<std::byte> requests;
    for (std::size_t i = 0; i < questions.size(); ++i) {
        append_request(requests, questions[i].peer, questions[i].source, interface,
                       static_cast<std::uint32_t>(i));
    }
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    sendto(routes_.get(), requests.data(), requests.size(), MSG_DONTWAIT,
           reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
    // The kernel answers while it is asked.
    alignas(nlmsghdr) std::byte answer[16 * 1024];
    ssize_t size = 0;
    while ((size = recv(routes_.get(), answer, sizeof answer, MSG_DONTWAIT)) > 0) {
        auto left = static_cast<int>(size);
        for (auto* message = reinterpret_cast<nlmsghdr*>(answer); nlmsg_ok(message, left);
             message = nlmsg_next(message, &left)) {
            nlattr* table[RTA_MAX + 1] = {};
            if (message->nlmsg_type != RTM_NEWROUTE || message->nlmsg_seq >= questions.size() ||
                nlmsg_parse(message, sizeof(rtmsg), table, RTA_MAX, nullptr) < 0) {
                continue;
            }
            Question& question = questions[message->nlmsg_seq];
            const auto* route = static_cast<const rtmsg*>(nlmsg_data(message));
            const nlattr* out = table[RTA_OIF];
            if (route->rtm_type != RTN_UNICAST || table[RTA_VIA] != nullptr || out == nullptr ||
                static_cast<core::InterfaceIndex>(nla_get_u32(out)) != interface) {
                continue;
            }
            const Family family = question.peer.family();
            question.hop = address_of(table[RTA_GATEWAY], family).value_or(question.peer);
            if (!question.source) {
                question.source = address_of(table[RTA_PREFSRC], family);
            }
        }
    }
}

void Introduction::ask(const Question& question, core::InterfaceIndex interface,
                       const MacAddress& mac) {
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = interface;
    const auto send = [&](std::span<const std::byte> frame) {
        sendto(frames_, frame.data(), frame.size(), MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&to), sizeof to);
    };
    if (question.peer.is_v4()) {
        send(arp_request(mac, *question.source, *question.hop));
    } else {
        send(neighbour_solicitation(mac, *question.source, *question.hop));
    }
}

void Introduction::observe(const core::Event& event) {
    std::visit(Overloaded{
                   [&](const core::AddressSeen& seen) { kernel_.seen(TimePoint{}, seen); },
                   [&](const core::AddressGone& gone) { kernel_.gone(gone); },
                   [&](const core::LinkGone& gone) { kernel_.gone(gone); },
                   [&](const core::ObservationStarted&) { kernel_.observation_started(); },
                   [&](const core::ObservationComplete&) { kernel_.observation_complete(); },
                   [](const auto&) {},
               },
               event);
}

bool Introduction::has_come(const core::Event& event) {
    observe(event);
    if (const auto* seen = std::get_if<core::AddressSeen>(&event)) {
        const bool own = !seen->ours && !seen->tentative && !seen->duplicate;
        return own && own_.emplace(seen->index, seen->prefix.address).second;
    }
    if (const auto* gone = std::get_if<core::AddressGone>(&event)) {
        own_.erase({gone->index, gone->prefix.address});
    } else if (const auto* link = std::get_if<core::LinkGone>(&event)) {
        std::erase_if(own_, [&](const auto& one) { return one.first == link->index; });
    } else if (std::holds_alternative<core::ObservationStarted>(event)) {
        own_.clear();
    }
    return false;
}

}  // namespace understudy::host
