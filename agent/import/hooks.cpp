#include "agent/import/hooks.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include "agent/config/command_line.hpp"
#include "agent/config/keys.hpp"
#include "agent/import/script.hpp"

namespace understudy::importer {

namespace {

// One key for each state.
const std::map<std::string, std::string>& keys() {
    static const std::map<std::string, std::string> all = {
        {"master", "on_active"}, {"backup", "on_backup"}, {"fault", "on_fault"}};
    return all;
}

bool is_known(std::string_view key) {
    return std::ranges::any_of(config::vip_keys(),
                               [key](const auto& known) { return known.name == key; });
}

class Hooks {
public:
    Hooks(Section& section, Notes& notes) : section_(section), notes_(notes) {}

    void add(const Notify& notify, const std::string& key) {
        if (notify.command.empty() || notify.command.front().empty()) {
            say(notify, "there is no script in it");
            return;
        }
        if (has(key)) {
            say(notify, key + " is one script; let it call the other one");
            return;
        }
        // What follows the script is whom it runs as.
        const Command command = command_of({notify.command.front()});
        section_.add(key, config::format_command_line(command.words), notify.place, notify.source);
        has_added_ = true;
        if (!command.remark.empty()) {
            notes_.add(command.is_guess ? Severity::warning : Severity::note, notify.place,
                       notify.source + ": " + command.remark);
        }
        if (notify.command.size() > 1) {
            say(notify, "it runs as [agent] script_user, as all scripts of that kind");
        }
    }
    bool has(const std::string& key) const {
        return std::ranges::find(section_.lines, key, &Line::key) != section_.lines.end();
    }
    bool has_added() const { return has_added_; }
    void say(const Notify& notify, const std::string& text) {
        notes_.add(Severity::warning, notify.place, notify.source + ": " + text);
    }

private:
    Section& section_;
    Notes& notes_;
    bool has_added_ = false;
};

void add_known(const Instance& instance, Section& section, Notes& notes) {
    Hooks hooks(section, notes);
    bool has_states = false;
    for (const Notify& notify : instance.notifies) {
        if (const auto key = keys().find(notify.state); key != keys().end()) {
            hooks.add(notify, key->second);
            has_states = true;
        } else if (notify.state != "any") {
            hooks.say(notify,
                      "no script of its own; on_release runs before addresses are given up, also "
                      "at a stop");
        }
    }
    bool has_any = false;
    for (const Notify& notify : instance.notifies) {
        if (notify.state != "any") {
            continue;
        }
        if (has_any) {
            hooks.say(notify, "each state has one script; let that one call this one");
            continue;
        }
        const auto has = [&](const auto& state) { return hooks.has(state.second); };
        if (std::ranges::all_of(keys(), has)) {
            hooks.say(notify, "each state has one script; let those call this one");
            continue;
        }
        for (const auto& [state, key] : keys()) {
            if (!hooks.has(key)) {
                hooks.add(notify, key);
            }
        }
        section.add("hook_arguments", "keepalived", notify.place, notify.source);
        if (has_states) {
            hooks.say(notify,
                      "each state has one script: runs for those that have none of their own, so "
                      "let theirs call this one; they are given its arguments, too");
        }
        has_any = true;
    }
    if (hooks.has_added()) {
        section.add("hook_timeout", "1m", section.place);
        notes.add(Severity::note, section.place,
                  section.source +
                      ": keepalived lets its scripts run for ever, and beside each "
                      "other; here one runs at a time, and for a minute at most");
    }
}

}  // namespace

void add_hooks(const Instance& instance, Section& section, Notes& notes) {
    if (is_known("on_active") && is_known("hook_arguments")) {
        add_known(instance, section, notes);
        return;
    }
    for (const Notify& notify : instance.notifies) {
        notes.add(Severity::warning, notify.place,
                  notify.source +
                      ": this version runs no scripts on a change of state; follow `understudy "
                      "events --follow --json` instead");
    }
}

}  // namespace understudy::importer
