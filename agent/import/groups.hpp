// vrrp_sync_group: what moves together.
#pragma once

#include <string>
#include <vector>

#include "agent/import/instance.hpp"
#include "agent/import/vip.hpp"

namespace understudy::importer {

struct Group {
    Value start;
    std::vector<std::string> members;
    std::vector<Tracked> tracks;
    std::vector<Notify> notifies;
    bool keeps_weights = false;  // sync_group_tracking_weight
};

Group read_group(const Statement& statement, Notes& notes);

// An instance, what became part of it, and what its group adds.
struct Member {
    Instance instance;
    const Instance* other = nullptr;  // the other family of the same virtual router
    bool is_merged = false;           // into another member
};

// The members of a group share what is tracked. Those that are one virtual router in two families
// become one.
void join(const Group& group, std::vector<Member>& members, const Defaults& defaults, Notes& notes);

}  // namespace understudy::importer
