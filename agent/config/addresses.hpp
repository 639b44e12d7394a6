// Values that are addresses: what a node can hold, and whom it can talk to.
#pragma once

#include <string>

#include "agent/config/keys.hpp"
#include "agent/config/values.hpp"
#include "base/ip_address.hpp"

namespace understudy::config {

// "192.0.2.10/24", for extra_address also with "dev eth1". The place is left empty.
Parsed<WrittenAddress> parse_virtual_address(const std::string& text, bool advertised);

// The address of a VRRP router. Names are not looked up.
Parsed<IpAddress> parse_router(const std::string& text);

// The name of a network interface, as the kernel allows it.
Parsed<std::string> parse_interface(const std::string& text);

// All host bits are zero: the network itself, or IPv6's anycast address of all routers in it.
bool is_network_address(const IpPrefix& prefix);
// All host bits are one, in IPv4.
bool is_broadcast_address(const IpPrefix& prefix);

}  // namespace understudy::config
