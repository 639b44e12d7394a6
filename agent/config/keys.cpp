#include "agent/config/keys.hpp"

#include <type_traits>

#include "agent/config/addresses.hpp"
#include "agent/config/values.hpp"

namespace understudy::config {

namespace {

using core::AgentSettings;

constexpr Duration longest_stop = std::chrono::hours{1};
constexpr Duration longest_delay = std::chrono::hours{24};
constexpr Duration longest_lease = std::chrono::hours{24};

// Puts a parsed value where it belongs, or hands on the error.
template <class Value, class Store>
std::string store(const Parsed<Value>& parsed, Store&& place_value) {
    if (!parsed) {
        return parsed.error();
    }
    place_value(*parsed);
    return {};
}

Parsed<Duration> duration_up_to(const std::string& text, Duration longest) {
    auto parsed = parse_duration(text);
    if (parsed && *parsed > longest) {
        return std::unexpected(in_quotes(text) + " is longer than " + format_duration(longest));
    }
    return parsed;
}

// Makers of keys: `member` gives the place in the target.

template <class Target, class Member>
Key<Target> yes_no(const char* name, Member member) {
    return {name, false, [member](Target& target, const std::string& value, const Place&) {
                return store(parse_yes_no(value), [&](bool parsed) { member(target) = parsed; });
            }};
}

template <class Target, class Member>
Key<Target> duration(const char* name, Duration longest, Member member) {
    return {name, false, [member, longest](Target& target, const std::string& value, const Place&) {
                return store(duration_up_to(value, longest),
                             [&](Duration parsed) { member(target) = parsed; });
            }};
}

template <class Target, class Member>
Key<Target> number(const char* name, int least, int most, Member member) {
    return {name, false,
            [member, least, most](Target& target, const std::string& value, const Place&) {
                return store(parse_number(value, least, most), [&](int parsed) {
                    auto& place = member(target);
                    place = static_cast<std::remove_reference_t<decltype(place)>>(parsed);
                });
            }};
}

// `first` is the value that the first word stands for.
template <class Target, class Member>
Key<Target> word(const char* name, const std::vector<std::string>& words, int first,
                 Member member) {
    return {name, false,
            [member, &words, first](Target& target, const std::string& value, const Place&) {
                return store(parse_word(value, words), [&](std::size_t index) {
                    auto& place = member(target);
                    place = static_cast<std::remove_reference_t<decltype(place)>>(
                        first + static_cast<int>(index));
                });
            }};
}

// The name of a user as systemd reads it: nothing that /etc/passwd could not hold.
std::string read_user(AgentSettings& agent, const std::string& value, const Place&) {
    constexpr std::size_t longest_user = 31;
    const bool fits = value.size() <= longest_user && value.front() != '-' &&
                      value.find_first_of(" \t:/\"'$\\#;") == std::string::npos;
    if (!fits) {
        return in_quotes(value) + " is not the name of a user";
    }
    agent.script_user = value;
    return {};
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
    };
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
        router("unicast_peer", &Vip::peers),
        number<Vip>("unicast_min_ttl", 1, 255,
                    [](Vip& vip) -> std::uint8_t& { return vip.settings.unicast_min_ttl; }),
        {"lease", false, read_lease},
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
