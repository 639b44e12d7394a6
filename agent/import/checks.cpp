#include "agent/import/checks.hpp"

#include <algorithm>

#include "agent/config/values.hpp"
#include "agent/import/advice.hpp"
#include "agent/import/script.hpp"

namespace understudy::importer {

namespace {

const char* keyword_of(TrackKind kind) {
    constexpr const char* keywords[] = {"interface", "vrrp_script", "vrrp_track_process",
                                        "track_file"};
    return keywords[static_cast<std::size_t>(kind)];
}

const Statement* find(const Statement& block, const std::string& keyword) {
    const Statement* found = nullptr;  // the last one counts
    for (const Statement& line : block.block) {
        found = line.keyword() == keyword ? &line : found;
    }
    return found;
}

// The weight that its definition gives to whatever tracks it.
void default_weight(const Statement& definition, int otherwise, Resolved& resolved) {
    resolved.weight = otherwise;
    if (const Statement* line = find(definition, "weight"); line != nullptr) {
        resolved.weight =
            std::clamp(config::parse_number(line->argument(), -254, 254).value_or(0), -253, 253);
        resolved.reverse = line->words.size() > 2 && line->words[2] == "reverse";
    }
}

void copy(const Statement& definition, const std::string& keyword, const std::string& key,
          Section& section) {
    if (const Statement* line = find(definition, keyword); line != nullptr) {
        section.add(key, line->argument(), line->place, line->text());
    }
}

// keepalived's defaults are other ones than ours, so all of them are written.
void add_timing(const Statement& script, Section& section) {
    std::string interval = "1s";
    const Statement* line = find(script, "interval");
    const std::string written = line == nullptr ? "" : seconds(line->argument());
    interval = written.empty() ? interval : written;
    section.add("interval", interval, line == nullptr ? script.place : line->place,
                line == nullptr ? "" : line->text());
    line = find(script, "timeout");
    const std::string timeout = line == nullptr ? "" : seconds(line->argument());
    section.add("timeout", timeout.empty() ? interval : timeout,
                line == nullptr ? script.place : line->place, line == nullptr ? "" : line->text());
    for (const char* key : {"rise", "fall"}) {
        line = find(script, key);
        section.add(key, line == nullptr ? "1" : line->argument(),
                    line == nullptr ? script.place : line->place,
                    line == nullptr ? "" : line->text());
    }
}

std::optional<Section> script_section(const Statement& definition, Notes& notes) {
    const Statement* script = find(definition, "script");
    if (script == nullptr || script->words.size() < 2 || script->argument().empty()) {
        notes.add(Severity::warning, definition.place,
                  definition.text() + ": there is no script in it; it is not tracked");
        return std::nullopt;
    }
    Section section{"check", {}, definition.place, definition.text(), {}};
    const ScriptCheck check = check_of_script({script->words.begin() + 1, script->words.end()});
    section.add("type", check.type, definition.place);
    for (const auto& [key, value] : check.keys) {
        section.add(key, value, script->place, script->text());
    }
    if (!check.remark.empty()) {
        notes.add(check.is_guess ? Severity::warning : Severity::note, script->place,
                  script->text() + ": " + check.remark);
    }
    add_timing(definition, section);
    if (check.type == "script") {
        copy(definition, "user", "user", section);
    } else if (const Statement* line = find(definition, "user"); line != nullptr) {
        notes.add(Severity::note, line->place, line->text() + ": no command is run");
    }
    if (const Statement* line = find(definition, "init_fail"); line != nullptr) {
        section.add("initial", "down", line->place, line->text());
    }
    return section;
}

// keepalived hears of a process from the kernel; here it is looked for, soon enough.
std::optional<Section> process_section(const Statement& definition, Notes& notes) {
    const Statement* process = find(definition, "process");
    if (process == nullptr || process->argument().empty()) {
        notes.add(Severity::warning, definition.place,
                  definition.text() + ": there is no process in it; it is not tracked");
        return std::nullopt;
    }
    Section section{"check", {}, definition.place, definition.text(), {}};
    section.add("type", "process", definition.place);
    const std::string path = process->argument();
    section.add("name", path.substr(path.rfind('/') + 1), process->place, process->text());
    copy(definition, "quorum", "min_count", section);
    if (process->words.size() > 2) {
        notes.add(Severity::warning, process->place,
                  process->text() + ": a process is known by its name; its arguments do not count");
    }
    if (const Statement* most = find(definition, "quorum_max"); most != nullptr) {
        if (most->argument() == "0") {
            section.add("inverted", "yes", most->place, most->text());
        } else {
            notes.add(Severity::warning, most->place,
                      most->text() + ": no upper limit but 0; write a script for it");
        }
    }
    for (const char* key : {"rise", "fall"}) {
        section.add(key, "1", definition.place);
    }
    section.add("interval", "500ms", definition.place);
    return section;
}

// Its number counts as it is. Anything else would be other priorities on the wire.
std::optional<Section> file_section(const Statement& definition, Notes& notes) {
    const Statement* file = find(definition, "file");
    if (file == nullptr || file->argument().empty()) {
        notes.add(Severity::warning, definition.place,
                  definition.text() + ": there is no file in it; it is not tracked");
        return std::nullopt;
    }
    Section section{"check", {}, definition.place, definition.text(), {}};
    section.add("type", "file", definition.place);
    section.add("path", file->argument(), file->place, file->text());
    section.add("value_as_weight", "yes", definition.place);
    section.add("rise", "1", definition.place);
    section.add("fall", "1", definition.place);
    section.add("interval", "500ms", definition.place);
    return section;
}

void advise_on_rest(TrackKind kind, const Statement& definition, Notes& notes) {
    static const std::set<std::string> script = {"script", "interval", "timeout", "weight",
                                                 "rise",   "fall",     "user",    "init_fail"};
    static const std::set<std::string> process = {"process", "weight", "quorum", "quorum_max"};
    static const std::set<std::string> file = {"file", "weight"};
    const auto& known = kind == TrackKind::script    ? script
                        : kind == TrackKind::process ? process
                                                     : file;
    const Context context = kind == TrackKind::script    ? Context::script
                            : kind == TrackKind::process ? Context::process
                                                         : Context::file;
    for (const Statement& line : definition.block) {
        if (line.keyword() == "weight") {
            notes.add(Severity::converted, line.place,
                      line.text() + " -> the weight where a track line has none");
        } else if (!known.contains(line.keyword())) {
            advise(context, line, notes);
        }
    }
}

}  // namespace

std::string as_name(const std::string& text) {
    std::string name;
    for (const char c : text.substr(0, config::longest_name)) {
        const bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == ':' || c == '-';
        name += fits ? c : '_';
    }
    if (name.empty() || name.front() == '-') {
        name.insert(0, "_");
        name.resize(std::min(name.size(), config::longest_name));
    }
    return name;
}

void Checks::define(const Statement& statement) {
    const std::string& keyword = statement.keyword();
    const TrackKind kind = keyword == "vrrp_script"          ? TrackKind::script
                           : keyword == "vrrp_track_process" ? TrackKind::process
                                                             : TrackKind::file;
    definitions_[{kind, statement.argument()}] = &statement;
}

std::string Checks::unique(std::string name) {
    name = as_name(name);
    std::string candidate = name;
    for (int number = 2; !names_.insert(candidate).second; ++number) {
        const std::string suffix = '-' + std::to_string(number);
        candidate = name.substr(0, config::longest_name - suffix.size()) + suffix;
    }
    return candidate;
}

std::optional<Section> Checks::make(TrackKind kind, const Statement& definition) {
    advise_on_rest(kind, definition, notes_);
    switch (kind) {
        case TrackKind::script:
            return script_section(definition, notes_);
        case TrackKind::process:
            return process_section(definition, notes_);
        case TrackKind::file:
            return file_section(definition, notes_);
        case TrackKind::interface:
            break;
    }
    Section section{"check", {}, definition.place, definition.text(), {}};
    section.add("type", "interface", definition.place);
    section.add("interface", definition.keyword(), definition.place);
    section.add("interval", "200ms", definition.place);
    section.add("rise", "1", definition.place);
    section.add("fall", "1", definition.place);
    return section;
}

// Nothing if it does not exist. An interface needs no definition but its name.
const Statement* Checks::definition_of(const Tracked& tracked, const Statement& interface) {
    if (tracked.kind == TrackKind::interface) {
        return &interface;
    }
    const auto found = definitions_.find({tracked.kind, tracked.name});
    if (found == definitions_.end()) {
        notes_.add(Severity::warning, tracked.place,
                   tracked.source + ": there is no " + keyword_of(tracked.kind) + ' ' +
                       tracked.name + "; it is not tracked");
        return nullptr;
    }
    return found->second;
}

// False if the weight has no counterpart.
bool Checks::weigh(const Tracked& tracked, const Statement& definition, Resolved& resolved) {
    const bool is_file = tracked.kind == TrackKind::file;
    if (tracked.kind != TrackKind::interface) {
        const int otherwise = is_file || tracked.kind == TrackKind::process ? 1 : 0;
        default_weight(definition, otherwise, resolved);
    }
    if (tracked.weight) {
        resolved.weight = *tracked.weight;
        resolved.reverse = tracked.reverse;
    }
    if (is_file && (resolved.weight != 1 || resolved.reverse)) {
        notes_.add(Severity::warning, tracked.place,
                   tracked.source +
                       ": a number in a file is added as it is (weight 1), not "
                       "multiplied, and 0 is not a state; it is not tracked");
        return false;
    }
    resolved.value_is_weight = is_file;
    if (tracked.is_in_group && resolved.weight != 0 && !is_file) {
        notes_.add(Severity::warning, tracked.place,
                   tracked.source +
                       ": keepalived takes weights away from members of a group, so "
                       "that a failure is a fault; so it is written");
        resolved.weight = 0;
    }
    return true;
}

std::optional<Resolved> Checks::resolve(const Tracked& tracked) {
    const Key key{tracked.kind, tracked.name};
    const Statement interface{tracked.place, {tracked.name}, {}, false};
    const Statement* definition = definition_of(tracked, interface);
    Resolved resolved;
    used_.insert(key);
    if (definition == nullptr || !weigh(tracked, *definition, resolved)) {
        return std::nullopt;
    }
    const bool inverted = resolved.weight == 0 && resolved.reverse;
    if (const auto made = made_.find({key, inverted}); made != made_.end()) {
        resolved.check = made->second;
        return resolved;
    }
    auto section = impossible_.contains(key) ? std::nullopt : make(tracked.kind, *definition);
    if (!section) {
        impossible_.insert(key);
        return std::nullopt;
    }
    section->name = unique((tracked.kind == TrackKind::interface ? "link-" : "") + tracked.name +
                           (inverted ? "-not" : ""));
    if (inverted) {
        section->add("inverted", "yes", tracked.place, tracked.source);
    }
    resolved.check = section->name;
    made_[{key, inverted}] = section->name;
    sections_.push_back(std::move(*section));
    return resolved;
}

void Checks::mention_unused() const {
    for (const auto& [key, definition] : definitions_) {
        if (!used_.contains(key)) {
            notes_.add(Severity::note, definition->place,
                       definition->text() + ": nothing tracks it, so it is left out");
        }
    }
}

}  // namespace understudy::importer
