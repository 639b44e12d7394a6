#include "agent/import/convert.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "agent/config/parse.hpp"
#include "agent/config/values.hpp"
#include "agent/config/writer.hpp"
#include "agent/import/advice.hpp"
#include "agent/import/groups.hpp"
#include "agent/import/reader.hpp"
#include "agent/import/vip.hpp"

namespace understudy::importer {

namespace {

bool has_key(const Section& section, const std::string& key) {
    return std::ranges::find(section.lines, key, &Line::key) != section.lines.end();
}

bool has_type(const Section& section, const std::string& type) {
    return std::ranges::any_of(
        section.lines, [&](const Line& line) { return line.key == "type" && line.value == type; });
}

class Converter {
public:
    Converter(const Source& source, Notes& notes)
        : source_(source), notes_(notes), checks_(notes) {}

    std::vector<Section> run();

private:
    void global(const Statement& line);
    void startup_delay(const Statement& line);
    void top(const Statement& statement);
    void tell_about_scripts(const std::vector<Section>& sections);

    const Source& source_;
    Notes& notes_;
    Checks checks_;
    Defaults defaults_;
    Section agent_{"agent", {}, {}, {}, {}};
    std::vector<Member> members_;
    std::vector<Group> groups_;
};

// The longer of the two counts, with both.
void Converter::startup_delay(const Statement& line) {
    Value delay = value_of(line);
    delay.text = seconds(delay.text);
    const auto length = [](const Value& value) {
        return config::parse_duration(value.text).value_or(Duration{});
    };
    if (line.keyword() == "vrrp_delay_after_boot") {
        notes_.add(Severity::note, line.place,
                   line.text() + ": startup_delay counts from the boot and from every start");
    }
    if (length(delay) > length(defaults_.startup_delay)) {
        std::swap(delay, defaults_.startup_delay);
    }
    if (delay) {
        notes_.add(Severity::note, delay.place,
                   delay.source + ": the longer of the two delays counts");
    }
}

void Converter::global(const Statement& line) {
    const std::string& keyword = line.keyword();
    if (keyword == "vrrp_version") {
        defaults_.version = line.argument() == "3" ? 3 : 2;
        notes_.add(Severity::converted, line.place,
                   line.text() + " -> version = " + std::to_string(defaults_.version) +
                       " where an instance says nothing else");
    } else if (keyword == "vrrp_strict") {
        defaults_.strict = is_on(line);
        notes_.add(Severity::note, line.place,
                   line.text() + ": understudy follows the RFC; docs/conformance.md has where not");
    } else if (keyword == "v3_checksum_as_v2") {
        defaults_.message_checksum = is_on(line);
        notes_.add(Severity::converted, line.place,
                   line.text() + " -> the checksum where an instance says nothing else");
    } else if ((keyword == "vrrp_mcast_group4" && line.argument() == "224.0.0.18") ||
               (keyword == "vrrp_mcast_group6" && line.argument() == "ff02::12")) {
        notes_.add(Severity::note, line.place, line.text() + ": is the only one");
    } else if (keyword == "vrrp_startup_delay" || keyword == "vrrp_delay_after_boot") {
        startup_delay(line);
    } else if (keyword == "script_user") {
        defaults_.has_script_user = true;
        agent_.place = line.place;
        agent_.add("script_user", line.argument(), line.place, line.text());
    } else {
        advise(Context::global, line, notes_);
    }
}

void Converter::top(const Statement& statement) {
    static const std::set<std::string> definitions = {"vrrp_script", "vrrp_track_process",
                                                      "track_file", "vrrp_track_file"};
    const std::string& keyword = statement.keyword();
    if (keyword == "global_defs") {
        for (const Statement& line : statement.block) {
            global(line);
        }
    } else if (keyword == "vrrp_instance") {
        members_.push_back({read_instance(statement, notes_), nullptr, false});
    } else if (keyword == "vrrp_sync_group") {
        groups_.push_back(read_group(statement, notes_));
    } else if (definitions.contains(keyword)) {
        checks_.define(statement);
    } else {
        advise(Context::top, statement, notes_);
    }
}

// Whom they run as, and what the agent needs for that.
void Converter::tell_about_scripts(const std::vector<Section>& sections) {
    const Section* first = nullptr;
    for (const Section& section : sections) {
        const bool has_hooks = has_key(section, "on_active") || has_key(section, "on_backup") ||
                               has_key(section, "on_fault");
        const bool is_script = has_key(section, "command") || has_hooks;
        if (first == nullptr && (is_script || has_type(section, "process"))) {
            first = &section;
        }
        if (is_script && !defaults_.has_script_user && !has_key(section, "user")) {
            notes_.add(Severity::warning, section.place,
                       section.source +
                           ": keepalived runs its scripts as keepalived_script or "
                           "root; here they run as nobody: write " +
                           (has_hooks ? "[agent] script_user" : "user") +
                           " = ... where that is not enough");
        }
    }
    if (first != nullptr) {
        notes_.add(Severity::note, first->place,
                   first->source +
                       ": scripts, and checks of processes, need more rights than "
                       "understudyd.service has; examples/systemd/scripts.conf gives "
                       "them");
    }
}

std::vector<Section> Converter::run() {
    for (const Statement& statement : source_.statements) {
        top(statement);
    }
    for (const Group& group : groups_) {
        join(group, members_, defaults_, notes_);
    }
    std::vector<Section> sections;
    for (const Member& member : members_) {
        if (!member.is_merged) {
            sections.push_back(make_vip(member.instance, member.other, defaults_, checks_, notes_));
        }
    }
    checks_.mention_unused();
    for (Section& check : checks_.take()) {
        sections.push_back(std::move(check));
    }
    tell_about_scripts(sections);
    if (!agent_.lines.empty()) {
        sections.insert(sections.begin(), std::move(agent_));
    }
    return sections;
}

// The text, and for each of its lines the section and the line of it.
struct Written {
    std::string text;
    std::vector<std::pair<const Section*, const Line*>> origins;
};

Written write(const std::vector<Section>& sections, const std::string& header) {
    Written written;
    config::Writer out;
    const auto lines = static_cast<std::size_t>(std::ranges::count(header, '\n'));
    written.origins.resize(lines, {nullptr, nullptr});
    for (const Section& section : sections) {
        if (&section != &sections.front()) {
            written.origins.emplace_back(nullptr, nullptr);  // the empty line between them
        }
        out.section(section.kind + (section.name.empty() ? "" : ' ' + section.name));
        written.origins.emplace_back(&section, nullptr);
        for (const Line& line : section.lines) {
            out.text(line.key, line.value);
            written.origins.emplace_back(&section, &line);
        }
    }
    written.text = header + out.take();
    return written;
}

constexpr const char* our_name = "understudy.conf";

// Places of the text that is being made are places of keepalived.conf to its reader.
std::string at_origins(std::string message, const Written& written) {
    const std::string prefix = std::string{our_name} + ':';
    for (auto start = message.find(prefix); start != std::string::npos;
         start = message.find(prefix, start + 1)) {
        const auto end = std::min(message.find_first_not_of("0123456789", start + prefix.size()),
                                  message.size());
        const auto line =
            config::parse_number(message.substr(start + prefix.size(), end - start - prefix.size()),
                                 1, static_cast<int>(written.origins.size()));
        if (!line || written.origins[static_cast<std::size_t>(*line) - 1].first == nullptr) {
            continue;
        }
        const auto [section, origin] = written.origins[static_cast<std::size_t>(*line) - 1];
        message.replace(start, end - start,
                        config::to_string(origin == nullptr ? section->place : origin->place));
    }
    return message;
}

struct Judgement {
    bool valid = false;
    std::set<const Section*> faulty;
};

// What the reader of our own configuration says, at the lines of keepalived.conf.
Judgement judge(const Written& written, Notes& notes, bool with_warnings) {
    const config::Result result = config::parse_text(our_name, written.text, "node");
    Judgement judgement{result.configuration.has_value(), {}};
    for (const config::Diagnostic& diagnostic : result.diagnostics) {
        const auto index = static_cast<std::size_t>(diagnostic.place.line - 1);
        const bool is_error = diagnostic.severity == config::Severity::error;
        if (index >= written.origins.size() || written.origins[index].first == nullptr ||
            (!is_error && !with_warnings)) {
            continue;
        }
        const auto [section, line] = written.origins[index];
        const std::string title =
            '[' + section->kind + (section->name.empty() ? "" : ' ' + section->name) + ']';
        notes.add(
            is_error ? Severity::error : Severity::warning,
            line == nullptr ? section->place : line->place,
            title + (is_error ? " is left out: " : ": ") + at_origins(diagnostic.message, written));
        if (is_error) {
            judgement.faulty.insert(section);
        }
    }
    return judgement;
}

// Until the rest is valid. A check that is left out takes the VIPs with it that need it: they would
// be without something that keepalived looked after.
Written write_valid(std::vector<Section>& sections, const std::string& header, Notes& notes) {
    while (true) {
        Written written = write(sections, header);
        const std::set<const Section*> bad = judge(written, notes, false).faulty;
        if (bad.empty()) {
            return written;
        }
        std::vector<Section> rest;
        for (Section& section : sections) {
            if (!bad.contains(&section)) {
                rest.push_back(std::move(section));
            }
        }
        sections = std::move(rest);
    }
}

void tell_what_was_converted(const std::vector<Section>& sections, Notes& notes) {
    for (const Section& section : sections) {
        if (!section.source.empty()) {
            notes.add(Severity::converted, section.place,
                      section.source + " -> [" + section.kind + ' ' + section.name + ']');
        }
        for (const Line& line : section.lines) {
            if (!line.source.empty()) {
                notes.add(Severity::converted, line.place,
                          line.source + " -> " + line.key + " = " + line.value);
            }
        }
    }
}

std::string header_of(const std::string& file_name) {
    std::string name = file_name.substr(0, 1000);
    std::ranges::replace_if(
        name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
    return "# Converted from " + name +
           " by understudy import; see docs/coming-from-keepalived.md\n";
}

std::vector<Note> in_order(std::vector<Note> notes, const std::vector<std::string>& files) {
    std::map<std::string, std::size_t> order;
    for (const std::string& file : files) {
        order.try_emplace(file, order.size());
    }
    std::ranges::stable_sort(notes, {}, [&](const Note& note) {
        return std::tuple(order[note.place.file], note.place.line);
    });
    const auto same = [](const Note& a, const Note& b) {
        return a.place.file == b.place.file && a.place.line == b.place.line && a.text == b.text;
    };
    notes.erase(std::unique(notes.begin(), notes.end(), same), notes.end());
    return notes;
}

std::size_t count(const std::vector<Section>& sections, const std::string& kind) {
    return static_cast<std::size_t>(std::ranges::count(sections, kind, &Section::kind));
}

}  // namespace

bool Result::has_error() const {
    return std::ranges::any_of(notes,
                               [](const Note& note) { return note.severity == Severity::error; });
}

Result convert(const std::string& file_name, std::string_view text, const std::string& id,
               const config::Surroundings& surroundings) {
    Notes notes;
    const Source source = read(file_name, text, id, surroundings, notes);
    std::vector<Section> sections = Converter(source, notes).run();
    Result result;
    Written written = write_valid(sections, header_of(file_name), notes);
    result.vips = count(sections, "vip");
    result.checks = count(sections, "check");
    if (result.vips == 0) {
        notes.add(Severity::error, {file_name, 1, 1},
                  "there is no vrrp_instance that can be converted");
    } else if (!judge(written, notes, true).valid) {
        notes.add(Severity::error, {file_name, 1, 1},
                  "what comes of it is too large for one configuration");
        result.vips = 0;
    } else {
        tell_what_was_converted(sections, notes);
        result.text = std::move(written.text);
    }
    result.notes = in_order(notes.take(), source.files);
    return result;
}

}  // namespace understudy::importer
