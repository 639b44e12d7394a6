#include "agent/web/listen_address.hpp"

#include <charconv>

namespace understudy::web {

std::expected<ListenAddress, std::string> ListenAddress::parse(const std::string& text) {
    const std::string wrong =
        '"' + text + "\" is no ADDR:PORT, such as 127.0.0.1:9112 or [::1]:9112";
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) {
        return std::unexpected(wrong);
    }
    std::string host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    const auto address = IpAddress::parse(host);
    if (!address || address->is_v6() != bracketed) {
        return std::unexpected(wrong);
    }
    ListenAddress listen{*address, 0};
    const char* begin = text.data() + colon + 1;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(begin, end, listen.port);
    if (error != std::errc{} || rest != end) {
        return std::unexpected(wrong);
    }
    return listen;
}

std::string ListenAddress::to_string() const {
    const std::string host =
        address.is_v6() ? '[' + address.to_string() + ']' : address.to_string();
    return host + ':' + std::to_string(port);
}

}  // namespace understudy::web
