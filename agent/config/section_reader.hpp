// The lines of one section, through Boost.Program_options, into a target.
#pragma once

#include <vector>

#include "agent/config/check_keys.hpp"
#include "agent/config/keys.hpp"
#include "agent/config/service_keys.hpp"
#include "agent/config/source.hpp"

namespace understudy::config {

// Every unknown key, second time of a key that is no list, and bad value is a diagnostic.
SectionRecord read_keys(const Section& section, const std::vector<Key<core::AgentSettings>>& keys,
                        core::AgentSettings& target, Diagnostics& diagnostics);
SectionRecord read_keys(const Section& section, const std::vector<Key<VipDraft>>& keys,
                        VipDraft& target, Diagnostics& diagnostics);
SectionRecord read_keys(const Section& section, const std::vector<Key<ServiceDraft>>& keys,
                        ServiceDraft& target, Diagnostics& diagnostics);
SectionRecord read_keys(const Section& section, const std::vector<Key<CheckDraft>>& keys,
                        CheckDraft& target, Diagnostics& diagnostics);

// "[vip web]".
std::string title_of(const Section& section);

}  // namespace understudy::config
