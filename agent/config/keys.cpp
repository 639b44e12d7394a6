#include "agent/config/keys.hpp"

namespace understudy::config {

namespace {

using core::AgentSettings;
using core::VipSettings;

// Puts a parsed value where it belongs, or hands on the error.
template <class Value, class Place>
std::string store(const Parsed<Value>& parsed, Place&& place) {
    if (!parsed) {
        return parsed.error();
    }
    place(*parsed);
    return {};
}

Parsed<Duration> duration_up_to(const std::string& text, Duration longest) {
    auto parsed = parse_duration(text);
    if (parsed && *parsed > longest) {
        return std::unexpected('"' + text + "\" is longer than " + format_duration(longest));
    }
    return parsed;
}

std::string read_address(VipDraft& draft, const std::string& value, bool advertised) {
    VipDraft::Written written;
    written.advertised = advertised;
    std::string address = value;
    if (const auto blank = value.find_first_of(" \t"); blank != std::string::npos) {
        address = value.substr(0, blank);
        const auto rest = value.substr(value.find_first_not_of(" \t", blank));
        const bool has_device = rest.starts_with("dev ") && rest.size() > 4;
        if (!has_device || advertised) {
            return '"' + rest + "\" after the address: " +
                   (advertised ? "only extra_address takes \"dev INTERFACE\""
                               : "expected \"dev INTERFACE\"");
        }
        written.interface = rest.substr(rest.find_first_not_of(" \t", 4));
    }
    const auto prefix = IpPrefix::parse(address);
    if (!prefix) {
        return '"' + address + "\" is not an address like 192.0.2.10/24 or 2001:db8::10/64";
    }
    if (prefix->address.is_multicast() || prefix->address.is_loopback() ||
        prefix->address.is_unspecified() || prefix->length == 0) {
        return '"' + address + "\" cannot be a virtual address";
    }
    written.prefix = *prefix;
    draft.addresses.push_back(written);
    return {};
}

std::string read_interface(std::string& place, const std::string& value) {
    const bool fits = value.size() <= 15 && value.find_first_of(" \t/:") == std::string::npos &&
                      value != "." && value != "..";
    if (!fits) {
        return '"' + value + "\" is not the name of an interface (at most 15 characters, no blank, "
                             "no / and no :)";
    }
    place = value;
    return {};
}

std::string read_unicast(std::vector<IpAddress>& place, const std::string& value) {
    const auto address = IpAddress::parse(value);
    if (!address || address->is_multicast() || address->is_unspecified()) {
        return '"' + value + "\" is not the address of a router; names are not looked up";
    }
    place.push_back(*address);
    return {};
}

std::string read_lease(VipDraft& draft, const std::string& value) {
    const auto lease = duration_up_to(value, std::chrono::hours{24});
    if (!lease) {
        return lease.error();
    }
    if (*lease % std::chrono::seconds{1} != Duration::zero()) {
        return '"' + value + "\": the kernel counts lifetimes in whole seconds";
    }
    draft.lease = *lease;
    return {};
}

template <class Target, class Member>
Key<Target> yes_no(const char* name, Member member) {
    return {name, false, [member](Target& target, const std::string& value) {
                return store(parse_yes_no(value), [&](bool parsed) { member(target) = parsed; });
            }};
}

template <class Target, class Member>
Key<Target> duration(const char* name, Duration longest, Member member) {
    return {name, false, [member, longest](Target& target, const std::string& value) {
                return store(duration_up_to(value, longest),
                             [&](Duration parsed) { member(target) = parsed; });
            }};
}

template <class Target, class Member>
Key<Target> number(const char* name, int least, int most, Member member) {
    return {name, false, [member, least, most](Target& target, const std::string& value) {
                return store(parse_number(value, least, most), [&](int parsed) {
                    auto& place = member(target);
                    place = static_cast<std::remove_reference_t<decltype(place)>>(parsed);
                });
            }};
}

std::string read_word(VipDraft&, const std::string& value, const std::vector<std::string>& words,
                      const std::function<void(std::size_t)>& place) {
    return store(parse_word(value, words), place);
}

}  // namespace

const std::vector<Key<AgentSettings>>& agent_keys() {
    using Target = AgentSettings;
    static const std::vector<std::string> levels = {"trace", "debug", "info", "warn", "error"};
    static const std::vector<Key<Target>> keys = {
        {"name", false, [](Target& agent, const std::string& value) {
             agent.name = value;
             return std::string{};
         }},
        {"log_level", false, [](Target& agent, const std::string& value) {
             return store(parse_word(value, levels), [&](std::size_t index) {
                 agent.log_level = static_cast<core::LogLevel>(index);
             });
         }},
        duration<Target>("stop_timeout", std::chrono::hours{1},
                         [](Target& agent) -> Duration& { return agent.stop_timeout; }),
        {"script_user", false, [](Target& agent, const std::string& value) {
             agent.script_user = value;
             return std::string{};
         }},
    };
    return keys;
}

const std::vector<Key<VipDraft>>& vip_keys() {
    using Target = VipDraft;
    constexpr auto day = std::chrono::hours{24};
    static const std::vector<std::string> checksums = {"auto", "rfc9568", "pseudo-header"};
    static const std::vector<std::string> macs = {"interface", "virtual"};
    static const std::vector<Key<Target>> keys = {
        {"interface", false, [](Target& vip, const std::string& value) {
             return read_interface(vip.settings.interface, value);
         }},
        number<Target>("vrid", 1, 255, [](Target& vip) -> vrrp::Vrid& { return vip.settings.vrid; }),
        number<Target>("version", 2, 3,
                       [](Target& vip) -> vrrp::Version& { return vip.settings.version; }),
        number<Target>("priority", 1, 255,
                       [](Target& vip) -> vrrp::Priority& { return vip.settings.priority; }),
        duration<Target>("advert_interval", vrrp::longest_interval_v2,
                         [](Target& vip) -> Duration& { return vip.settings.advert_interval; }),
        {"address", true, [](Target& vip, const std::string& value) {
             return read_address(vip, value, true);
         }},
        {"extra_address", true, [](Target& vip, const std::string& value) {
             return read_address(vip, value, false);
         }},
        duration<Target>("startup_delay", day,
                         [](Target& vip) -> Duration& { return vip.settings.startup_delay; }),
        yes_no<Target>("preempt", [](Target& vip) -> bool& { return vip.settings.preempt; }),
        duration<Target>("preempt_delay", day,
                         [](Target& vip) -> Duration& { return vip.settings.preempt_delay; }),
        yes_no<Target>("accept", [](Target& vip) -> bool& { return vip.settings.accept; }),
        {"mac", false, [](Target& vip, const std::string& value) {
             return read_word(vip, value, macs, [&](std::size_t index) {
                 vip.settings.virtual_mac = index == 1;
             });
         }},
        {"checksum", false, [](Target& vip, const std::string& value) {
             return read_word(vip, value, checksums, [&](std::size_t index) {
                 vip.settings.checksum = static_cast<core::ChecksumPolicy>(index);
             });
         }},
        {"unicast_source", true, [](Target& vip, const std::string& value) {
             return read_unicast(vip.settings.unicast_sources, value);
         }},
        {"unicast_peer", true, [](Target& vip, const std::string& value) {
             return read_unicast(vip.settings.unicast_peers, value);
         }},
        number<Target>("unicast_min_ttl", 1, 255,
                       [](Target& vip) -> std::uint8_t& { return vip.settings.unicast_min_ttl; }),
        {"lease", false, read_lease},
    };
    return keys;
}

}  // namespace understudy::config
