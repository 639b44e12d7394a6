// Which addresses this node is giving away: those of the VIPs that it holds and advertises in the
// low band ("I hold this, but take it from me"). Between the announcement of whoever takes them and
// their release this node must not answer for them.
#pragma once

#include <set>
#include <span>
#include <utility>

#include "agent/core/action.hpp"
#include "agent/core/configuration.hpp"
#include "agent/host/owner_socket.hpp"
#include "agent/host/rule_keeper.hpp"
#include "agent/host/seen_links.hpp"

namespace understudy::host {

class GivingAway {
public:
    // What is armed; null: nothing.
    explicit GivingAway(RuleKeeper* rules) : rules_(rules) {}

    // An advertisement leaves. After its last one a router holds nothing any more.
    void advertised(const core::SendAdvert& advert, std::span<const std::byte> payload);
    void observe(const core::Event& event);
    // After each round of events.
    void apply(const core::Configuration& configuration, const SeenLinks& links,
               const HeldAddresses& held);
    // This node announces these: they are its own, whatever somebody else has said.
    void announced(std::span<const core::Announce> announcements, const SeenLinks& links) const;

private:
    using Router = std::pair<core::InterfaceIndex, vrrp::Vrid>;

    RuleKeeper* rules_;
    std::set<Router> routers_;
    bool has_changed_ = false;  // since apply()
    std::set<QuietPlace> armed_;
};

}  // namespace understudy::host
