// Whom a check asks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ip_address.hpp"
#include "checks/settings.hpp"

namespace understudy::checks {

// The host that the check connects to, a name or an address without brackets and scope; empty: it
// asks nobody (a local check), or its URL has no host. Where a redirect leads is not known.
std::string asked_host(const Question& question);

// An address that is written as such; that of IPv4 where it is mapped (RFC 4291 2.5.5.2).
std::optional<IpAddress> literal_address(std::string_view host);

}  // namespace understudy::checks
