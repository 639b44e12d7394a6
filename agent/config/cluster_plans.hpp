// Whether the nodes of a cluster can do for each other what their configurations plan: whether a
// check can move a VIP, whether a service can follow it, and whether leases outlast a takeover.
#pragma once

#include "agent/config/cluster_member.hpp"
#include "agent/config/diagnostic.hpp"

namespace understudy::config {

void compare_plans(const Group& group, Diagnostics& diagnostics);

}  // namespace understudy::config
