// The keys of a [check] section: those that every check has, and those of its type.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/config/keys.hpp"
#include "agent/config/source.hpp"
#include "checks/settings.hpp"

namespace understudy::config {

struct CheckDraft {
    checks::CheckSettings settings;
    SectionRecord record;
};

// icmp, arp, tcp, … as they are written.
const std::vector<std::string>& check_types();
// What the section says its type is; empty if it says nothing.
std::string type_of(const Section& section);
// The question that a check of this type asks, with its defaults. `type` is one of check_types().
checks::Question question_of(const std::string& type);

// Common keys and those of the type; with an unknown type, the common ones only.
const std::vector<Key<CheckDraft>>& check_keys(const std::string& type);
// The types that have this key, but not in common.
std::vector<std::string> types_with_key(const std::string& key);

const std::vector<std::string>& initial_words();       // unknown, up, down
const std::vector<std::string>& http_version_words();  // 1.1, 2, 2-prior-knowledge
const std::vector<std::string>& credentials_words();   // basic, bearer

}  // namespace understudy::config
