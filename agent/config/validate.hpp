// What no single key can tell: whether the keys of a VIP, and the VIPs of a node, fit each other.
#pragma once

#include <vector>

#include "agent/config/diagnostic.hpp"
#include "agent/config/keys.hpp"
#include "agent/config/source.hpp"
#include "agent/core/configuration.hpp"

namespace understudy::config {

// A VIP with everything that was derived: interfaces and order of its addresses, lease, link-local address.
core::VipSettings complete(const VipDraft& draft);

// `section` gives the places. `settings` is complete().
void validate_vip(const VipDraft& draft, const core::VipSettings& settings, const Section& section,
                  Diagnostics& diagnostics);

// VIPs against each other; `sections` in the same order.
void validate_node(const std::vector<core::VipSettings>& vips,
                   const std::vector<const Section*>& sections, Diagnostics& diagnostics);

// The place of a key of a section (the last time it was written), or of the section.
Place place_of(const Section& section, const std::string& key);

}  // namespace understudy::config
