// Checks that ask an address of a VIP which nobody can hold before they are up.
#pragma once

#include <vector>

#include "agent/config/check_keys.hpp"
#include "agent/config/hosts_file.hpp"
#include "agent/config/keys.hpp"
#include "agent/config/service_keys.hpp"

namespace understudy::config {

// A circle is an error: once no node holds the address, after a power cut, none ever will. It may
// lead through several VIPs. A weight keeps nobody from leading, so it draws a warning, as does a
// script that is given the address: what that asks is not known.
//
// Names are looked up in the file of hosts and nowhere else. What the core finds out about others
// at run time, `understudy why` tells (core/circle.hpp).
void validate_circles(const std::vector<VipDraft>& vips, const std::vector<ServiceDraft>& services,
                      const std::vector<CheckDraft>& checks, HostsFile& hosts,
                      Diagnostics& diagnostics);

}  // namespace understudy::config
