// Whether the routers that a VIP believes over multicast fit each other and the addresses.
#pragma once

#include "agent/config/complaints.hpp"

namespace understudy::config {

void validate_multicast_peers(const VipDraft& vip, const Complaints& complain);

}  // namespace understudy::config
