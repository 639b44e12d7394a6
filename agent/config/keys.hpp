// The keys of each section: what each may be, and where its value goes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/values.hpp"
#include "agent/core/configuration.hpp"

namespace understudy::config {

// What [vip] sections are read into: the settings, and what can only be settled when all keys are known.
struct VipDraft {
    core::VipSettings settings;
    std::optional<Duration> lease;
    struct Written {
        IpPrefix prefix;
        std::string interface;  // empty: the VIP's own
        bool advertised = true;
        std::size_t assignment = 0;  // which line
    };
    std::vector<Written> addresses;
};

template <class Target>
struct Key {
    std::string name;
    bool repeats = false;
    // An empty text, or what is wrong with the value.
    std::function<std::string(Target&, const std::string& value)> read;
};

const std::vector<Key<core::AgentSettings>>& agent_keys();
const std::vector<Key<VipDraft>>& vip_keys();

}  // namespace understudy::config
