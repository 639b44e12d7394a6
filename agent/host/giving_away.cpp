#include "agent/host/giving_away.hpp"

#include "agent/host/boot_clock.hpp"

namespace understudy::host {

namespace {

vrrp::Priority priority_in(std::span<const std::byte> payload) {
    constexpr std::size_t place = 2;  // in both versions
    return payload.size() > place ? std::to_integer<vrrp::Priority>(payload[place]) : 0;
}

}  // namespace

void GivingAway::advertised(const core::SendAdvert& advert, std::span<const std::byte> payload) {
    const bool offers =
        vrrp::in_low_band(priority_in(payload)) && advert.after != vrrp::After::release;
    const Router router{advert.interface, advert.vrid};
    if (offers ? routers_.insert(router).second : routers_.erase(router) > 0) {
        has_changed_ = true;
    }
}

// While a VIP is given away its addresses may come and go, and its interface get another MAC.
void GivingAway::observe(const core::Event& event) {
    has_changed_ =
        has_changed_ || (!routers_.empty() && (std::holds_alternative<core::AddressSeen>(event) ||
                                               std::holds_alternative<core::AddressGone>(event) ||
                                               std::holds_alternative<core::LinkSeen>(event)));
}

void GivingAway::apply(const core::Configuration& configuration, const SeenLinks& links,
                       const HeldAddresses& held) {
    if (!std::exchange(has_changed_, false) || rules_ == nullptr) {
        return;
    }
    std::set<QuietPlace> places;
    for (const core::VipSettings& vip : configuration.vips) {
        const auto* link = links.find(vip.interface);
        if (link == nullptr || !routers_.contains({link->index, vip.vrid})) {
            continue;
        }
        for (const core::VirtualAddress& address : vip.addresses) {
            const auto* there = links.find(address.interface);
            if (there != nullptr && held.contain(address.prefix.address)) {
                places.insert({address.interface, address.prefix.address, there->mac});
            }
        }
    }
    if (places != armed_) {
        armed_ = places;
        rules_->arm(std::move(places));
    }
}

void GivingAway::announced(std::span<const core::Announce> announcements,
                           const SeenLinks& links) const {
    if (rules_ == nullptr || !rules_->may_be_silent(boot_now())) {
        return;
    }
    for (const core::Announce& announcement : announcements) {
        if (const auto* link = links.find(announcement.interface)) {
            rules_->end_silence(link->name, announcement.address);
        }
    }
}

}  // namespace understudy::host
