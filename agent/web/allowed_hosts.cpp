#include "agent/web/allowed_hosts.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "base/ip_address.hpp"

namespace understudy::web {

namespace {

std::string lower(std::string_view text) {
    std::string result{text};
    std::ranges::transform(result, result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return result;
}

// Without port, brackets, and the dot that ends a whole name. Nothing if it is no host at all.
std::optional<std::string> name_in(std::string_view host) {
    std::string_view name = host;
    std::string_view port;
    if (host.starts_with('[')) {
        const auto end = host.find(']');
        if (end == host.npos) {
            return std::nullopt;
        }
        name = host.substr(1, end - 1);
        port = host.substr(end + 1);
    } else if (const auto colon = host.find(':'); colon != host.npos) {
        name = host.substr(0, colon);
        port = host.substr(colon);
    }
    std::uint16_t number = 0;
    const char* end = port.data() + port.size();
    if (!port.empty() && (port.front() != ':' || port.size() == 1 ||
                          std::from_chars(port.data() + 1, end, number).ptr != end)) {
        return std::nullopt;
    }
    if (name.ends_with('.')) {
        name.remove_suffix(1);
    }
    return lower(name);
}

std::string this_machine() {
    std::array<char, 256> name{};
    gethostname(name.data(), name.size() - 1);
    return name.data();
}

bool is_loopback(const IpAddress& address) {
    constexpr unsigned first_of_loopback = 127;
    return address.is_v4() ? std::to_integer<unsigned>(address.bytes()[0]) == first_of_loopback
                           : address == *IpAddress::parse("::1");
}

}  // namespace

AllowedHosts::AllowedHosts(const std::vector<std::string>& names) {
    const std::string machine = lower(this_machine());
    names_ = {machine, machine.substr(0, machine.find('.'))};
    for (const std::string& name : names) {
        names_.insert(name_in(name).value_or(""));
    }
    names_.erase("");
}

bool AllowedHosts::allow(std::string_view host, const std::string& local_address) const {
    const auto name = name_in(host);
    if (!name) {
        return false;
    }
    if (names_.contains(*name)) {
        return true;
    }
    // Also one that an IPv6 socket shows as ::ffff:192.0.2.1.
    constexpr std::string_view mapped = "::ffff:";
    const auto local = IpAddress::parse(local_address.starts_with(mapped) &&
                                                local_address.find('.') != local_address.npos
                                            ? local_address.substr(mapped.size())
                                            : local_address);
    const bool here = local && IpAddress::parse(*name) == local;
    return here || (*name == "localhost" && local && is_loopback(*local));
}

std::string complaint_about_host(const std::string& name) {
    const auto found = name_in(name);
    const bool good = found && !found->empty() && std::ranges::all_of(*found, [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                                 c == '.' || c == '_' || c == ':';
                      });
    return good ? "" : '"' + name + "\" is not the name of a host, such as lb1.example.org";
}

}  // namespace understudy::web
