// What keepalived tracks, as [check] sections. Only what an instance tracks becomes one.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/import/instance.hpp"
#include "agent/import/sections.hpp"

namespace understudy::importer {

// A [check], and what its state means for the priority.
struct Resolved {
    std::string check;
    int weight = 0;  // 0: while it is down, the node is in fault
    bool reverse = false;
    bool value_is_weight = false;
};

class Checks {
public:
    explicit Checks(Notes& notes) : notes_(notes) {}

    // vrrp_script, vrrp_track_process, track_file.
    void define(const Statement& statement);
    // Nothing if it cannot be converted; that is said then.
    std::optional<Resolved> resolve(const Tracked& tracked);
    // What was defined and is tracked by nobody.
    void mention_unused() const;
    std::vector<Section> take() { return std::move(sections_); }

private:
    using Key = std::pair<TrackKind, std::string>;

    const Statement* definition_of(const Tracked& tracked, const Statement& interface);
    bool weigh(const Tracked& tracked, const Statement& definition, Resolved& resolved);
    std::optional<Section> make(TrackKind kind, const Statement& definition);
    std::string unique(std::string name);

    Notes& notes_;
    std::map<Key, const Statement*> definitions_;
    std::set<Key> used_;
    std::map<std::pair<Key, bool>, std::string> made_;  // and inverted or not: the section's name
    std::set<Key> impossible_;
    std::vector<Section> sections_;
    std::set<std::string> names_;
};

// A name that understudy.conf can have.
std::string as_name(const std::string& text);

}  // namespace understudy::importer
