#include "agent/config/cluster.hpp"

#include <algorithm>
#include <set>

#include "agent/config/values.hpp"

namespace understudy::config {

namespace {

using core::VipSettings;

// One VIP as two nodes have it.
class Comparison {
   public:
    Comparison(const NodeFile& first, const VipSettings& here, const NodeFile& second,
               const VipSettings& there, Diagnostics& diagnostics)
        : first_(first), here_(here), second_(second), there_(there), diagnostics_(diagnostics) {}

    void compare() const {
        number("vrid", here_.vrid, there_.vrid);
        number("version", static_cast<int>(here_.version), static_cast<int>(there_.version));
        interval();
        priority();
        addresses();
        unicast();
    }

   private:
    void say(const std::string& key, Severity severity, const std::string& text) const {
        const auto places = second_.places.find(there_.name);
        Place place{second_.file, 1, 1};
        if (places != second_.places.end()) {
            const auto exact = places->second.find(key);
            place = exact != places->second.end() ? exact->second : places->second.at("");
        }
        diagnostics_.push_back({place, "[vip " + there_.name + "] " + text, severity});
    }
    void number(const std::string& key, int here, int there) const {
        if (here != there) {
            say(key, Severity::error, key + ' ' + std::to_string(there) + ", but " +
                                          std::to_string(here) + " in " + first_.file);
        }
    }
    void interval() const {
        if (here_.advert_interval != there_.advert_interval) {
            const bool fatal = here_.version == vrrp::Version::v2;
            say("advert_interval", fatal ? Severity::error : Severity::warning,
                "advert_interval " + format_duration(there_.advert_interval) + ", but " +
                    format_duration(here_.advert_interval) + " in " + first_.file);
        }
    }
    void priority() const {
        if (here_.priority == there_.priority) {
            say("priority", Severity::warning,
                "the same priority " + std::to_string(there_.priority) + " as in " + first_.file +
                    ": the higher address decides");
        }
    }
    void addresses() const {
        const auto set_of = [](const VipSettings& vip) {
            std::set<IpPrefix> set;
            for (const core::VirtualAddress& address : vip.addresses) {
                set.insert(address.prefix);
            }
            return set;
        };
        const auto here = set_of(here_);
        const auto there = set_of(there_);
        for (const IpPrefix& prefix : here) {
            if (!there.contains(prefix)) {
                say("address", Severity::error, "lacks " + prefix.to_string() + ", which " + first_.file + " has");
            }
        }
        for (const IpPrefix& prefix : there) {
            if (!here.contains(prefix)) {
                say("address", Severity::error, "has " + prefix.to_string() + ", which " + first_.file + " lacks");
            }
        }
    }
    void unicast() const {
        if (here_.is_unicast() != there_.is_unicast()) {
            say("unicast_peer", Severity::error,
                std::string{there_.is_unicast() ? "unicast" : "multicast"} + ", but " +
                    (here_.is_unicast() ? "unicast" : "multicast") + " in " + first_.file);
            return;
        }
        for (const IpAddress& source : here_.unicast_sources) {
            if (std::ranges::find(there_.unicast_peers, source) == there_.unicast_peers.end()) {
                say("unicast_peer", Severity::error,
                    "does not name " + source.to_string() + " as a unicast_peer, which is the unicast_source of " + first_.file);
            }
        }
        for (const IpAddress& source : there_.unicast_sources) {
            if (std::ranges::find(here_.unicast_peers, source) == here_.unicast_peers.end()) {
                say("unicast_source", Severity::error,
                    "unicast_source " + source.to_string() + " is no unicast_peer in " + first_.file);
            }
        }
    }

    const NodeFile& first_;
    const VipSettings& here_;
    const NodeFile& second_;
    const VipSettings& there_;
    Diagnostics& diagnostics_;
};

void missing(const NodeFile& has, const NodeFile& lacks, Diagnostics& diagnostics) {
    for (const VipSettings& vip : has.configuration.vips) {
        const auto& others = lacks.configuration.vips;
        if (std::ranges::find(others, vip.name, &VipSettings::name) == others.end()) {
            diagnostics.push_back({{lacks.file, 1, 1},
                                   "there is no [vip " + vip.name + "], which " + has.file + " has",
                                   Severity::warning});
        }
    }
}

}  // namespace

Diagnostics compare_nodes(const std::vector<NodeFile>& nodes) {
    Diagnostics diagnostics;
    const NodeFile& first = nodes.front();
    for (std::size_t i = 1; i < nodes.size(); ++i) {
        missing(first, nodes[i], diagnostics);
        missing(nodes[i], first, diagnostics);
        for (const VipSettings& here : first.configuration.vips) {
            const auto& others = nodes[i].configuration.vips;
            const auto there = std::ranges::find(others, here.name, &VipSettings::name);
            if (there != others.end()) {
                Comparison(first, here, nodes[i], *there, diagnostics).compare();
            }
        }
    }
    return diagnostics;
}

}  // namespace understudy::config
