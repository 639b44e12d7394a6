#include "agent/host/host_network.hpp"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <span>

#include "agent/host/file_descriptor.hpp"
#include "agent/host/kernel_monitor.hpp"

namespace understudy::host {

namespace {

using Route = control::HostNetwork::Route;
using Names = std::map<core::InterfaceIndex, std::string>;

std::optional<IpAddress> address_in(const nlattr* attribute, Family family) {
    if (attribute == nullptr ||
        static_cast<std::size_t>(nla_len(attribute)) != address_size(family)) {
        return std::nullopt;
    }
    return IpAddress::from_bytes(
        {static_cast<const std::byte*>(nla_data(attribute)), address_size(family)});
}

std::string name_of(const Names& names, int index) {
    const auto name = names.find(index);
    return name == names.end() ? "?" : name->second;
}

// One of several ways of a route, or its only one.
void add_way(Route& route, std::string& text, const Names& names, const nlattr* gateway,
             int index) {
    if (const auto via = address_in(gateway, route.family)) {
        text += " via " + via->to_string();
    }
    text += " dev " + name_of(names, index);
    route.interfaces.push_back(name_of(names, index));
}

void add_ways(Route& route, const Names& names, const nlattr* list) {
    auto left = static_cast<std::size_t>(nla_len(list));
    const auto* next = static_cast<const rtnexthop*>(nla_data(list));
    while (left >= sizeof *next && next->rtnh_len >= sizeof *next && next->rtnh_len <= left) {
        const nlattr* gateway = nla_find(
            reinterpret_cast<const nlattr*>(reinterpret_cast<const char*>(next) + sizeof *next),
            static_cast<int>(next->rtnh_len - sizeof *next), RTA_GATEWAY);
        route.text += " nexthop";
        add_way(route, route.text, names, gateway, next->rtnh_ifindex);
        const std::size_t step = RTNH_ALIGN(next->rtnh_len);
        if (step >= left) {
            return;
        }
        left -= step;
        next = reinterpret_cast<const rtnexthop*>(reinterpret_cast<const char*>(next) + step);
    }
}

// Nothing: the kernel has made it, or it leads nowhere.
std::optional<Route> read_route(nlmsghdr* message, const Names& names) {
    nlattr* table[RTA_MAX + 1] = {};
    if (message->nlmsg_type != RTM_NEWROUTE ||
        nlmsg_parse(message, sizeof(rtmsg), table, RTA_MAX, nullptr) < 0) {
        return std::nullopt;
    }
    const auto* header = static_cast<const rtmsg*>(nlmsg_data(message));
    if (header->rtm_type != RTN_UNICAST || header->rtm_protocol == RTPROT_KERNEL ||
        (header->rtm_family != AF_INET && header->rtm_family != AF_INET6) ||
        (header->rtm_flags & RTM_F_CLONED) != 0) {
        return std::nullopt;
    }
    Route route;
    route.family = header->rtm_family == AF_INET ? Family::ipv4 : Family::ipv6;
    route.source = address_in(table[RTA_PREFSRC], route.family);
    const auto destination = address_in(table[RTA_DST], route.family);
    route.text = destination ? IpPrefix{*destination, header->rtm_dst_len}.to_string() : "default";
    if (table[RTA_MULTIPATH] != nullptr) {
        add_ways(route, names, table[RTA_MULTIPATH]);
    } else if (table[RTA_OIF] != nullptr) {
        add_way(route, route.text, names, table[RTA_GATEWAY],
                static_cast<int>(nla_get_u32(table[RTA_OIF])));
    }
    const std::uint32_t number =
        table[RTA_TABLE] != nullptr ? nla_get_u32(table[RTA_TABLE]) : header->rtm_table;
    if (number != RT_TABLE_MAIN) {
        route.text += " table " + std::to_string(number);
    }
    return route;
}

void read_routes(unsigned char family, const Names& names, std::vector<Route>& routes) {
    const FileDescriptor fd{socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)};
    struct {
        nlmsghdr header{};
        rtmsg route{};
    } question;
    question.header.nlmsg_len = sizeof question;
    question.header.nlmsg_type = RTM_GETROUTE;
    question.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    question.route.rtm_family = family;
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (sendto(fd.get(), &question, sizeof question, 0, reinterpret_cast<sockaddr*>(&kernel),
               sizeof kernel) < 0) {
        return;
    }
    alignas(nlmsghdr) std::array<std::byte, std::size_t{64} * 1024> answer{};
    std::size_t count = 0;
    while (count < most_routes_read) {
        const ssize_t size = recv(fd.get(), answer.data(), answer.size(), 0);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return;
        }
        auto left = static_cast<int>(size);
        for (auto* message = reinterpret_cast<nlmsghdr*>(answer.data());
             nlmsg_ok(message, left) != 0; message = nlmsg_next(message, &left)) {
            if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
                return;
            }
            ++count;
            if (auto route = read_route(message, names)) {
                routes.push_back(std::move(*route));
            }
        }
    }
}

}  // namespace

control::HostNetwork read_host_network() {
    control::HostNetwork network;
    Names names;
    KernelMonitor{}.observe_all([&](const core::Event& event) {
        if (const auto* link = std::get_if<core::LinkSeen>(&event)) {
            names[link->index] = link->name;
        } else if (const auto* address = std::get_if<core::AddressSeen>(&event)) {
            network.addresses.push_back(
                {name_of(names, address->index), address->prefix, address->ours});
        }
    });
    read_routes(AF_INET, names, network.routes);
    read_routes(AF_INET6, names, network.routes);
    return network;
}

}  // namespace understudy::host
