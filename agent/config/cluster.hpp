// Several files as the nodes of one cluster: where they do not fit each other.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/config/parse.hpp"

namespace understudy::config {

struct NodeFile {
    std::string file;
    core::Configuration configuration;
    std::map<std::string, KeyPlaces> places;
};

// Every node is compared with the first. VIPs are the same if their names are.
Diagnostics compare_nodes(const std::vector<NodeFile>& nodes);

}  // namespace understudy::config
