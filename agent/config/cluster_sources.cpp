#include "agent/config/cluster_sources.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include "agent/core/wording.hpp"

namespace understudy::config {

namespace {

bool has(const std::vector<IpAddress>& addresses, const IpAddress& address) {
    return std::ranges::find(addresses, address) != addresses.end();
}

const IpAddress* of_family(const std::vector<IpAddress>& addresses, Family family) {
    const auto found = std::ranges::find(addresses, family, &IpAddress::family);
    return found == addresses.end() ? nullptr : &*found;
}

// One node of a group in one family, for which no unicast_source is written.
class Sourceless {
public:
    Sourceless(const Group& group, const Member& member, Family family)
        : group_(group), member_(member), family_(family) {}

    // What `peer` may know this node by: what it lists and this node does not, because those are
    // the others.
    std::set<IpAddress> possible_for(const Member& peer) const {
        std::set<IpAddress> possible;
        for (const IpAddress& address : peer.vip->unicast_peers) {
            const bool is_another = has(member_.vip->unicast_peers, address) ||
                                    std::ranges::any_of(group_, [&](const Member& each) {
                                        return has(each.vip->unicast_sources, address);
                                    });
            if (address.family() == family_ && !is_another) {
                possible.insert(address);
            }
        }
        return possible;
    }
    std::optional<ExpectedSource> expected() const {
        std::optional<ExpectedSource> found;
        for (const Member& peer : group_) {
            const std::set<IpAddress> possible = possible_for(peer);
            if (&peer == &member_ || !peer.vip->is_unicast() || possible.empty()) {
                continue;
            }
            if (possible.size() > 1 || (found && found->address != *possible.begin())) {
                return std::nullopt;
            }
            found = ExpectedSource{member_, *possible.begin(), peer.place_of("unicast_peer")};
        }
        return found;
    }
    void compare(Diagnostics& diagnostics) const;

private:
    // Itself too, as one list for all nodes does.
    bool lists_everybody(const Member& peer) const {
        const auto listed =
            std::ranges::count(peer.vip->unicast_peers, family_, &IpAddress::family);
        return static_cast<std::size_t>(listed) >= group_.size();
    }
    void say(const Member& where, const std::string& key, Severity severity,
             const std::string& text, Diagnostics& diagnostics) const {
        diagnostics.push_back(
            {where.place_of(key), "[vip " + where.vip->name + "] " + text, severity});
    }
    void compare_with_expected(const ExpectedSource& expected, Diagnostics& diagnostics) const;

    const Group& group_;
    const Member& member_;
    Family family_;
};

void Sourceless::compare(Diagnostics& diagnostics) const {
    std::optional<std::pair<const Member*, IpAddress>> first;
    for (const Member& peer : group_) {
        if (&peer == &member_ || of_family(peer.vip->unicast_peers, family_) == nullptr) {
            continue;
        }
        const std::set<IpAddress> possible = possible_for(peer);
        if (possible.empty() && lists_everybody(peer)) {
            continue;
        }
        if (possible.empty()) {
            say(peer, "unicast_peer", Severity::error,
                "has no unicast_peer that is the node of " + member_.node->file +
                    ": all of them are its peers as well, at " +
                    to_string(member_.place_of("unicast_peer")),
                diagnostics);
        } else if (possible.size() == 1 && first && first->second != *possible.begin()) {
            say(peer, "unicast_peer", Severity::error,
                "expects the node of " + member_.node->file + " at " +
                    possible.begin()->to_string() + ", which is expected at " +
                    first->second.to_string() + " at " +
                    to_string(first->first->place_of("unicast_peer")) +
                    ": a node advertises from one address",
                diagnostics);
        } else if (possible.size() == 1 && !first) {
            first = {&peer, *possible.begin()};
        }
    }
    if (const auto known = expected()) {
        compare_with_expected(*known, diagnostics);
    }
}

// An interface has several IPv6 addresses as a rule, and which one is chosen depends on all of
// them.
void Sourceless::compare_with_expected(const ExpectedSource& expected,
                                       Diagnostics& diagnostics) const {
    const IpAddress& towards = *of_family(member_.vip->unicast_peers, family_);
    const std::string text = "has no " + std::string{core::name_of(family_)} +
                             " unicast_source, and its peers expect " +
                             expected.address.to_string() + ", at " + to_string(expected.place);
    if (family_ == Family::ipv6 && expected.address.is_link_local() != towards.is_link_local()) {
        say(member_, "unicast_peer", Severity::error,
            text + ": towards " + towards.to_string() + " it chooses a " +
                (towards.is_link_local() ? "link-local" : "global") + " one",
            diagnostics);
    } else if (family_ == Family::ipv6 && !expected.address.is_link_local()) {
        say(member_, "unicast_peer", Severity::warning,
            text + ": write it, because the node chooses the lowest stable address of " +
                member_.vip->interface + ", whichever that is",
            diagnostics);
    }
}

std::vector<Sourceless> sourceless(const Group& group) {
    std::vector<Sourceless> found;
    for (const Member& member : group) {
        for (const Family family : {Family::ipv4, Family::ipv6}) {
            if (of_family(member.vip->unicast_peers, family) != nullptr &&
                of_family(member.vip->unicast_sources, family) == nullptr) {
                found.emplace_back(group, member, family);
            }
        }
    }
    return found;
}

}  // namespace

std::vector<ExpectedSource> expected_sources(const Group& group) {
    std::vector<ExpectedSource> all;
    for (const Sourceless& each : sourceless(group)) {
        if (const auto expected = each.expected()) {
            all.push_back(*expected);
        }
    }
    return all;
}

void compare_sources(const Group& group, Diagnostics& diagnostics) {
    for (const Sourceless& each : sourceless(group)) {
        each.compare(diagnostics);
    }
}

}  // namespace understudy::config
