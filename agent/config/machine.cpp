// The real machine, for this_node.hpp.
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pwd.h>

#include <memory>
#include <span>
#include <string>

#include "agent/config/access.hpp"
#include "agent/config/this_node.hpp"
#include "agent/config/unit_files.hpp"

namespace understudy::config {

namespace {

struct FreeAddresses {
    void operator()(ifaddrs* list) const { freeifaddrs(list); }
};

std::span<const std::byte> bytes_of(const sockaddr* address) {
    if (address->sa_family == AF_INET) {
        const auto* in = reinterpret_cast<const sockaddr_in*>(address);
        return std::as_bytes(std::span{&in->sin_addr, 1});
    }
    if (address->sa_family == AF_INET6) {
        const auto* in = reinterpret_cast<const sockaddr_in6*>(address);
        return std::as_bytes(std::span{&in->sin6_addr, 1});
    }
    return {};
}

bool has_address(const IpAddress& wanted) {
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) {
        return false;
    }
    const std::unique_ptr<ifaddrs, FreeAddresses> owner{list};
    for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
        const auto bytes =
            each->ifa_addr == nullptr ? std::span<const std::byte>{} : bytes_of(each->ifa_addr);
        if (!bytes.empty() && IpAddress::from_bytes(bytes) == wanted) {
            return true;
        }
    }
    return false;
}

}  // namespace

Machine this_machine() {
    Machine machine;
    machine.has_interface = [](const std::string& name) {
        return if_nametoindex(name.c_str()) != 0;
    };
    machine.has_address = has_address;
    machine.has_user = [](const std::string& name) { return getpwnam(name.c_str()) != nullptr; };
    machine.has_unit = has_unit_file;
    machine.trouble_with = [](const std::string& path, Use use, const std::string& user) {
        return config::trouble_with(path, use, identity_of(user));
    };
    const UnitRights unit = rights_of_unit("understudyd.service");
    machine.agent_user = unit.user;
    machine.agent_changes_user = unit.changes_user;
    return machine;
}

}  // namespace understudy::config
