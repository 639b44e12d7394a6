#include "checks/target.hpp"

#include <algorithm>
#include <variant>

#include "base/overloaded.hpp"

namespace understudy::checks {

namespace {

// Of "host:port", "[address]:port" and "[address%zone]", also without the port.
std::string host_of(std::string_view authority) {
    if (authority.starts_with('[')) {
        const auto end = authority.find_first_of("%]");
        return std::string{authority.substr(1, end == authority.npos ? end : end - 1)};
    }
    const auto colon = authority.find(':');
    return std::string{std::ranges::count(authority, ':') == 1 ? authority.substr(0, colon)
                                                               : authority};
}

std::string host_of_url(std::string_view url) {
    const auto scheme = url.find("://");
    if (scheme == url.npos) {
        return {};
    }
    url.remove_prefix(scheme + 3);
    url = url.substr(0, url.find_first_of("/?#"));
    if (const auto user = url.rfind('@'); user != url.npos) {
        url.remove_prefix(user + 1);
    }
    return host_of(url);
}

}  // namespace

std::string asked_host(const Question& question) {
    return std::visit(Overloaded{
                          [](const Icmp& q) { return q.target; },
                          [](const Arp& q) { return q.target.to_string(); },
                          [](const Tcp& q) { return q.target.host; },
                          [](const Udp& q) { return q.target.host; },
                          [](const Tls& q) { return q.target.host; },
                          [](const Dns& q) { return q.server.host; },
                          [](const Http& q) {
                              return q.connect.empty() ? host_of_url(q.url) : host_of(q.connect);
                          },
                          [](const Url& q) { return host_of_url(q.url); },
                          [](const auto&) { return std::string{}; },
                      },
                      question);
}

std::optional<IpAddress> literal_address(std::string_view host) {
    constexpr std::size_t mapped_prefix = 12;
    const auto address = IpAddress::parse(host);
    if (!address || address->is_v4()) {
        return address;
    }
    const auto bytes = address->bytes();
    const bool is_mapped =
        std::ranges::all_of(bytes.first(10), [](std::byte b) { return b == std::byte{0}; }) &&
        bytes[10] == std::byte{0xff} && bytes[11] == std::byte{0xff};
    return is_mapped ? IpAddress::from_bytes(bytes.subspan(mapped_prefix)) : *address;
}

}  // namespace understudy::checks
