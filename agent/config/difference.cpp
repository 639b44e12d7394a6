#include "agent/config/difference.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "agent/config/check_keys.hpp"
#include "agent/config/keys.hpp"
#include "agent/config/render.hpp"
#include "agent/config/service_keys.hpp"
#include "agent/core/reload.hpp"

namespace understudy::config {

namespace {

using control::ChangeKind;
using control::ConfigChange;

// A section as render() writes it.
struct Object {
    std::string kind;
    std::string name;
    std::vector<std::string> keys;                           // each once, in their order
    std::map<std::string, std::vector<std::string>> values;  // by key
};

// With every default written out, so that what is said is what the agent understands.
std::vector<Object> objects_of(const core::Configuration& configuration) {
    std::vector<Object> objects;
    std::istringstream text(render(configuration));
    for (std::string line; std::getline(text, line);) {
        if (line.starts_with('[')) {
            const std::string title = line.substr(1, line.size() - 2);
            const auto blank = title.find(' ');
            Object& object = objects.emplace_back();
            object.kind = title.substr(0, blank);
            object.name = blank == std::string::npos ? "" : title.substr(blank + 1);
        } else if (const auto sign = line.find(" = "); sign != std::string::npos) {
            const std::string key = line.substr(0, sign);
            auto& values = objects.back().values[key];
            if (values.empty()) {
                objects.back().keys.push_back(key);
            }
            values.push_back(line.substr(sign + 3));
        }
    }
    return objects;
}

template <class Target>
bool repeats(const std::vector<Key<Target>>& keys, const std::string& name) {
    const auto found = std::ranges::find(keys, name, &Key<Target>::name);
    return found != keys.end() && found->repeats;
}

bool repeats(const Object& object, const std::string& key) {
    if (object.kind == "vip") {
        return repeats(vip_keys(), key);
    }
    if (object.kind == "service") {
        return repeats(service_keys(), key);
    }
    const auto type = object.values.find("type");
    return object.kind == "check" && type != object.values.end() &&
           repeats(check_keys(type->second.front()), key);
}

std::vector<std::string> values_of(const Object& object, const std::string& key) {
    const auto found = object.values.find(key);
    return found == object.values.end() ? std::vector<std::string>{} : found->second;
}

std::string joined(const std::vector<std::string>& values) {
    std::string text;
    for (const std::string& value : values) {
        text += (text.empty() ? "" : ", ") + value;
    }
    return text;
}

// Of `values`, those that the other list has not.
std::vector<std::string> missing(const std::vector<std::string>& values,
                                 const std::vector<std::string>& others) {
    std::vector<std::string> rest;
    const std::set<std::string> known(others.begin(), others.end());
    std::ranges::copy_if(values, std::back_inserter(rest),
                         [&](const std::string& value) { return !known.contains(value); });
    return rest;
}

class SettingsComparison {
public:
    void compare(const Object& from, const Object& to) {
        for (const std::string& key : to.keys) {
            compare_key(from, to, key);
        }
        for (const std::string& key : from.keys) {
            if (!to.values.contains(key)) {
                compare_key(from, to, key);
            }
        }
    }
    void whole(const Object& object, ChangeKind kind) {
        changes_.push_back({object.kind, object.name, "", kind, "", ""});
    }
    std::vector<ConfigChange> take() { return std::move(changes_); }

private:
    void compare_key(const Object& from, const Object& to, const std::string& key) {
        const auto before = values_of(from, key);
        const auto after = values_of(to, key);
        if (before == after) {
            return;
        }
        const auto add = [&](ChangeKind kind, const std::string& old, const std::string& value) {
            changes_.push_back({to.kind, to.name, key, kind, old, value});
        };
        if (!repeats(to, key)) {
            add(before.empty()  ? ChangeKind::added
                : after.empty() ? ChangeKind::removed
                                : ChangeKind::changed,
                joined(before), joined(after));
            return;
        }
        const auto gone = missing(before, after);
        const auto fresh = missing(after, before);
        for (const std::string& value : gone) {
            add(ChangeKind::removed, value, "");
        }
        for (const std::string& value : fresh) {
            add(ChangeKind::added, "", value);
        }
        if (gone.empty() && fresh.empty()) {  // the same ones in another order
            add(ChangeKind::changed, joined(before), joined(after));
        }
    }

    std::vector<ConfigChange> changes_;
};

// What the operator wrote for an address list or a name is no secret; a check's or a command's may
// be.
bool may_be_secret(const ConfigChange& change) {
    static const std::set<std::string> open = {
        "type",    "interval", "fast_interval", "down_interval", "timeout",      "rise",
        "fall",    "initial",  "inverted",      "target",        "server",       "interface",
        "unit",    "standby",  "check",         "start_timeout", "stop_timeout", "stop_on_release",
        "min_days"};
    if (change.object == "vip") {
        return change.key.starts_with("on_");
    }
    return change.object != "agent" && !open.contains(change.key);
}

std::string title_of(const ConfigChange& change) {
    if (change.object == "vip") {
        return change.name;
    }
    return change.object + (change.name.empty() ? "" : " " + change.name);
}

}  // namespace

Difference difference(const core::Configuration& from, const core::Configuration& to) {
    const std::vector<Object> before = objects_of(from);
    const std::vector<Object> after = objects_of(to);
    std::map<std::pair<std::string, std::string>, const Object*> old;
    for (const Object& object : before) {
        old.emplace(std::pair{object.kind, object.name}, &object);
    }
    SettingsComparison comparison;
    for (const Object& object : after) {
        if (const auto former = old.extract({object.kind, object.name})) {
            comparison.compare(*former.mapped(), object);
        } else {
            comparison.whole(object, ChangeKind::added);
        }
    }
    for (const Object& object : before) {
        if (old.contains({object.kind, object.name})) {
            comparison.whole(object, ChangeKind::removed);
        }
    }
    Difference difference{comparison.take(), {}};
    for (const core::VipSettings& vip : to.vips) {
        const auto former = std::ranges::find(from.vips, vip.name, &core::VipSettings::name);
        if (former != from.vips.end() && !core::is_same_router(*former, vip)) {
            difference.restarts.push_back(vip.name);
        }
    }
    return difference;
}

namespace {

bool keeps_an_address(const core::VipSettings& from, const core::VipSettings& to) {
    return std::ranges::any_of(to.addresses, [&](const core::VirtualAddress& address) {
        return !address.derived &&
               std::ranges::any_of(from.addresses, [&](const core::VirtualAddress& former) {
                   return former.prefix.address == address.prefix.address;
               });
    });
}

Place place_of_addresses(const Result& read, const std::string& vip) {
    const auto section = read.vips.find(vip);
    if (section == read.vips.end()) {
        return {};
    }
    const auto address = section->second.find("address");
    return address != section->second.end() ? address->second : section->second.at("");
}

}  // namespace

// See core::AddressLists.
Diagnostics remarks(const core::Configuration& from, const Result& to) {
    Diagnostics found;
    for (const core::VipSettings& vip : to.configuration->vips) {
        const auto former = std::ranges::find(from.vips, vip.name, &core::VipSettings::name);
        if (former != from.vips.end() && core::is_same_router(*former, vip) &&
            !keeps_an_address(*former, vip)) {
            found.push_back({place_of_addresses(to, vip.name),
                             "[vip " + vip.name +
                                 "] has no address in common with the running configuration: "
                                 "reload all its nodes within an hour; after that, a node with "
                                 "the former addresses is taken for another cluster",
                             Severity::warning});
        }
    }
    return found;
}

std::string in_words(const ConfigChange& change, Values values) {
    const std::string title = title_of(change);
    const bool hidden = values == Values::no_secrets && may_be_secret(change);
    const auto shown = [&](const std::string& value) { return hidden ? "" : ' ' + value; };
    if (change.key.empty()) {
        return (change.object == "vip" ? "vip " : "") + title + ": " +
               (change.kind == ChangeKind::added ? "added" : "removed");
    }
    std::string text = title + ": " + change.key;
    switch (change.kind) {
        case ChangeKind::added:
            text += shown(change.to) + " added";
            break;
        case ChangeKind::removed:
            text += shown(change.from) + " removed";
            break;
        case ChangeKind::changed:
            text += hidden ? " changed" : ' ' + change.from + " -> " + change.to;
            break;
    }
    const bool later = change.object == "agent" && change.key == "record";
    return text + (later ? " (from the next start of the agent)" : "");
}

std::vector<std::string> in_words(const Difference& difference, Values values) {
    std::vector<std::string> lines;
    for (const ConfigChange& change : difference.changes) {
        lines.push_back(in_words(change, values));
    }
    for (const std::string& vip : difference.restarts) {
        lines.push_back(vip + ": another virtual router: it ends, and begins anew");
    }
    if (lines.empty()) {
        lines.emplace_back("nothing changed");
    }
    return lines;
}

}  // namespace understudy::config
