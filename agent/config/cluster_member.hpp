// One VIP on the nodes of a cluster.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/config/cluster.hpp"

namespace understudy::config {

struct Member {
    const NodeFile* node = nullptr;
    const core::VipSettings* vip = nullptr;

    Place place_of(const std::string& key) const { return find(node->places, vip->name, key); }
    // Of its service.
    Place service_place_of(const std::string& key) const {
        return find(node->services, vip->service, key);
    }

private:
    // Of the key, of the section if the key was not written, or of the file.
    Place find(const std::map<std::string, KeyPlaces>& sections, const std::string& name,
               const std::string& key) const {
        const auto section = sections.find(name);
        if (section == sections.end()) {
            return {node->file, 1, 1};
        }
        const auto exact = section->second.find(key);
        const auto title = section->second.find("");
        if (exact != section->second.end()) {
            return exact->second;
        }
        return title != section->second.end() ? title->second : Place{node->file, 1, 1};
    }
};

// The members of one VIP, in the order of the nodes; a node has one at most.
using Group = std::vector<Member>;

// A name goes before an interface and vrid, whatever the order in the file.
std::vector<Group> group_vips(const std::vector<NodeFile>& nodes);

}  // namespace understudy::config
