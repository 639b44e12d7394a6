// Whether the unicast routers of a VIP fit each other and the addresses.
#pragma once

#include "agent/config/complaints.hpp"

namespace understudy::config {

void validate_unicast(const VipDraft& vip, const Complaints& complain);

}  // namespace understudy::config
