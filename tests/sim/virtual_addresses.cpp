// What a virtual kernel does with the addresses that its agent adds, renews and removes.
#include <algorithm>
#include <utility>

#include "base/ensure.hpp"
#include "tests/sim/virtual_host.hpp"
#include "tests/sim/virtual_lan.hpp"

namespace understudy::sim {

using namespace core;

void VirtualHost::add(const AddAddress& action) {
    if (action.interface != index_) {
        tell(AddressRefused{action.interface, action.prefix, false, "No such device"});
    } else if (refuses_) {
        tell(AddressRefused{index_, action.prefix, false, "refused by the test"});
    } else if (addresses_.contains(action.prefix)) {
        tell(AddressRefused{index_, action.prefix, true, "File exists"});
    } else {
        Held held{true, lan_.now_, std::nullopt};
        if (action.lease > Duration::zero()) {
            held.expires = lan_.now_ + action.lease;
        }
        put(action.prefix, held);
        if (lan_.witness != nullptr) {
            lan_.witness->added(*this, action.prefix);
        }
        seen(action.prefix, held);
    }
}

void VirtualHost::renew(const RenewAddress& action) {
    if (renewal_delay_ == Duration::zero()) {
        set_lifetime(action);
    } else if (renewing_.insert(action.prefix).second) {
        later(renewal_delay_, [this, action] {
            renewing_.erase(action.prefix);
            set_lifetime(action);
        });
    }
}

void VirtualHost::set_lifetime(const RenewAddress& action) {
    const auto found = addresses_.find(action.prefix);
    if (action.interface != index_ || found == addresses_.end()) {
        return;
    }
    Held& held = found->second;
    held.renewed = lan_.now_;
    held.expires =
        action.lease > Duration::zero() ? std::optional{lan_.now_ + action.lease} : std::nullopt;
    is_deadline_known_ = false;
    seen(action.prefix, held);
}

void VirtualHost::take_away(const IpPrefix& prefix, Witness::Why why) {
    if (!addresses_.contains(prefix)) {
        return;
    }
    // At once, before anything is told.
    std::vector<IpPrefix> going = secondary_to(prefix);
    for (const IpPrefix& each : going) {
        const bool was_ours = addresses_.extract(each).mapped().ours;
        if (was_ours && lan_.witness != nullptr) {
            lan_.witness->gone(*this, each, Witness::Why::by_hand);
        }
    }
    const bool was_ours = addresses_.extract(prefix).mapped().ours;
    if (was_ours && lan_.witness != nullptr) {
        lan_.witness->gone(*this, prefix, why);
    }
    is_deadline_known_ = false;
    going.push_back(prefix);
    for (const IpPrefix& each : going) {
        tell(AddressGone{index_, each});
    }
}

// Linux without promote_secondaries: the later IPv4 addresses of a network belong to its first one.
std::vector<IpPrefix> VirtualHost::secondary_to(const IpPrefix& prefix) const {
    std::vector<IpPrefix> others;
    bool is_first = true;
    const std::uint64_t order = addresses_.at(prefix).order;
    for (const auto& [other, held] : addresses_) {
        const bool same_network = other.address.is_v4() && other != prefix &&
                                  other.length == prefix.length && prefix.contains(other.address);
        if (same_network) {
            others.push_back(other);
            is_first = is_first && held.order > order;
        }
    }
    return is_first ? others : std::vector<IpPrefix>{};
}

}  // namespace understudy::sim
