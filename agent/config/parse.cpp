#include "agent/config/parse.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <set>
#include <sstream>

#include "agent/config/keys.hpp"
#include "agent/config/validate.hpp"

namespace understudy::config {

namespace {

namespace po = boost::program_options;

const std::vector<std::string> section_kinds = {"agent", "vip"};
// Parts of the language that a later version understands. Never ignored: a check that does not run would
// look like one that passes.
const std::vector<std::string> later_kinds = {"service", "check"};
const std::vector<std::string> later_keys = {"track",      "service",    "on_active", "on_backup",
                                             "on_fault",   "on_promote", "on_release"};

template <class Target>
po::options_description describe(const std::vector<Key<Target>>& keys) {
    po::options_description options;
    for (const Key<Target>& key : keys) {
        options.add_options()(key.name.c_str(), po::value<std::string>());
    }
    return options;
}

// One assignment through Boost.Program_options, so that its rules decide what is a known key. A line at a
// time, because the library tells no line number.
bool is_known(const po::options_description& options, const Assignment& assignment) {
    if (assignment.key.find_first_of("#[]") != std::string::npos) {
        return false;
    }
    std::istringstream line(assignment.key + "=x\n");
    try {
        const auto parsed = po::parse_config_file(line, options, true);
        return !parsed.options.empty() && !parsed.options.front().unregistered;
    } catch (const po::error&) {
        return false;
    }
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
    return std::ranges::find(words, word) != words.end();
}

template <class Target>
std::string unknown_key(const std::vector<Key<Target>>& keys, const std::string& key,
                        const std::string& section) {
    if (contains(later_keys, key)) {
        return key + " is not supported by this version yet";
    }
    std::vector<std::string> names = later_keys;
    for (const Key<Target>& known : keys) {
        names.push_back(known.name);
    }
    return "unknown key \"" + key + "\" in " + section + did_you_mean(key, names);
}

// Reads every line of a section; calls `read_at` after a line was read, with its number.
template <class Target, class ReadAt>
void read_keys(const Section& section, const std::vector<Key<Target>>& keys, Target& target,
               const ReadAt& read_at, Diagnostics& diagnostics) {
    const po::options_description options = describe(keys);
    const std::string title = '[' + section.kind + (section.name.empty() ? "" : " ") + section.name + ']';
    std::map<std::string, int> seen;
    for (std::size_t i = 0; i < section.assignments.size(); ++i) {
        const Assignment& assignment = section.assignments[i];
        const auto complain = [&](std::string text) {
            diagnostics.push_back({assignment.place, std::move(text), Severity::error});
        };
        if (!is_known(options, assignment)) {
            complain(unknown_key(keys, assignment.key, title));
            continue;
        }
        const auto key = std::ranges::find(keys, assignment.key, &Key<Target>::name);
        const auto [first, fresh] = seen.try_emplace(assignment.key, assignment.place.line);
        if (!fresh && !key->repeats) {
            complain(assignment.key + " is written twice; first in line " +
                     std::to_string(first->second));
            continue;
        }
        if (std::string error = key->read(target, assignment.value); !error.empty()) {
            complain(assignment.key + ": " + error);
        }
        read_at(i);
    }
}

class Parser {
   public:
    explicit Parser(std::string host_name) { configuration_.agent.name = std::move(host_name); }

    void section(const Section& section);
    Result finish(Diagnostics diagnostics);

   private:
    void agent(const Section& section);
    void vip(const Section& section);
    bool is_named_well(const Section& section);
    void complain(const Section& section, std::string text) {
        diagnostics_.push_back({section.place, std::move(text), Severity::error});
    }

    core::Configuration configuration_;
    Diagnostics diagnostics_;
    std::vector<const Section*> vip_sections_;
    std::map<std::string, const Section*> names_;  // "vip web"
};

bool Parser::is_named_well(const Section& section) {
    if (section.kind == "agent" && !section.name.empty()) {
        complain(section, "[agent] has no name");
        return false;
    }
    if (section.kind == "vip" && section.name.empty()) {
        complain(section, "[vip] needs a name: [vip web]");
        return false;
    }
    if (section.name.find_first_of(" \t\"'") != std::string::npos || section.name.size() > 64) {
        complain(section, "the name of a section is one word of at most 64 characters");
        return false;
    }
    const auto [first, fresh] = names_.try_emplace(section.kind + ' ' + section.name, &section);
    if (!fresh) {
        complain(section, '[' + section.kind + (section.name.empty() ? "" : " ") + section.name +
                              "] is there twice; first in line " +
                              std::to_string(first->second->place.line));
    }
    return fresh;
}

void Parser::section(const Section& section) {
    if (contains(later_kinds, section.kind)) {
        complain(section, '[' + section.kind + "] sections are not supported by this version yet");
        return;
    }
    if (!contains(section_kinds, section.kind)) {
        std::vector<std::string> kinds = section_kinds;
        kinds.insert(kinds.end(), later_kinds.begin(), later_kinds.end());
        complain(section, "unknown section [" + section.kind + ']' + did_you_mean(section.kind, kinds));
        return;
    }
    if (!is_named_well(section)) {
        return;
    }
    if (section.kind == "agent") {
        agent(section);
    } else {
        vip(section);
    }
}

void Parser::agent(const Section& section) {
    read_keys(section, agent_keys(), configuration_.agent, [](std::size_t) {}, diagnostics_);
}

void Parser::vip(const Section& section) {
    VipDraft draft;
    draft.settings.name = section.name;
    Diagnostics found;
    const auto note_line = [&](std::size_t assignment) {
        for (VipDraft::Written& written : draft.addresses) {
            written.assignment = &written == &draft.addresses.back() &&
                                         section.assignments[assignment].key.ends_with("address")
                                     ? assignment
                                     : written.assignment;
        }
    };
    read_keys(section, vip_keys(), draft, note_line, found);
    const core::VipSettings settings = complete(draft);
    // A key that was written wrong is not missing as well.
    Diagnostics more;
    validate_vip(draft, settings, section, more);
    for (Diagnostic& diagnostic : more) {
        const bool follows = std::ranges::any_of(section.assignments, [&](const Assignment& a) {
            return !found.empty() && diagnostic.message.ends_with("has no " + a.key);
        });
        if (!follows) {
            found.push_back(std::move(diagnostic));
        }
    }
    diagnostics_.insert(diagnostics_.end(), found.begin(), found.end());
    configuration_.vips.push_back(settings);
    vip_sections_.push_back(&section);
}

Result Parser::finish(Diagnostics before) {
    validate_node(configuration_.vips, vip_sections_, diagnostics_);
    Result result;
    result.diagnostics = std::move(before);
    result.diagnostics.insert(result.diagnostics.end(), diagnostics_.begin(), diagnostics_.end());
    std::ranges::stable_sort(result.diagnostics, [](const Diagnostic& a, const Diagnostic& b) {
        return std::tie(a.place.file, a.place.line) < std::tie(b.place.file, b.place.line);
    });
    for (std::size_t i = 0; i < configuration_.vips.size(); ++i) {
        KeyPlaces& places = result.vips[configuration_.vips[i].name];
        places[""] = vip_sections_[i]->place;
        for (const Assignment& assignment : vip_sections_[i]->assignments) {
            places[assignment.key] = assignment.place;
        }
    }
    if (!has_errors(result.diagnostics)) {
        result.configuration = std::move(configuration_);
    }
    return result;
}

}  // namespace

Result parse_text(const std::string& file_name, std::string_view text, const std::string& host_name,
                  const Surroundings& surroundings) {
    Diagnostics diagnostics;
    const auto sections = read_sections(file_name, text, surroundings, diagnostics);
    Parser parser(host_name);
    for (const Section& section : sections) {
        parser.section(section);
    }
    const bool has_vip = std::ranges::any_of(sections, [](const Section& s) { return s.kind == "vip"; });
    if (!has_vip) {
        diagnostics.push_back({{file_name, 1, 1}, "there is no [vip NAME] section: nothing to do",
                               Severity::error});
    }
    if (sections.size() > core::most_vips + 1) {
        diagnostics.push_back({{file_name, 1, 1}, "more than " + std::to_string(core::most_vips) +
                                                      " sections", Severity::error});
    }
    return parser.finish(std::move(diagnostics));
}

Result read_file(const std::filesystem::path& file) {
    const Surroundings surroundings = real_surroundings();
    std::string error;
    const auto text = surroundings.read(file.string(), error);
    if (!text) {
        Result result;
        result.diagnostics.push_back({{file.string(), 0, 1}, error, Severity::error});
        return result;
    }
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    return parse_text(file.string(), *text, host.data(), surroundings);
}

}  // namespace understudy::config
