// A VIP that is in fault because of a check that asks the VIP's own address.
#pragma once

#include <string>
#include <vector>

#include "agent/core/health.hpp"
#include "agent/core/service.hpp"
#include "agent/core/vip.hpp"

namespace understudy::core {

// Where a check that is down has asked an address of this VIP, or of another VIP of this node that
// waits for it in the same way, and nobody is known to hold that: the way from address to address,
// in words. Otherwise empty. agent/config refuses what can be seen in the file; names of the DNS
// are known from what their checks have last said.
std::string circle_in_words(TimePoint now, std::size_t vip, const std::vector<Vip>& vips,
                            const std::vector<Service>& services, const Health& health);

}  // namespace understudy::core
