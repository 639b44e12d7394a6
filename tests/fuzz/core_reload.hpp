// Another configuration for a reload, made of the present one by a fuzzer's decisions: again only
// what agent/config would accept.
#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/fuzz/core_configuration.hpp"

namespace understudy::fuzz {

inline constexpr std::size_t most_vips_after_reload = 3;

class Edit {
public:
    Edit(Input& input, core::Configuration configuration)
        : input_(input), configuration_(std::move(configuration)) {}

    void change() {
        if (configuration_.vips.empty()) {
            return;
        }
        switch (input_.below(16)) {
            case 0:
            case 1:
                change_election(one(configuration_.vips));
                break;
            case 2:
                change_wire(one(configuration_.vips));
                break;
            case 3:
            case 4:
                add_address(one(configuration_.vips));
                break;
            case 5:
            case 6:
                remove_address(one(configuration_.vips));
                break;
            case 7:
                move_address();
                break;
            case 8:
                std::ranges::reverse(one(configuration_.vips).addresses);
                break;
            case 9:
                change_vips();
                break;
            case 10:
                become_another_router(one(configuration_.vips));
                break;
            case 11:
                change_dependencies(one(configuration_.vips));
                break;
            case 12:
                change_checks();
                break;
            case 13:
                change_service();
                break;
            case 14:
                set_hooks(input_, one(configuration_.vips));
                break;
            default:
                configuration_.agent.stop_timeout = input_.pick<Duration>({10s, 0s, 500ms});
                break;
        }
    }

    // Nothing where no VIP is left.
    std::optional<core::Configuration> valid() {
        drop_dangling();
        std::set<std::pair<std::string, IpAddress>> taken;
        std::set<std::pair<std::string, vrrp::Vrid>> routers;
        std::erase_if(configuration_.vips, [&](core::VipSettings& vip) {
            complete(vip, taken);
            return vip.addresses.empty() || !vip.addresses.front().advertised ||
                   !routers.emplace(vip.interface, vip.vrid).second;
        });
        return configuration_.vips.empty() ? std::nullopt : std::optional{configuration_};
    }

private:
    template <class Settings>
    Settings& one(std::vector<Settings>& all) {
        return all[input_.below(all.size())];
    }

    // --- one VIP ---
    void change_election(core::VipSettings& vip) {
        switch (input_.below(6)) {
            case 0:
            case 1:
                vip.priority = input_.pick<vrrp::Priority>({100, 1, 17, 200, 254, 255});
                break;
            case 2:
                vip.preempt = !vip.preempt;
                break;
            case 3:
                vip.preempt_delay = input_.pick<Duration>({0s, 3s});
                break;
            case 4:
                vip.startup_delay = input_.pick<Duration>({0s, 5s, 1h});
                break;
            default:
                vip.max_transitions =
                    input_.flag() ? std::optional{core::MaxTransitions{2, 1h}} : std::nullopt;
                break;
        }
    }
    void change_wire(core::VipSettings& vip) {
        const bool v2 = vip.version == vrrp::Version::v2;
        switch (input_.below(4)) {
            case 0:
                vip.advert_interval = v2 ? input_.pick<Duration>({1s, 2s, 255s})
                                         : input_.pick<Duration>({1s, 10ms, 100ms, 40'950ms});
                break;
            case 1:
                vip.lease = input_.pick<Duration>({0s, 1s, 10s});
                break;
            case 2:
                vip.checksum = input_.pick({core::ChecksumPolicy::automatic,
                                            core::ChecksumPolicy::message_only,
                                            core::ChecksumPolicy::pseudo_header});
                break;
            default:
                if (std::exchange(vip.unicast_peers, {}).empty()) {
                    vip.unicast_peers = {IpAddress::v4(192, 0, 2, 2), *IpAddress::parse("fe80::2")};
                }
                break;
        }
    }
    void add_address(core::VipSettings& vip) {
        const auto last = static_cast<std::uint8_t>(100 + input_.below(3));
        const bool v6 = vip.version == vrrp::Version::v3 && input_.flag();
        const IpPrefix prefix =
            v6 ? IpPrefix{*IpAddress::parse("2001:db8::" + std::to_string(last)), 64}
               : IpPrefix{IpAddress::v4(192, 0, 2, last), 24};
        vip.addresses.push_back({prefix, vip.interface, input_.flag(), false});
    }
    void remove_address(core::VipSettings& vip) {
        if (!vip.addresses.empty()) {
            vip.addresses.erase(vip.addresses.begin() +
                                static_cast<std::ptrdiff_t>(input_.below(vip.addresses.size())));
        }
    }
    // It stays on its interface.
    void move_address() {
        core::VipSettings& from = one(configuration_.vips);
        core::VipSettings& to = one(configuration_.vips);
        if (&from == &to || from.addresses.empty()) {
            return;
        }
        to.addresses.push_back(from.addresses.back());
        to.addresses.back().advertised = input_.flag() && to.interface == from.interface;
        from.addresses.pop_back();
    }
    void become_another_router(core::VipSettings& vip) {
        switch (input_.below(3)) {
            case 0: {
                const std::string former = std::exchange(
                    vip.interface, vip.interface == "eth0" ? std::string{"eth1"} : "eth0");
                for (core::VirtualAddress& address : vip.addresses) {
                    address.interface =
                        address.interface == former ? vip.interface : address.interface;
                }
                break;
            }
            case 1:
                vip.vrid = static_cast<vrrp::Vrid>(vip.vrid < 60 ? vip.vrid + 10 : vip.vrid - 10);
                break;
            default:
                vip.version =
                    vip.version == vrrp::Version::v3 ? vrrp::Version::v2 : vrrp::Version::v3;
                vip.advert_interval = 1s;
                break;
        }
    }
    void change_dependencies(core::VipSettings& vip) {
        vip.tracks.clear();
        vip.service.clear();
        add_dependencies(input_, vip, configuration_);
    }

    // --- all of them ---
    void change_vips() {
        std::vector<core::VipSettings>& vips = configuration_.vips;
        switch (input_.below(4)) {
            case 0:
                vips.erase(vips.begin() + static_cast<std::ptrdiff_t>(input_.below(vips.size())));
                break;
            case 1:
                std::ranges::rotate(vips, vips.begin() + 1);
                break;
            case 2:  // each goes on as the other
                std::swap(vips.front().name, vips.back().name);
                break;
            default:
                for (std::size_t i = 0; i < most_vips_after_reload; ++i) {
                    const std::string name = "v" + std::to_string(i);
                    if (std::ranges::find(vips, name, &core::VipSettings::name) == vips.end()) {
                        vips.push_back(vip_of(input_, i, configuration_));
                        set_hooks(input_, vips.back());
                        return;
                    }
                }
                break;
        }
    }
    void change_checks() {
        std::vector<checks::CheckSettings>& checks = configuration_.checks;
        const std::size_t kind = checks.empty() ? 0 : input_.below(5);
        const auto free = free_check();
        switch (kind) {
            case 0:
                if (free) {
                    checks.push_back(check_of(input_, *free));
                }
                break;
            case 1:
                checks.erase(checks.begin() +
                             static_cast<std::ptrdiff_t>(input_.below(checks.size())));
                break;
            case 2:
                std::ranges::rotate(checks, checks.begin() + 1);
                break;
            case 3:
                one(checks).question = checks::Tcp{
                    {"host", static_cast<std::uint16_t>(1 + input_.byte())}, {}, "", ""};
                break;
            default: {
                checks::CheckSettings& check = one(checks);
                const std::string name = check.name;
                check = check_of(input_, 0);
                // Under another name it is another check, and nobody refers to it any more.
                check.name = free && input_.flag() ? "c" + std::to_string(*free) : name;
                break;
            }
        }
    }
    void change_service() {
        std::vector<core::ServiceSettings>& services = configuration_.services;
        if (configuration_.checks.empty()) {
            return;
        }
        if (services.empty()) {
            services.push_back(service_of(input_, configuration_.checks));
            return;
        }
        switch (input_.below(3)) {
            case 0:
                services.clear();
                break;
            case 1:
                services.front().start = {"/bin/start-" + std::to_string(input_.below(2))};
                services.front().stop = {"/bin/stop"};
                break;
            default:
                services.front() = service_of(input_, configuration_.checks);
                break;
        }
    }
    std::optional<std::size_t> free_check() const {
        for (std::size_t i = 0; i < most_checks; ++i) {
            if (!has_check("c" + std::to_string(i))) {
                return i;
            }
        }
        return std::nullopt;
    }
    bool has_check(const std::string& name) const {
        return std::ranges::find(configuration_.checks, name, &checks::CheckSettings::name) !=
               configuration_.checks.end();
    }

    // --- what agent/config sees to ---
    void drop_dangling() {
        std::vector<core::ServiceSettings>& services = configuration_.services;
        for (core::ServiceSettings& service : services) {
            std::erase_if(service.checks, [&](const auto& name) { return !has_check(name); });
        }
        std::erase_if(services, [](const auto& service) { return service.checks.empty(); });
        bool taken = false;
        for (core::VipSettings& vip : configuration_.vips) {
            std::erase_if(vip.tracks,
                          [&](const core::Track& track) { return !has_check(track.check); });
            if (services.empty() || (taken && services.front().stop_on_release)) {
                vip.service.clear();
            }
            taken = taken || !vip.service.empty();
        }
    }
    // RFC 9568 5.2.9: a link-local address is the first IPv6 one.
    static void in_order(std::vector<core::VirtualAddress>& addresses) {
        const auto former = std::exchange(addresses, {});
        const auto rank = [](const core::VirtualAddress& address) {
            const bool local = address.prefix.address.is_link_local();
            return !address.advertised ? 3 : address.prefix.address.is_v4() ? 0 : local ? 1 : 2;
        };
        for (int wanted = 0; wanted <= 3; ++wanted) {
            std::ranges::copy_if(former, std::back_inserter(addresses),
                                 [&](const auto& address) { return rank(address) == wanted; });
        }
    }
    static void complete(core::VipSettings& vip,
                         std::set<std::pair<std::string, IpAddress>>& taken) {
        std::erase_if(vip.addresses, [&](const core::VirtualAddress& address) {
            return address.derived || (vip.version == vrrp::Version::v2 && address.advertised &&
                                       !address.prefix.address.is_v4());
        });
        if (vip.has_family(Family::ipv6)) {
            vip.addresses.push_back(
                {{vrrp::derived_link_local(vip.vrid), 64}, vip.interface, true, true});
        }
        std::erase_if(vip.addresses, [&](const core::VirtualAddress& address) {
            return !taken.emplace(address.interface, address.prefix.address).second;
        });
        in_order(vip.addresses);
        for (auto* routers : {&vip.unicast_peers, &vip.unicast_sources}) {
            std::erase_if(*routers, [&](const IpAddress& router) {
                return !vip.has_family(router.family());
            });
        }
        const auto lacks = [&](Family family) {
            return vip.has_family(family) &&
                   std::ranges::find(vip.unicast_peers, family, &IpAddress::family) ==
                       vip.unicast_peers.end();
        };
        if (lacks(Family::ipv4) || lacks(Family::ipv6)) {
            vip.unicast_peers.clear();
            vip.unicast_sources.clear();
        }
        const Duration down =
            vrrp::active_down_interval(vip.version, vip.priority, vip.advert_interval);
        if (vip.lease > Duration::zero() && vip.lease < down) {
            vip.lease = std::chrono::ceil<std::chrono::seconds>(down);
        }
    }

    Input& input_;
    core::Configuration configuration_;
};

// The first one again, another one altogether, or the present one with some changes; perhaps none.
inline core::Configuration reloaded(Input& input, const core::Configuration& first,
                                    const core::Configuration& present) {
    const std::size_t kind = input.below(16);
    if (kind == 15) {
        return first;
    }
    if (kind == 14) {
        return configuration_of(input);
    }
    Edit edit(input, present);
    for (std::size_t changes = kind % 7; changes > 0; --changes) {
        edit.change();
    }
    return edit.valid().value_or(present);
}

}  // namespace understudy::fuzz
