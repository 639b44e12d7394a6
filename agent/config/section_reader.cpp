#include "agent/config/section_reader.hpp"

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/option.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>

#include "agent/config/values.hpp"

namespace understudy::config {

namespace {

namespace po = boost::program_options;

// One key as Boost.Program_options sees it: parsing the option reads the value into the target.
template <class Target>
class KeyOption : public po::value_semantic {
public:
    KeyOption(const Key<Target>& key, Target& target, const Place& place)
        : key_(key), target_(target), place_(place) {}

    std::string name() const override { return "VALUE"; }
    unsigned min_tokens() const override { return 1; }
    unsigned max_tokens() const override { return 1; }
    bool is_composing() const override { return key_.repeats; }
    bool is_required() const override { return false; }
    bool apply_default(boost::any&) const override { return false; }
    void notify(const boost::any&) const override {}
    void parse(boost::any& stored, const std::vector<std::string>& tokens, bool) const override {
        const std::string& value = tokens.front();
        if (const std::string error = key_.read(target_, value, place_); !error.empty()) {
            throw po::error(key_.name + ": " + error);
        }
        stored = value;
    }

private:
    const Key<Target>& key_;
    Target& target_;
    const Place& place_;  // of the line that is being read
};

template <class Target>
bool has_key(const std::vector<Key<Target>>& keys, const std::string& name) {
    return std::ranges::find(keys, name, &Key<Target>::name) != keys.end();
}

std::string home_in_checks(const std::string& name, const std::string& type) {
    const std::vector<std::string> types = types_with_key(name);
    if (types.empty()) {
        return {};
    }
    std::string text = "[check NAME] of type ";
    for (const std::string& candidate : types) {
        text += (&candidate == &types.front() ? "" : ", ") + candidate;
    }
    return text + (type.empty() ? "" : ", not " + type);
}

// Where a key belongs that is unknown in a section of `kind`; empty if nowhere. Some keys are in
// several kinds of sections: in a check, that of another type is the likely one.
std::string home_of(const std::string& name, const std::string& kind, const std::string& type) {
    std::string in_checks = home_in_checks(name, type);
    if (kind == "check" && !in_checks.empty()) {
        return in_checks;
    }
    if (kind != "agent" && has_key(agent_keys(), name)) {
        return "[agent]";
    }
    if (kind != "vip" && has_key(vip_keys(), name)) {
        return "[vip NAME]";
    }
    if (kind != "service" && has_key(service_keys(), name)) {
        return "[service NAME]";
    }
    return in_checks;
}

// A check whose type is missing or misspelt may well have this key: the type is what was said to be
// wrong.
bool is_excused(const Section& section, const std::string& key) {
    return section.kind == "check" &&
           std::ranges::find(check_types(), type_of(section)) == check_types().end() &&
           !types_with_key(key).empty();
}

template <class Target>
std::string unknown_key(const std::vector<Key<Target>>& keys, const std::string& name,
                        const Section& section) {
    const std::string text = "unknown key " + in_quotes(name) + " in " + title_of(section);
    const std::string type = section.kind == "check" ? type_of(section) : "";
    if (const std::string home = home_of(name, section.kind, type); !home.empty()) {
        return text + "; it belongs in " + home;
    }
    std::vector<std::string> names = {"include"};
    for (const Key<Target>& known : keys) {
        names.push_back(known.name);
    }
    return text + did_you_mean(name, names);
}

// One line at a time, because the library stops at the first problem and tells no line number.
template <class Target>
SectionRecord read_all(const Section& section, const std::vector<Key<Target>>& keys, Target& target,
                       Diagnostics& diagnostics) {
    SectionRecord record;
    record.places[""] = section.place;
    Place place;
    po::options_description options;
    for (const Key<Target>& key : keys) {
        options.add_options()(key.name.c_str(), new KeyOption<Target>(key, target, place));
    }
    po::variables_map values;
    for (const Assignment& assignment : section.assignments) {
        place = assignment.place;
        const auto complain = [&](std::string text) {
            diagnostics.push_back({place, std::move(text), Severity::error});
        };
        const auto [first, fresh] = record.places.try_emplace(assignment.key, place);
        record.values.try_emplace(assignment.key, assignment.value);
        const auto key = std::ranges::find(keys, assignment.key, &Key<Target>::name);
        if (!fresh && key != keys.end() && !key->repeats) {
            complain(assignment.key + " is written twice; first at " + to_string(first->second));
            continue;
        }
        po::parsed_options line(&options);
        line.options.emplace_back(assignment.key, std::vector<std::string>{assignment.value});
        try {
            po::store(line, values);
        } catch (const po::unknown_option&) {
            if (!is_excused(section, assignment.key)) {
                complain(unknown_key(keys, assignment.key, section));
            }
        } catch (const po::error& error) {
            complain(error.what());
            record.unreadable.insert(assignment.key);
        }
    }
    return record;
}

}  // namespace

SectionRecord read_keys(const Section& section, const std::vector<Key<core::AgentSettings>>& keys,
                        core::AgentSettings& target, Diagnostics& diagnostics) {
    return read_all(section, keys, target, diagnostics);
}

SectionRecord read_keys(const Section& section, const std::vector<Key<VipDraft>>& keys,
                        VipDraft& target, Diagnostics& diagnostics) {
    return read_all(section, keys, target, diagnostics);
}

SectionRecord read_keys(const Section& section, const std::vector<Key<ServiceDraft>>& keys,
                        ServiceDraft& target, Diagnostics& diagnostics) {
    return read_all(section, keys, target, diagnostics);
}

SectionRecord read_keys(const Section& section, const std::vector<Key<CheckDraft>>& keys,
                        CheckDraft& target, Diagnostics& diagnostics) {
    return read_all(section, keys, target, diagnostics);
}

std::string title_of(const Section& section) {
    return '[' + section.kind + (section.name.empty() ? "" : " ") + section.name + ']';
}

}  // namespace understudy::config
