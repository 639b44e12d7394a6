// VIPs with hooks.
#pragma once

#include <initializer_list>

#include "tests/sim/virtual_lan.hpp"

namespace understudy {

inline core::Configuration with(core::Configuration configuration,
                                std::initializer_list<core::HookKind> kinds) {
    core::HookSettings& hooks = configuration.vips.front().hooks;
    for (const core::HookKind kind : kinds) {
        hooks.commands.at(static_cast<std::size_t>(kind)) = {"/hooks/run", "it"};
    }
    hooks.timeout = std::chrono::seconds{5};
    return configuration;
}

inline core::Configuration told(vrrp::Priority priority) {
    return with(sim::web(priority),
                {core::HookKind::active, core::HookKind::backup, core::HookKind::fault});
}

inline core::Configuration asked(vrrp::Priority priority) {
    return with(sim::web(priority), {core::HookKind::promote});
}

inline core::Configuration drained(vrrp::Priority priority) {
    return with(sim::web(priority),
                {core::HookKind::release, core::HookKind::active, core::HookKind::backup});
}

}  // namespace understudy
