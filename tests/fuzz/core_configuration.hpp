// A small configuration from a fuzzer's decisions: only what agent/config would accept.
#pragma once

#include <string>

#include "agent/core/configuration.hpp"
#include "tests/fuzz/input.hpp"
#include "vrrp/timers.hpp"

namespace understudy::fuzz {

using namespace std::chrono_literals;

inline constexpr std::size_t most_checks = 3;

inline checks::CheckSettings check_of(Input& input, std::size_t number) {
    checks::CheckSettings check;
    check.name = "c" + std::to_string(number);
    check.interval = input.pick<Duration>({1s, 10ms, 200ms, 30s, 24h});
    check.timeout = input.pick<Duration>({1s, 1ms, 100ms, 1h});
    if (input.flag()) {
        check.fast_interval = check.interval / 2;
    }
    if (input.flag()) {
        check.down_interval = input.pick<Duration>({10ms, 1s, 1h});
    }
    check.rise = input.pick({1U, 2U, 100U});
    check.fall = input.pick({1U, 3U, 100U});
    check.initial =
        input.pick({checks::CheckState::unknown, checks::CheckState::up, checks::CheckState::down});
    check.inverted = input.rarely();
    return check;
}

inline core::ServiceSettings service_of(Input& input,
                                        const std::vector<checks::CheckSettings>& checks) {
    core::ServiceSettings service;
    service.name = "s";
    if (input.flag()) {
        service.start = {"/bin/start"};
        service.stop = {"/bin/stop"};
    }
    const bool startable = service.can_be_started();
    service.standby = input.pick({core::Standby::automatic, core::Standby::hot,
                                  startable ? core::Standby::cold : core::Standby::hot});
    service.start_timeout = input.pick<Duration>({30s, 100ms, 2s, 1h});
    service.stop_timeout = input.pick<Duration>({10s, 100ms, 1h});
    service.stop_on_release = startable && service.standby != core::Standby::hot && input.flag();
    const std::size_t first = input.below(checks.size());
    service.checks.push_back(checks[first].name);
    if (checks.size() > 1 && input.flag()) {
        service.checks.push_back(checks[(first + 1) % checks.size()].name);
    }
    return service;
}

// Of VIP 0: 192.0.2.10 ..., of VIP 1: 192.0.2.20 ...
inline void add_addresses(Input& input, core::VipSettings& vip, std::size_t number) {
    const auto last = static_cast<std::uint8_t>(10 * (number + 1));
    const std::size_t families = vip.version == vrrp::Version::v2 ? 0 : input.below(3);
    const auto add = [&](const IpPrefix& prefix, bool advertised, bool derived) {
        vip.addresses.push_back({prefix, vip.interface, advertised, derived});
    };
    const bool v4 = families != 1;
    if (v4) {
        add({IpAddress::v4(192, 0, 2, last), 24}, true, false);
        if (input.flag()) {
            add({IpAddress::v4(198, 51, 100, last), 32}, true, false);
        }
    }
    if (families != 0) {
        add({vrrp::derived_link_local(vip.vrid), 64}, true, true);
        add({*IpAddress::parse("2001:db8::" + std::to_string(last)), 64}, true, false);
    }
    if (input.flag()) {
        add({IpAddress::v4(203, 0, 113, last), 24}, false, false);
        if (input.flag()) {
            vip.addresses.back().interface = "eth1";
        }
    }
    if (!input.rarely()) {
        return;
    }
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        if (!vip.has_family(family)) {
            continue;
        }
        const bool is_v4 = family == Family::ipv4;
        vip.unicast_peers.push_back(is_v4 ? IpAddress::v4(192, 0, 2, 2)
                                          : *IpAddress::parse("fe80::2"));
        if (is_v4 || input.flag()) {
            vip.unicast_peers.push_back(is_v4 ? IpAddress::v4(192, 0, 2, 3)
                                              : *IpAddress::parse("2001:db8::3"));
        }
    }
    if (input.flag()) {
        for (const Family family : {Family::ipv4, Family::ipv6}) {
            if (vip.has_family(family)) {
                vip.unicast_sources.push_back(family == Family::ipv4
                                                  ? IpAddress::v4(192, 0, 2, 1)
                                                  : *IpAddress::parse("fe80::1"));
            }
        }
    }
    vip.unicast_min_ttl = input.pick<std::uint8_t>({255, 254, 1});
}

inline void add_dependencies(Input& input, core::VipSettings& vip,
                             const core::Configuration& configuration) {
    for (const checks::CheckSettings& check : configuration.checks) {
        if (!input.flag()) {
            continue;
        }
        vip.tracks.push_back({check.name, std::nullopt});
        if (input.flag()) {
            vip.tracks.back().weight = input.pick({-20, 20, -253, 253});
        }
    }
    const bool taken = !configuration.vips.empty() && !configuration.vips.front().service.empty() &&
                       configuration.services.front().stop_on_release;
    if (!configuration.services.empty() && !taken && input.flag()) {
        vip.service = "s";
    }
    vip.last_resort = input.pick({core::LastResort::hold, core::LastResort::release});
}

inline core::VipSettings vip_of(Input& input, std::size_t number,
                                const core::Configuration& configuration) {
    core::VipSettings vip;
    vip.name = "v" + std::to_string(number);
    vip.interface = input.rarely() ? "eth1" : "eth0";
    vip.vrid = static_cast<vrrp::Vrid>(51 + number);
    vip.version = input.pick({vrrp::Version::v3, vrrp::Version::v3, vrrp::Version::v2});
    const bool v2 = vip.version == vrrp::Version::v2;
    vip.priority = input.pick<vrrp::Priority>({100, 1, 17, 200, 253, 254, 255});
    vip.advert_interval = v2 ? input.pick<Duration>({1s, 2s, 255s})
                             : input.pick<Duration>({1s, 10ms, 100ms, 40'950ms});
    vip.startup_delay = input.pick<Duration>({0s, 0s, 5s, 1h});
    vip.preempt = !input.rarely();
    vip.preempt_delay = input.pick<Duration>({0s, 0s, 3s});
    vip.checksum = input.pick({core::ChecksumPolicy::automatic, core::ChecksumPolicy::message_only,
                               core::ChecksumPolicy::pseudo_header});
    const Duration down =
        vrrp::active_down_interval(vip.version, vip.priority, vip.advert_interval);
    vip.lease =
        input.flag() ? Duration::zero() : Duration{std::chrono::ceil<std::chrono::seconds>(down)};
    if (input.rarely()) {
        vip.max_transitions =
            core::MaxTransitions{input.pick({2U, 1000U}), input.pick<Duration>({1s, 1h})};
    }
    add_addresses(input, vip, number);
    add_dependencies(input, vip, configuration);
    return vip;
}

inline void set_hooks(Input& input, core::VipSettings& vip) {
    const std::uint8_t kinds = input.byte();
    for (std::size_t kind = 0; kind < core::hook_kinds; ++kind) {
        if ((kinds >> kind & 1U) != 0) {
            vip.hooks.commands.at(kind) = {"/bin/hook"};
        } else {
            vip.hooks.commands.at(kind).clear();
        }
    }
    vip.hooks.timeout = input.pick<Duration>({5s, 100ms, 1s});
}

inline core::Configuration configuration_of(Input& input) {
    core::Configuration configuration;
    configuration.agent.name = "node";
    configuration.agent.stop_timeout = input.pick<Duration>({10s, 0s, 500ms});
    const std::size_t checks = input.below(most_checks + 1);
    for (std::size_t i = 0; i < checks; ++i) {
        configuration.checks.push_back(check_of(input, i));
    }
    if (checks > 0 && input.flag()) {
        configuration.services.push_back(service_of(input, configuration.checks));
    }
    const std::size_t vips = 1 + input.below(2);
    for (std::size_t i = 0; i < vips; ++i) {
        configuration.vips.push_back(vip_of(input, i, configuration));
    }
    // Last, so that what was found before hooks were there still means the same.
    for (core::VipSettings& vip : configuration.vips) {
        set_hooks(input, vip);
    }
    return configuration;
}

}  // namespace understudy::fuzz
