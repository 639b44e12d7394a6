// The keys of each section: what each may be, and where its value goes.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/config/diagnostic.hpp"
#include "agent/core/configuration.hpp"

namespace understudy::config {

struct WrittenAddress {
    IpPrefix prefix;
    std::string interface;  // empty: the VIP's own
    bool advertised = true;
    Place place;
};

struct WrittenRouter {
    IpAddress address;
    Place place;
};

struct WrittenTrack {
    core::Track track;
    Place place;
};

// What a section has said so far about its keys.
struct SectionRecord {
    KeyPlaces places;                           // the first place of each key, readable or not
    std::set<std::string> unreadable;           // keys with a value that was refused
    std::map<std::string, std::string> values;  // the first of each key, as it was written

    bool has(const std::string& key) const { return places.contains(key); }
    bool is_readable(const std::string& key) const { return !unreadable.contains(key); }
    Place place_of(const std::string& key) const {
        const auto exact = places.find(key);
        return exact != places.end() ? exact->second : places.at("");
    }
};

// What a [vip] section is read into: the settings, and what can only be settled when all keys are
// known.
struct VipDraft {
    core::VipSettings settings;
    std::optional<Duration> lease;
    std::vector<WrittenAddress> addresses;
    std::vector<WrittenRouter> sources;
    std::vector<WrittenRouter> unicast_peers;
    std::vector<WrittenRouter> peers;
    std::vector<WrittenTrack> tracks;
    SectionRecord record;

    // "[vip web]".
    std::string title() const {
        return settings.name.empty() ? "[vip]" : "[vip " + settings.name + ']';
    }
};

template <class Target>
struct Key {
    std::string name;
    bool repeats = false;
    // An empty text, or what is wrong with the value.
    std::function<std::string(Target&, const std::string& value, const Place&)> read;
};

const std::vector<Key<core::AgentSettings>>& agent_keys();
const std::vector<Key<VipDraft>>& vip_keys();

// The words of the enumerations, in their order; also what render() writes.
const std::vector<std::string>& log_level_words();
const std::vector<std::string>& checksum_words();
const std::vector<std::string>& last_resort_words();
const std::vector<std::string>& hook_arguments_words();  // none, keepalived
const std::vector<std::string>& mac_words();             // interface, virtual

}  // namespace understudy::config
