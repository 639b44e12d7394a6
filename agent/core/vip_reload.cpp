// The part of Vip that is made from its settings, and made anew by a reload.
#include <algorithm>
#include <utility>

#include "agent/core/vip.hpp"

namespace understudy::core {

namespace {

// Below this, the advertisements of all VIPs leave in one batch (see RouterSettings::advert_grid):
// 255 VIPs at 10 ms then cost 100 wake-ups a second instead of 25,500.
constexpr Duration batched_below = std::chrono::milliseconds{200};

}  // namespace

vrrp::RouterSettings router_settings(const VipSettings& settings) {
    vrrp::RouterSettings router;
    router.version = settings.version;
    router.advert_interval = settings.advert_interval;
    router.preempt = settings.preempt;
    router.preempt_delay = settings.preempt_delay;
    if (settings.advert_interval < batched_below) {
        router.advert_grid = settings.advert_interval;
    }
    return router;
}

// The sources that were chosen stay: the next advertisement may leave before they are looked at
// again.
void Vip::make_faces() {
    const std::vector<Face> former = std::exchange(faces_, {});
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        if (!settings_.has_family(family)) {
            continue;
        }
        Face face;
        face.family = family;
        const auto known = std::ranges::find(former, family, &Face::family);
        if (known != former.end()) {
            face.source = known->source;
            face.source_use = known->source_use;
        }
        for (const VirtualAddress& address : settings_.addresses) {
            if (address.advertised && address.prefix.address.family() == family) {
                const auto bytes = address.prefix.address.bytes();
                face.addresses.insert(face.addresses.end(), bytes.begin(), bytes.end());
                ++face.address_count;
            }
        }
        faces_.push_back(std::move(face));
    }
}

void Vip::configure(TimePoint now, const VipSettings& settings, const Surroundings& around) {
    const VipSettings former = std::exchange(settings_, settings);
    make_faces();
    lists_.configure(now, settings_);
    disagreements_.reconsider();
    ledger_.configure(now, settings_, around.out);
    limiter_.configure(settings_.max_transitions);
    facts_.base_priority = settings_.priority;
    // The delay counts from the start of the agent, also where it is another now.
    if (facts_.startup_hold) {
        *facts_.startup_hold += settings_.startup_delay - former.startup_delay;
    }
    if (router_settings(settings_) != router_settings(former)) {
        feed(now, vrrp::SettingsChanged{router_settings(settings_)}, around);
    }
}

void Vip::announce_added(TimePoint now, const Surroundings& around) {
    const bool any = std::ranges::any_of(ledger_.entries(), &AddressLedger::Entry::added);
    if (!any || !is_holding()) {
        end_added();
        return;
    }
    announce_once(around, true);
    added_announcer_.start(now);
}

void Vip::repeat_added(TimePoint now, const Surroundings& around) {
    if (!added_announcer_.time_passed(now)) {
        return;
    }
    announce_once(around, true);
    if (added_announcer_.has_repeated()) {
        end_added();  // refreshed with the others
    }
}

void Vip::end_added() {
    added_announcer_.stop();
    ledger_.forget_added();
}

}  // namespace understudy::core
