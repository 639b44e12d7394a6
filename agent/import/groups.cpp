#include "agent/import/groups.hpp"

#include <algorithm>
#include <utility>

#include "agent/import/advice.hpp"

namespace understudy::importer {

namespace {

using Joined = std::vector<Member*>;

// One [vip] has one answer to each of these. keepalived ignores the first two with state MASTER.
bool behave_alike(const Instance& a, const Instance& b) {
    const auto preemption = [](const Instance& one) {
        const bool counts = one.state.text != "MASTER";
        return std::pair{counts && one.preempt.text == "no",
                         counts ? seconds(one.preempt_delay.text) : std::string{}};
    };
    return preemption(a) == preemption(b) && (a.accept.text == "no") == (b.accept.text == "no");
}

// On the wire two families with one VRID are two virtual routers, which a [vip] holds together.
bool is_one_router(const Instance& a, const Instance& b, const Defaults& defaults) {
    return a.interface.text == b.interface.text && a.vrid.text == b.vrid.text && family_of(a) &&
           family_of(b) && *family_of(a) != *family_of(b) && version_of(a, defaults) == 3 &&
           version_of(b, defaults) == 3 && priority_of(a) == priority_of(b) &&
           interval_of(a, 3) == interval_of(b, 3) && a.peers.empty() == b.peers.empty() &&
           behave_alike(a, b);
}

// What it says is in the other's section already, or goes there.
void move_into(Instance& target, const Instance& merged, Notes& notes) {
    const std::string vip = "[vip " + as_name(target.name) + "]";
    notes.add(Severity::converted, merged.start.place,
              merged.start.source + " -> its addresses are in " + vip +
                  ", the same router in two families");
    for (const Value Instance::* member :
         {&Instance::interface, &Instance::vrid, &Instance::priority, &Instance::interval,
          &Instance::version, &Instance::state, &Instance::preempt, &Instance::preempt_delay,
          &Instance::accept, &Instance::strict, &Instance::message_checksum}) {
        if (const Value& value = merged.*member) {
            notes.add(Severity::converted, value.place, value.source + " -> as in " + vip);
        }
    }
    for (const Notify& notify : merged.notifies) {
        const bool is_there = std::ranges::any_of(target.notifies, [&](const Notify& one) {
            return one.state == notify.state && one.command == notify.command;
        });
        if (is_there) {
            notes.add(Severity::note, notify.place, notify.source + ": runs once, for " + vip);
        } else {
            target.notifies.push_back(notify);
        }
    }
}

void merge(const Joined& joined, const Defaults& defaults, Notes& notes) {
    for (Member* member : joined) {
        for (Member* candidate : joined) {
            if (member == candidate || member->other != nullptr || member->is_merged ||
                candidate->other != nullptr || candidate->is_merged ||
                !is_one_router(member->instance, candidate->instance, defaults)) {
                continue;
            }
            member->other = &candidate->instance;
            candidate->is_merged = true;
            move_into(member->instance, candidate->instance, notes);
        }
    }
}

// A fault of one is a fault of all: what one needs, all of them track.
void share_tracks(const Group& group, const Joined& joined) {
    std::vector<Tracked> common = group.tracks;
    for (const Member* member : joined) {
        const Instance& instance = member->instance;
        for (Tracked tracked : instance.tracks) {
            tracked.is_in_group = !group.keeps_weights;  // the group's own weights count
            common.push_back(std::move(tracked));
        }
        if (instance.interface) {
            common.push_back({TrackKind::interface, instance.interface.text, std::nullopt, false,
                              group.start.place, group.start.source, false});
        }
    }
    for (Member* member : joined) {
        std::vector<Tracked> tracks;
        for (const Tracked& tracked : common) {
            const auto same = [&](const Tracked& one) {
                return one.kind == tracked.kind && one.name == tracked.name;
            };
            const bool is_own = tracked.kind == TrackKind::interface &&
                                tracked.name == member->instance.interface.text &&
                                std::ranges::none_of(member->instance.tracks, same);
            if (!is_own && std::ranges::none_of(tracks, same)) {
                tracks.push_back(tracked);
            }
        }
        member->instance.tracks = std::move(tracks);
    }
}

void explain(const Group& group, const Joined& joined, Notes& notes) {
    std::string names;
    std::size_t left = 0;
    for (const Member* member : joined) {
        if (!member->is_merged) {
            names += (names.empty() ? "" : ", ") + as_name(member->instance.name);
            ++left;
        }
    }
    if (left < 2) {
        return;
    }
    notes.add(Severity::warning, group.start.place,
              group.start.source + ": " + names +
                  " are separate VIPs, as on the wire now; each tracks what any of them needs, so "
                  "that a fault moves all of them, but an election is of each alone. When all "
                  "nodes run understudy, make one [vip] of them: the others' addresses as "
                  "extra_address = ADDRESS dev INTERFACE");
}

}  // namespace

Group read_group(const Statement& statement, Notes& notes) {
    Group group;
    group.start = value_of(statement);
    for (const Statement& line : statement.block) {
        if (line.keyword() == "group") {
            for (const Statement& member : line.block) {
                group.members.insert(group.members.end(), member.words.begin(), member.words.end());
            }
        } else if (line.keyword() == "sync_group_tracking_weight") {
            group.keeps_weights = true;
        } else if (!read_tracks(line, group.tracks, notes) && !read_notify(line, group.notifies)) {
            advise(Context::group, line, notes);
        }
    }
    return group;
}

void join(const Group& group, std::vector<Member>& members, const Defaults& defaults,
          Notes& notes) {
    Joined joined;
    for (const std::string& name : group.members) {
        const auto found = std::ranges::find(
            members, name, [](const Member& member) { return member.instance.name; });
        if (found == members.end()) {
            notes.add(Severity::warning, group.start.place,
                      group.start.source + ": there is no vrrp_instance " + name);
        } else if (std::ranges::find(joined, &*found) == joined.end()) {
            joined.push_back(&*found);
        }
    }
    if (joined.empty()) {
        notes.add(Severity::warning, group.start.place,
                  group.start.source + ": there is no instance in it; it is left out");
        return;
    }
    merge(joined, defaults, notes);
    share_tracks(group, joined);
    explain(group, joined, notes);
    Instance& first = joined.front()->instance;
    first.notifies.insert(first.notifies.end(), group.notifies.begin(), group.notifies.end());
    if (!group.notifies.empty() && joined.size() > 1) {
        notes.add(Severity::warning, group.start.place,
                  group.start.source + ": the scripts of the group go with [vip " +
                      as_name(first.name) + "] alone, and notify says INSTANCE, not GROUP");
    }
}

}  // namespace understudy::importer
