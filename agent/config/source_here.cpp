#include "agent/config/source_here.hpp"

#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <netinet/in.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <span>
#include <utility>

#include "agent/config/cluster_sources.hpp"
#include "agent/core/source_address.hpp"

namespace understudy::config {

namespace {

struct FreeInterfaces {
    void operator()(ifaddrs* list) const { freeifaddrs(list); }
};

std::span<const std::byte> address_bytes(const sockaddr* address) {
    return std::as_bytes(std::span{&reinterpret_cast<const sockaddr_in*>(address)->sin_addr, 1});
}

// IPv4, whose flags are not shown here; secondary addresses come after the primary ones.
void append_v4(const std::string& interface, std::vector<core::AddressSeen>& out) {
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) {
        return;
    }
    const std::unique_ptr<ifaddrs, FreeInterfaces> owner{list};
    for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
        // A label has the interface's name before its colon.
        const std::string label = each->ifa_name;
        if (each->ifa_addr == nullptr || each->ifa_netmask == nullptr ||
            each->ifa_addr->sa_family != AF_INET || label.substr(0, label.find(':')) != interface) {
            continue;
        }
        core::AddressSeen seen;
        seen.prefix.address = IpAddress::from_bytes(address_bytes(each->ifa_addr));
        for (const std::byte byte : address_bytes(each->ifa_netmask)) {
            seen.prefix.length = static_cast<std::uint8_t>(
                seen.prefix.length + std::popcount(std::to_integer<std::uint8_t>(byte)));
        }
        out.push_back(seen);
    }
}

// proc(5): 32 digits, the number of the interface, prefix length, scope, flags, name.
void append_v6(const std::string& interface, std::vector<core::AddressSeen>& out) {
    std::ifstream lines{"/proc/net/if_inet6"};
    std::string digits;
    std::string name;
    unsigned index = 0;
    unsigned length = 0;
    unsigned scope = 0;
    unsigned flags = 0;
    while (lines >> digits >> std::hex >> index >> length >> scope >> flags >> name) {
        for (std::size_t colon = 4; colon < digits.size(); colon += 5) {
            digits.insert(colon, ":");
        }
        const auto address = IpAddress::parse(digits);
        if (!address || name != interface) {
            continue;
        }
        core::AddressSeen seen;
        seen.prefix = {*address, static_cast<std::uint8_t>(length)};
        seen.duplicate = (flags & IFA_F_DADFAILED) != 0;
        seen.deprecated = (flags & (IFA_F_DEPRECATED | IFA_F_OPTIMISTIC)) != 0;
        seen.secondary = (flags & IFA_F_TEMPORARY) != 0;
        out.push_back(seen);  // what is tentative now is not for long
    }
}

std::string chosen_here(const core::VipSettings& vip, Family family,
                        const std::set<IpAddress>& moving, const AddressesOf& addresses_of) {
    core::KernelView kernel;
    for (core::AddressSeen seen : addresses_of(vip.interface)) {
        seen.index = 1;
        kernel.seen(TimePoint{}, seen);
    }
    core::SourceQuestion question{1, family, {}, moving};
    std::ranges::copy_if(vip.unicast_peers, std::back_inserter(question.peers),
                         [&](const IpAddress& peer) { return peer.family() == family; });
    const core::SourceChoice choice = core::choose_source(kernel, question);
    return choice.address == nullptr ? "" : choice.address->prefix.address.to_string();
}

}  // namespace

std::vector<core::AddressSeen> addresses_here(const std::string& interface) {
    std::vector<core::AddressSeen> addresses;
    append_v4(interface, addresses);
    append_v6(interface, addresses);
    return addresses;
}

Diagnostics compare_sources_with_machine(const std::vector<NodeFile>& nodes,
                                         const AddressesOf& addresses_of) {
    Diagnostics diagnostics;
    const std::set<IpAddress> moving = core::addresses_that_move(nodes.front().configuration);
    for (const Group& group : group_vips(nodes)) {
        for (const ExpectedSource& expected : expected_sources(group)) {
            const core::VipSettings& vip = *expected.member.vip;
            if (expected.member.node != &nodes.front()) {
                continue;
            }
            const std::string chosen =
                chosen_here(vip, expected.address.family(), moving, addresses_of);
            if (!chosen.empty() && chosen != expected.address.to_string()) {
                diagnostics.push_back({expected.member.place_of("unicast_peer"),
                                       "[vip " + vip.name + "] would advertise from " + chosen +
                                           " of " + vip.interface + ", but its peers expect " +
                                           expected.address.to_string() + ", at " +
                                           to_string(expected.place) +
                                           ": write the right one as unicast_source",
                                       Severity::error});
            }
        }
    }
    return diagnostics;
}

}  // namespace understudy::config
