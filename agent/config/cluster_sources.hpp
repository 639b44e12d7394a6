// Which address the nodes of a unicast VIP know each other by, where no unicast_source is written.
#pragma once

#include <vector>

#include "agent/config/cluster_member.hpp"
#include "agent/config/diagnostic.hpp"
#include "base/ip_address.hpp"

namespace understudy::config {

// A member, in one family, and the address that its peers expect it to advertise from.
struct ExpectedSource {
    Member member;
    IpAddress address;
    Place place;  // of the peer that says so
};

// Of members without a unicast_source of the family. A node's address is in the lists of its peers
// and not in its own; where more than one could be meant, none is expected.
std::vector<ExpectedSource> expected_sources(const Group& group);

// What the peers expect and this node cannot give, or gives only by chance.
void compare_sources(const Group& group, Diagnostics& diagnostics);

}  // namespace understudy::config
