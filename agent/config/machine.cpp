// The real machine, for this_node.hpp.
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <system_error>

#include "agent/config/this_node.hpp"

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

bool exists(const std::string& path) {
    struct stat seen{};
    return stat(path.c_str(), &seen) == 0;
}

// systemd.unit(5), the search path of the system manager. An instance has the file of its template.
bool has_unit(const std::string& name) {
    constexpr std::array folders = {"/etc/systemd/system",         "/run/systemd/system",
                                    "/run/systemd/generator",      "/run/systemd/generator.early",
                                    "/run/systemd/generator.late", "/usr/local/lib/systemd/system",
                                    "/usr/lib/systemd/system",     "/lib/systemd/system",
                                    "/run/systemd/transient"};
    const auto at = name.find('@');
    const auto dot = name.rfind('.');
    const std::string pattern = at != std::string::npos && dot != std::string::npos && at < dot
                                    ? name.substr(0, at + 1) + name.substr(dot)
                                    : name;
    for (const char* folder : folders) {
        if (exists(std::string{folder} + '/' + name) ||
            exists(std::string{folder} + '/' + pattern)) {
            return true;
        }
    }
    return false;
}

std::string trouble_with_file(const std::string& path) {
    struct stat seen{};
    if (stat(path.c_str(), &seen) != 0) {
        return errno == ENOENT || errno == ENOTDIR ? "does not exist"
                                                   : std::generic_category().message(errno);
    }
    return S_ISREG(seen.st_mode) ? "" : "is not a file";
}

// Executable for anybody: it runs as another user than the one who asks.
std::string trouble_with_program(const std::string& path) {
    struct stat seen{};
    const std::string trouble = trouble_with_file(path);
    const bool executable =
        stat(path.c_str(), &seen) == 0 && (seen.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
    return !trouble.empty() || executable ? trouble : "is not executable";
}

}  // namespace

Machine this_machine() {
    Machine machine;
    machine.has_interface = [](const std::string& name) {
        return if_nametoindex(name.c_str()) != 0;
    };
    machine.has_address = has_address;
    machine.has_user = [](const std::string& name) { return getpwnam(name.c_str()) != nullptr; };
    machine.has_unit = has_unit;
    machine.trouble_with_program = trouble_with_program;
    machine.trouble_with_file = trouble_with_file;
    return machine;
}

}  // namespace understudy::config
