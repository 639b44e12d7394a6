#include "agent/config/keys.hpp"

#include <sstream>

#include "agent/config/addresses.hpp"
#include "agent/config/command_line.hpp"
#include "agent/config/key_makers.hpp"
#include "agent/config/values.hpp"

namespace understudy::config {

namespace {

using core::AgentSettings;

constexpr Duration longest_stop = std::chrono::hours{1};
constexpr Duration longest_delay = std::chrono::hours{24};
constexpr Duration longest_window = std::chrono::hours{1};
constexpr Duration shortest_hook = std::chrono::milliseconds{100};
constexpr Duration longest_hook = std::chrono::minutes{10};
constexpr Duration longest_lease = std::chrono::hours{24};

std::string read_user(AgentSettings& agent, const std::string& value, const Place&) {
    return store(parse_user(value), [&](const std::string& user) { agent.script_user = user; });
}

std::string read_address(VipDraft& vip, const std::string& value, const Place& place,
                         bool advertised) {
    return store(parse_virtual_address(value, advertised), [&](const WrittenAddress& address) {
        vip.addresses.push_back(address);
        vip.addresses.back().place = place;
    });
}

std::string read_lease(VipDraft& vip, const std::string& value, const Place&) {
    return store(duration_up_to(value, longest_lease),
                 [&](Duration parsed) { vip.lease = parsed; });
}

// NAME, or NAME weight=N.
std::string read_track(VipDraft& vip, const std::string& value, const Place& place) {
    const auto blank = value.find_first_of(" \t");
    WrittenTrack track{{value.substr(0, blank), std::nullopt}, place};
    if (const auto name = parse_name(track.track.check); !name) {
        return name.error();
    }
    if (const std::string rest = after_blanks(value, blank); !rest.empty()) {
        constexpr std::string_view prefix = "weight=";
        if (!rest.starts_with(prefix)) {
            return in_quotes(rest) + " is not weight=N";
        }
        const auto weight = parse_number(rest.substr(prefix.size()), -most_weight, most_weight);
        if (!weight) {
            return "weight: " + weight.error();
        }
        if (*weight == 0) {
            return "a weight of 0 does nothing";
        }
        track.track.weight = *weight;
    }
    vip.tracks.push_back(track);
    return {};
}

// N per DURATION.
std::string read_max_transitions(VipDraft& vip, const std::string& value, const Place&) {
    std::istringstream words(value);
    std::string number;
    std::string separator;
    std::string time;
    std::string more;
    words >> number >> separator >> time >> more;
    if (separator != "per" || time.empty() || !more.empty()) {
        return in_quotes(value) + " is not of the form \"5 per 1m\"";
    }
    const auto count = parse_number(number, 2, 1000);
    if (!count) {
        return count.error();
    }
    const auto window = duration_between(time, std::chrono::seconds{1}, longest_window);
    return store(window, [&](Duration parsed) {
        vip.settings.max_transitions = core::MaxTransitions{static_cast<unsigned>(*count), parsed};
    });
}

Key<VipDraft> router(const char* name, std::vector<WrittenRouter> VipDraft::* list) {
    return {name, true, [list](VipDraft& vip, const std::string& value, const Place& place) {
                return store(parse_router(value), [&](const IpAddress& parsed) {
                    (vip.*list).push_back({parsed, place});
                });
            }};
}

std::vector<Key<AgentSettings>> make_agent_keys() {
    using Target = AgentSettings;
    return {
        {"name", false,
         [](Target& agent, const std::string& value, const Place&) {
             return store(parse_name(value), [&](const std::string& name) { agent.name = name; });
         }},
        word<Target>("log_level", log_level_words(), 0,
                     [](Target& agent) -> core::LogLevel& { return agent.log_level; }),
        duration<Target>("stop_timeout", longest_stop,
                         [](Target& agent) -> Duration& { return agent.stop_timeout; }),
        {"script_user", false, read_user},
        yes_no<Target>("record", [](Target& agent) -> bool& { return agent.record; }),
    };
}

Key<VipDraft> hook(core::HookKind kind) {
    return parsed<VipDraft>(
        core::name_of(kind), parse_command_line, [kind](VipDraft& vip) -> auto& {
            return vip.settings.hooks.commands.at(static_cast<std::size_t>(kind));
        });
}

std::string read_service(VipDraft& vip, const std::string& value, const Place&) {
    return store(parse_name(value), [&](const std::string& name) { vip.settings.service = name; });
}

std::vector<Key<VipDraft>> make_vip_keys() {
    using Vip = VipDraft;
    static const std::vector<std::string> versions = {"2", "3"};
    return {
        {"interface", false,
         [](Vip& vip, const std::string& value, const Place&) {
             return store(parse_interface(value),
                          [&](const std::string& name) { vip.settings.interface = name; });
         }},
        number<Vip>("vrid", 1, 255, [](Vip& vip) -> vrrp::Vrid& { return vip.settings.vrid; }),
        word<Vip>("version", versions, 2,
                  [](Vip& vip) -> vrrp::Version& { return vip.settings.version; }),
        number<Vip>("priority", 1, 255,
                    [](Vip& vip) -> vrrp::Priority& { return vip.settings.priority; }),
        // Which intervals there are depends on the version: validate_vip().
        duration<Vip>("advert_interval", vrrp::longest_interval_v2,
                      [](Vip& vip) -> Duration& { return vip.settings.advert_interval; }),
        {"address", true,
         [](Vip& vip, const std::string& value, const Place& place) {
             return read_address(vip, value, place, true);
         }},
        {"extra_address", true,
         [](Vip& vip, const std::string& value, const Place& place) {
             return read_address(vip, value, place, false);
         }},
        duration<Vip>("startup_delay", longest_delay,
                      [](Vip& vip) -> Duration& { return vip.settings.startup_delay; }),
        yes_no<Vip>("preempt", [](Vip& vip) -> bool& { return vip.settings.preempt; }),
        duration<Vip>("preempt_delay", longest_delay,
                      [](Vip& vip) -> Duration& { return vip.settings.preempt_delay; }),
        yes_no<Vip>("accept", [](Vip& vip) -> bool& { return vip.settings.accept; }),
        word<Vip>("mac", mac_words(), 0,
                  [](Vip& vip) -> bool& { return vip.settings.virtual_mac; }),
        word<Vip>("checksum", checksum_words(), 0,
                  [](Vip& vip) -> core::ChecksumPolicy& { return vip.settings.checksum; }),
        router("unicast_source", &Vip::sources),
        router("unicast_peer", &Vip::unicast_peers),
        router("peer", &Vip::peers),
        number<Vip>("unicast_min_ttl", 1, 255,
                    [](Vip& vip) -> std::uint8_t& { return vip.settings.unicast_min_ttl; }),
        {"lease", false, read_lease},
        {"track", true, read_track},
        {"service", false, read_service},
        word<Vip>("last_resort", last_resort_words(), 0,
                  [](Vip& vip) -> core::LastResort& { return vip.settings.last_resort; }),
        {"max_transitions", false, read_max_transitions},
        hook(core::HookKind::active),
        hook(core::HookKind::backup),
        hook(core::HookKind::fault),
        hook(core::HookKind::promote),
        hook(core::HookKind::release),
        duration<Vip>("hook_timeout", shortest_hook, longest_hook,
                      [](Vip& vip) -> Duration& { return vip.settings.hooks.timeout; }),
        word<Vip>("hook_arguments", hook_arguments_words(), 0,
                  [](Vip& vip) -> bool& { return vip.settings.hooks.keepalived_arguments; }),
    };
}

}  // namespace

const std::vector<std::string>& log_level_words() {
    static const std::vector<std::string> words = {"trace", "debug", "info", "warn", "error"};
    return words;
}

const std::vector<std::string>& checksum_words() {
    static const std::vector<std::string> words = {"auto", "rfc9568", "pseudo-header"};
    return words;
}

const std::vector<std::string>& last_resort_words() {
    static const std::vector<std::string> words = {"hold", "release"};
    return words;
}

const std::vector<std::string>& hook_arguments_words() {
    static const std::vector<std::string> words = {"none", "keepalived"};
    return words;
}

const std::vector<std::string>& mac_words() {
    static const std::vector<std::string> words = {"interface", "virtual"};
    return words;
}

const std::vector<Key<AgentSettings>>& agent_keys() {
    static const std::vector<Key<AgentSettings>> keys = make_agent_keys();
    return keys;
}

const std::vector<Key<VipDraft>>& vip_keys() {
    static const std::vector<Key<VipDraft>> keys = make_vip_keys();
    return keys;
}

}  // namespace understudy::config
