#include "agent/config/cluster.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "agent/config/cluster_member.hpp"
#include "agent/config/cluster_plans.hpp"
#include "agent/config/cluster_sources.hpp"
#include "agent/config/keys.hpp"
#include "agent/config/values.hpp"

namespace understudy::config {

namespace {

using core::VipSettings;

bool is_same_router(const VipSettings& a, const VipSettings& b) {
    return a.interface == b.interface && a.vrid == b.vrid &&
           ((a.has_family(Family::ipv4) && b.has_family(Family::ipv4)) ||
            (a.has_family(Family::ipv6) && b.has_family(Family::ipv6)));
}

bool has_node(const Group& group, const NodeFile& node) {
    return std::ranges::find(group, &node, &Member::node) != group.end();
}

// One VIP as two nodes have it.
class MemberComparison {
public:
    MemberComparison(const Member& here, const Member& there, Diagnostics& diagnostics)
        : here_(here), there_(there), diagnostics_(diagnostics) {}

    // What every node must have alike.
    void compare_common() const {
        compare_name();
        compare_value("vrid", here_.vip->vrid, there_.vip->vrid);
        compare_value("version", static_cast<int>(here_.vip->version),
                      static_cast<int>(there_.vip->version));
        compare_interval();
        compare_addresses();
        compare_checksum();
        compare_accept();
    }
    // What two nodes are to each other.
    void compare_pair() const {
        compare_priorities();
        compare_unicast();
        compare_believed();
    }

private:
    void say(const std::string& key, Severity severity, const std::string& text) const {
        diagnostics_.push_back(
            {there_.place_of(key), "[vip " + there_.vip->name + "] " + text, severity});
    }
    std::string where(const std::string& key) const { return to_string(here_.place_of(key)); }

    void compare_name() const {
        if (here_.vip->name != there_.vip->name) {
            say("", Severity::warning, "is called [vip " + here_.vip->name + "] at " + where(""));
        }
    }
    void compare_value(const std::string& key, int here, int there) const {
        if (here != there) {
            say(key, Severity::error,
                "has " + key + ' ' + std::to_string(there) + ", but " + std::to_string(here) +
                    " at " + where(key));
        }
    }
    // Version 3 carries the interval, and the standby adopts it (RFC 9568 6.4.2); version 2
    // discards an advertisement with another one (RFC 3768 7.1).
    void compare_interval() const {
        const Duration here = here_.vip->advert_interval;
        const Duration there = there_.vip->advert_interval;
        const bool fatal = there_.vip->version == vrrp::Version::v2;
        if (here != there) {
            say("advert_interval", fatal ? Severity::error : Severity::warning,
                "has advert_interval " + format_duration(there) + ", but " + format_duration(here) +
                    " at " + where("advert_interval"));
        }
    }
    void compare_addresses() const;
    // Both forms are understood on receive, so this is no error.
    void compare_checksum() const {
        using core::ChecksumPolicy;
        const auto name = [](ChecksumPolicy policy) {
            return checksum_words().at(static_cast<std::size_t>(policy));
        };
        const ChecksumPolicy here = here_.vip->checksum;
        const ChecksumPolicy there = there_.vip->checksum;
        const bool fixed = here != ChecksumPolicy::automatic && there != ChecksumPolicy::automatic;
        if (fixed && here != there) {
            say("checksum", Severity::warning,
                "has checksum " + name(there) + ", but " + name(here) + " at " + where("checksum"));
        }
    }
    void compare_accept() const {
        if (here_.vip->accept != there_.vip->accept) {
            say("accept", Severity::warning,
                std::string{"has accept = "} + (there_.vip->accept ? "yes" : "no") +
                    ", unlike at " + where("accept") +
                    ": whether the addresses answer depends on who has them");
        }
    }
    void compare_priorities() const;
    void compare_unicast() const;
    void compare_believed() const;
    void compare_peers(const Member& sender, const Member& receiver) const;

    const Member& here_;
    const Member& there_;
    Diagnostics& diagnostics_;
};

// Interfaces have other names on other machines, so they are not compared.
std::vector<IpPrefix> prefixes_of(const VipSettings& vip, bool advertised) {
    std::vector<IpPrefix> prefixes;
    for (const core::VirtualAddress& address : vip.addresses) {
        if (address.advertised == advertised && !address.derived) {
            prefixes.push_back(address.prefix);
        }
    }
    return prefixes;
}

void MemberComparison::compare_addresses() const {
    for (const bool advertised : {true, false}) {
        const std::string key = advertised ? "address" : "extra_address";
        const auto here = prefixes_of(*here_.vip, advertised);
        const auto there = prefixes_of(*there_.vip, advertised);
        const std::multiset<IpPrefix> here_set(here.begin(), here.end());
        const std::multiset<IpPrefix> there_set(there.begin(), there.end());
        for (const IpPrefix& prefix : here_set) {
            if (!there_set.contains(prefix)) {
                say(key, Severity::error,
                    "lacks " + key + ' ' + prefix.to_string() + ", which is in " +
                        here_.node->file);
            }
        }
        for (const IpPrefix& prefix : there_set) {
            if (!here_set.contains(prefix)) {
                say(key, Severity::error,
                    "has " + key + ' ' + prefix.to_string() + ", which is not in " +
                        here_.node->file);
            }
        }
        // RFC 9568 5.2.9: the same order on all routers.
        if (advertised && here_set == there_set && here != there) {
            say(key, Severity::warning, "has the addresses in another order than at " + where(key));
        }
    }
}

void MemberComparison::compare_priorities() const {
    if (here_.vip->priority != there_.vip->priority) {
        return;
    }
    if (there_.vip->priority == vrrp::owner_priority) {
        say("priority", Severity::error,
            "has priority 255, as at " + where("priority") + ": there is only one owner");
        return;
    }
    say("priority", Severity::warning,
        "has the same priority " + std::to_string(there_.vip->priority) + " as at " +
            where("priority") +
            ": who starts first is active, and the higher address decides a tie");
}

void MemberComparison::compare_unicast() const {
    const auto word = [](const VipSettings& vip) {
        return vip.is_unicast() ? "unicast" : "multicast";
    };
    if (here_.vip->is_unicast() != there_.vip->is_unicast()) {
        say("unicast_peer", Severity::error,
            std::string{"is "} + word(*there_.vip) + ", but " + word(*here_.vip) + " at " +
                where("unicast_peer"));
        return;
    }
    for (const IpAddress& source : there_.vip->unicast_sources) {
        if (std::ranges::find(here_.vip->unicast_sources, source) !=
            here_.vip->unicast_sources.end()) {
            say("unicast_source", Severity::error,
                "has the same unicast_source " + source.to_string() + " as at " +
                    where("unicast_source"));
            return;  // what the peer lists say of it is of no use
        }
    }
    compare_peers(here_, there_);
    compare_peers(there_, here_);
}

// A node takes advertisements from its peers only, and sends them to its peers only.
void MemberComparison::compare_peers(const Member& sender, const Member& receiver) const {
    for (const IpAddress& source : sender.vip->unicast_sources) {
        const auto& peers = receiver.vip->unicast_peers;
        if (std::ranges::find(peers, source) == peers.end()) {
            diagnostics_.push_back({receiver.place_of("unicast_peer"),
                                    "[vip " + receiver.vip->name + "] has no unicast_peer " +
                                        source.to_string() + ", which is the unicast_source at " +
                                        to_string(sender.place_of("unicast_source")),
                                    Severity::error});
        }
    }
}

void MemberComparison::compare_believed() const {
    const bool here = !here_.vip->peers.empty();
    const bool there = !there_.vip->peers.empty();
    if (here != there && !here_.vip->is_unicast() && !there_.vip->is_unicast()) {
        say("peer", Severity::warning,
            there ? "believes its peers only, but every router is believed at " + where("peer")
                  : "believes every router, but only its peers are believed at " + where("peer"));
    }
}

// Whose address is which is not in the files; but no node is a peer of its own.
void compare_peer_lists(const Group& group, Diagnostics& diagnostics) {
    const std::size_t others = group.size() - 1;
    const auto& first = group.front().vip->peers;
    for (const IpAddress& peer : first) {
        const auto of_family = [&](const IpAddress& other) {
            return other.family() == peer.family();
        };
        const bool is_everywhere = std::ranges::all_of(group, [&](const Member& member) {
            const auto& peers = member.vip->peers;
            const auto count = std::ranges::count_if(peers, of_family);
            return std::ranges::find(peers, peer) != peers.end() &&
                   static_cast<std::size_t>(count) <= others;
        });
        if (is_everywhere && others > 0) {
            const Member& last = group.back();
            diagnostics.push_back({last.place_of("peer"),
                                   "[vip " + last.vip->name + "] has peer " + peer.to_string() +
                                       ", as at " + to_string(group.front().place_of("peer")) +
                                       " and everywhere else: one of these nodes has itself for "
                                       "a peer, and does not believe another",
                                   Severity::error});
        }
    }
}

void compare_group(const Group& group, const std::vector<NodeFile>& nodes,
                   Diagnostics& diagnostics) {
    const Member& first = group.front();
    for (const NodeFile& node : nodes) {
        if (!has_node(group, node)) {
            const Place whole{node.file, 1, 1};
            diagnostics.push_back({whole,
                                   "there is no [vip " + first.vip->name + "], which is at " +
                                       to_string(first.place_of("")),
                                   Severity::warning});
        }
    }
    for (std::size_t there = 1; there < group.size(); ++there) {
        MemberComparison(first, group[there], diagnostics).compare_common();
        for (std::size_t here = 0; here < there; ++here) {
            MemberComparison(group[here], group[there], diagnostics).compare_pair();
        }
    }
    compare_peer_lists(group, diagnostics);
    compare_plans(group, diagnostics);
    compare_sources(group, diagnostics);
}

// Without a name in the file it is the host's, which is another on each.
void compare_node_names(const std::vector<NodeFile>& nodes, Diagnostics& diagnostics) {
    std::map<std::string, Place> first;
    for (const NodeFile& node : nodes) {
        const auto place = node.agent.find("name");
        if (place == node.agent.end()) {
            continue;
        }
        const std::string& name = node.configuration.agent.name;
        const auto [other, fresh] = first.try_emplace(name, place->second);
        if (!fresh) {
            diagnostics.push_back(
                {place->second,
                 "this node is called " + name + ", as is the one at " + to_string(other->second),
                 Severity::warning});
        }
    }
}

}  // namespace

std::vector<Group> group_vips(const std::vector<NodeFile>& nodes) {
    std::vector<Group> groups;
    for (const NodeFile& node : nodes) {
        std::vector<const VipSettings*> unnamed;
        for (const VipSettings& vip : node.configuration.vips) {
            const auto group = std::ranges::find_if(groups, [&](const Group& candidate) {
                return candidate.front().vip->name == vip.name && !has_node(candidate, node);
            });
            if (group != groups.end()) {
                group->push_back({&node, &vip});
            } else {
                unnamed.push_back(&vip);
            }
        }
        for (const VipSettings* vip : unnamed) {
            const auto group = std::ranges::find_if(groups, [&](const Group& candidate) {
                return is_same_router(*candidate.front().vip, *vip) && !has_node(candidate, node);
            });
            if (group != groups.end()) {
                group->push_back({&node, vip});
            } else {
                groups.push_back({{&node, vip}});
            }
        }
    }
    return groups;
}

Diagnostics compare_nodes(const std::vector<NodeFile>& nodes) {
    Diagnostics diagnostics;
    compare_node_names(nodes, diagnostics);
    for (const Group& group : group_vips(nodes)) {
        compare_group(group, nodes, diagnostics);
    }
    return diagnostics;
}

}  // namespace understudy::config
