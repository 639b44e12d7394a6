// "127.0.0.1:9112", "[::1]:9112": where the page is served.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "base/ip_address.hpp"

namespace understudy::web {

// Only this machine can reach it: what others may see is a decision of the operator.
inline constexpr const char* default_listen = "127.0.0.1:9112";

struct ListenAddress {
    IpAddress address;
    std::uint16_t port = 0;  // 0: one that is free

    // A name is not looked up: what listens where must not depend on a server of names.
    static std::expected<ListenAddress, std::string> parse(const std::string& text);
    std::string to_string() const;
};

}  // namespace understudy::web
