#include "agent/import/instance.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include "agent/config/values.hpp"
#include "agent/import/advice.hpp"

namespace understudy::importer {

namespace {

std::string without_length(const std::string& text) {
    return text.substr(0, text.find('/'));
}

// ADDRESS[/LENGTH] and what may follow it.
Address read_address(const Statement& entry, bool advertised, Notes& notes) {
    static const std::map<std::string, const char*> advice = {
        {"label", "no labels; `ip address show proto 0x55` lists what understudy holds"},
        {"scope", "every address has global scope"},
        {"brd", "the broadcast address follows from the prefix length"},
        {"broadcast", "the broadcast address follows from the prefix length"},
        {"peer", "no point-to-point addresses"},
        {"preferred_lft", "IPv6 addresses are always deprecated: never chosen as a source"},
        {"no_track", "an address that somebody deletes is always put back"}};
    Address address;
    address.advertised = advertised;
    address.value = {entry.words.front(), entry.place, entry.text()};
    for (std::size_t i = 1; i < entry.words.size(); ++i) {
        const std::string& word = entry.words[i];
        if (word == "dev" && i + 1 < entry.words.size()) {
            address.interface = entry.words[++i];
            continue;
        }
        const auto known = advice.find(word);
        notes.add(Severity::note, entry.place,
                  entry.text() + ": " + word + " is left out: " +
                      (known != advice.end() ? known->second : "not needed or not known here"));
        const bool has_value = word != "no_track" && known != advice.end();
        i += has_value ? 1 : 0;
    }
    return address;
}

// A block with an entry on each line, or all on one.
void read_addresses(const Statement& statement, bool advertised, Instance& instance, Notes& notes) {
    for (const Statement& line : statement.block) {
        Statement entry{line.place, {}, {}, false};
        for (const std::string& word : line.words) {
            if (!entry.words.empty() && IpPrefix::parse(word) && entry.words.back() != "brd" &&
                entry.words.back() != "peer") {
                instance.addresses.push_back(read_address(entry, advertised, notes));
                entry.words.clear();
            }
            entry.words.push_back(word);
        }
        instance.addresses.push_back(read_address(entry, advertised, notes));
    }
}

void read_peers(const Statement& statement, Instance& instance, Notes& notes) {
    for (const Statement& line : statement.block) {
        for (std::size_t i = 0; i < line.words.size(); ++i) {
            const std::string& word = line.words[i];
            if ((word == "min_ttl" || word == "max_ttl") && i + 1 < line.words.size()) {
                const auto ttl = config::parse_number(line.words[++i], 0, 255);
                if (word == "min_ttl" && ttl) {
                    instance.min_ttl = std::max(1, std::min(instance.min_ttl.value_or(255), *ttl));
                } else {
                    notes.add(Severity::note, line.place, line.text() + ": no upper limit");
                }
                continue;
            }
            instance.peers.push_back({without_length(word), line.place, line.text()});
        }
    }
}

void read_authentication(const Statement& statement, Instance& instance, Notes&) {
    instance.authentication = {"PASS", statement.place, statement.text()};
    for (const Statement& line : statement.block) {
        if (line.keyword() == "auth_type" && !line.argument().empty()) {
            instance.authentication.text = line.argument();
        }
    }
}

using Take = std::function<void(const Statement&, Instance&, Notes&)>;

Take into(Value Instance::* member) {
    return [member](const Statement& statement, Instance& instance, Notes&) {
        instance.*member = value_of(statement);
    };
}

// For keywords without an argument, or with yes and no.
Take flag(Value Instance::* member, bool value) {
    return [member, value](const Statement& statement, Instance& instance, Notes&) {
        instance.*
            member = {is_on(statement) == value ? "yes" : "no", statement.place, statement.text()};
    };
}

const std::map<std::string, Take>& keywords() {
    static const std::map<std::string, Take> all = {
        {"interface", into(&Instance::interface)},
        {"virtual_router_id", into(&Instance::vrid)},
        {"priority", into(&Instance::priority)},
        {"advert_int", into(&Instance::interval)},
        {"version", into(&Instance::version)},
        {"state", into(&Instance::state)},
        {"nopreempt", flag(&Instance::preempt, false)},
        {"preempt", flag(&Instance::preempt, true)},
        {"preempt_delay", into(&Instance::preempt_delay)},
        {"accept", flag(&Instance::accept, true)},
        {"no_accept", flag(&Instance::accept, false)},
        {"strict_mode", flag(&Instance::strict, true)},
        {"v3_checksum_as_v2", flag(&Instance::message_checksum, true)},
        {"authentication", read_authentication},
        {"unicast_peer", read_peers},
        {"unicast_ttl", into(&Instance::sent_ttl)},
        {"unicast_src_ip",
         [](const Statement& statement, Instance& instance, Notes&) {
             instance.source_address = value_of(statement);
             instance.source_address.text = without_length(instance.source_address.text);
         }},
        {"virtual_ipaddress",
         [](const Statement& statement, Instance& instance, Notes& notes) {
             read_addresses(statement, true, instance, notes);
         }},
        {"virtual_ipaddress_excluded",
         [](const Statement& statement, Instance& instance, Notes& notes) {
             read_addresses(statement, false, instance, notes);
         }},
    };
    return all;
}

// NAME [weight N [reverse]] as far as the words go.
Tracked read_tracked(const Statement& line, std::size_t& at, TrackKind kind, Notes& notes) {
    Tracked tracked{kind, line.words[at++], std::nullopt, false, line.place, line.text(), false};
    if (at + 1 < line.words.size() && line.words[at] == "weight") {
        const auto weight = config::parse_number(line.words[at + 1], -254, 254);
        at += 2;
        if (weight) {
            tracked.weight = std::clamp(*weight, -253, 253);
        } else {
            notes.add(Severity::warning, line.place, line.text() + ": weight " + weight.error());
        }
        if (at < line.words.size() && line.words[at].ends_with("reverse")) {
            tracked.reverse = line.words[at++] == "reverse";
        }
    }
    return tracked;
}

}  // namespace

Value value_of(const Statement& statement) {
    return {statement.argument(), statement.place, statement.text()};
}

bool is_on(const Statement& statement) {
    const std::string word = statement.argument();
    return word != "off" && word != "false" && word != "no";
}

std::string seconds(const std::string& text) {
    const auto duration = config::parse_duration(text + 's');
    return duration ? config::format_duration(*duration) : "";
}

bool read_tracks(const Statement& statement, std::vector<Tracked>& tracks, Notes& notes) {
    static const std::map<std::string, TrackKind> kinds = {
        {"track_interface", TrackKind::interface},
        {"track_script", TrackKind::script},
        {"track_process", TrackKind::process},
        {"track_file", TrackKind::file}};
    const auto kind = kinds.find(statement.keyword());
    if (kind == kinds.end()) {
        return false;
    }
    for (const Statement& line : statement.block) {
        for (std::size_t at = 0; at < line.words.size();) {
            tracks.push_back(read_tracked(line, at, kind->second, notes));
        }
    }
    return true;
}

bool read_notify(const Statement& statement, std::vector<Notify>& notifies) {
    static const std::map<std::string, std::string> states = {
        {"notify", "any"},         {"notify_master", "master"}, {"notify_backup", "backup"},
        {"notify_fault", "fault"}, {"notify_stop", "stop"},     {"notify_deleted", "deleted"}};
    const auto state = states.find(statement.keyword());
    if (state == states.end()) {
        return false;
    }
    notifies.push_back({state->second,
                        {statement.words.begin() + 1, statement.words.end()},
                        statement.place,
                        statement.text()});
    return true;
}

Instance read_instance(const Statement& statement, Notes& notes) {
    Instance instance;
    instance.name = statement.argument();
    instance.start = value_of(statement);
    for (const Statement& line : statement.block) {
        const auto known = keywords().find(line.keyword());
        if (known != keywords().end()) {
            known->second(line, instance, notes);
        } else if (line.keyword() == "virtual_routes" || line.keyword() == "virtual_rules") {
            for (Statement each : line.block) {  // each one is somebody's traffic
                each.words.insert(each.words.begin(), line.keyword());
                advise(Context::instance, each, notes);
            }
        } else if (!read_tracks(line, instance.tracks, notes) &&
                   !read_notify(line, instance.notifies)) {
            advise(Context::instance, line, notes);
        }
    }
    return instance;
}

}  // namespace understudy::importer
