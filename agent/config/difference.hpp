// What another configuration would change, object by object and key by key: what a reload says, and
// what `understudy config diff` says before it. Objects are matched by their names.
#pragma once

#include <string>
#include <vector>

#include "agent/config/parse.hpp"
#include "agent/control/messages.hpp"
#include "agent/core/configuration.hpp"

namespace understudy::config {

struct Difference {
    std::vector<control::ConfigChange> changes;
    // VIPs that are no longer the same virtual router (core::is_same_router): they end and begin
    // anew.
    std::vector<std::string> restarts;
};

Difference difference(const core::Configuration& from, const core::Configuration& to);

// What may surprise about a change, although each of the two configurations is valid.
Diagnostics remarks(const core::Configuration& from, const Result& to);

// Whether the value may stand in a log: what checks send and commands are given may be secret.
enum class Values : std::uint8_t { all, no_secrets };

// "web: address 192.0.2.12/24 added", "check gateway: interval 1s -> 500ms".
std::string in_words(const control::ConfigChange& change, Values values);
// A line for each change and each VIP that begins anew; "nothing changed".
std::vector<std::string> in_words(const Difference& difference, Values values);

}  // namespace understudy::config
