// Several files as the nodes of one cluster: where they do not fit each other.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/config/diagnostic.hpp"
#include "agent/core/configuration.hpp"

namespace understudy::config {

struct NodeFile {
    std::string file;
    core::Configuration configuration;
    std::map<std::string, KeyPlaces> places;  // Result::vips
    std::map<std::string, KeyPlaces> services{};
    std::map<std::string, KeyPlaces> checks{};
    KeyPlaces agent{};
};

// VIPs are the same if their names are, or else if their interface and vrid are. What all nodes
// must agree on is held against the first node that has the VIP; what concerns two of them
// (priorities, unicast peers), against each other. The place of a diagnostic is in the later file.
Diagnostics compare_nodes(const std::vector<NodeFile>& nodes);

}  // namespace understudy::config
