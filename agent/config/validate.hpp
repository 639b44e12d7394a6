// What no single key can tell: whether the keys of a VIP, and the VIPs of a node, fit each other.
//
// What depends on a key that could not be read is not judged: one mistake, one message.
#pragma once

#include <vector>

#include "agent/config/diagnostic.hpp"
#include "agent/config/keys.hpp"

namespace understudy::config {

// Settles what is derived: interfaces and order of the addresses, link-local address, lease.
void complete(VipDraft& vip);

// One VIP, which is complete.
void validate_vip(const VipDraft& vip, Diagnostics& diagnostics);

// The VIPs of a node against each other.
void validate_node(const std::vector<VipDraft>& vips, Diagnostics& diagnostics);

}  // namespace understudy::config
