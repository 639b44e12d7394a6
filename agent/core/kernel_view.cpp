#include "agent/core/kernel_view.hpp"

#include <algorithm>

namespace understudy::core {

void KernelView::observation_started() {
    complete_ = false;
    stale_links_.clear();
    stale_addresses_.clear();
    for (const auto& [index, link] : links_) {
        stale_links_.insert(index);
    }
    for (const auto& [key, address] : addresses_) {
        stale_addresses_.insert(key);
    }
}

void KernelView::observation_complete() {
    for (const InterfaceIndex index : stale_links_) {
        gone(LinkGone{index});
    }
    for (const Key& key : stale_addresses_) {
        addresses_.erase(key);
    }
    stale_links_.clear();
    stale_addresses_.clear();
    complete_ = true;
}

void KernelView::seen(const LinkSeen& link) {
    stale_links_.erase(link.index);
    links_[link.index] = Link{link.index, link.name, link.up, link.mac};
}

void KernelView::gone(const LinkGone& link) {
    links_.erase(link.index);
    std::erase_if(addresses_, [&](const auto& entry) { return entry.first.first == link.index; });
}

bool KernelView::seen(TimePoint now, const AddressSeen& address) {
    const Key key{address.index, address.prefix};
    stale_addresses_.erase(key);
    auto [entry, inserted] = addresses_.try_emplace(key);
    ObservedAddress& observed = entry->second;
    const bool changed =
        inserted || observed.ours != address.ours || observed.tentative != address.tentative;
    if (inserted) {
        observed.order = next_order_++;
    }
    observed.prefix = address.prefix;
    observed.ours = address.ours;
    observed.tentative = address.tentative;
    observed.renewed.reset();
    if (address.age) {
        observed.renewed = now - *address.age;
    }
    return changed;
}

bool KernelView::gone(const AddressGone& address) {
    return addresses_.erase(Key{address.index, address.prefix}) > 0;
}

const Link* KernelView::link(InterfaceIndex index) const {
    const auto found = links_.find(index);
    return found == links_.end() ? nullptr : &found->second;
}

const Link* KernelView::link_named(std::string_view name) const {
    const auto found =
        std::ranges::find_if(links_, [&](const auto& entry) { return entry.second.name == name; });
    return found == links_.end() ? nullptr : &found->second;
}

const ObservedAddress* KernelView::find(InterfaceIndex index, const IpPrefix& prefix) const {
    const auto found = addresses_.find(Key{index, prefix});
    return found == addresses_.end() ? nullptr : &found->second;
}

const ObservedAddress* KernelView::find_foreign(InterfaceIndex index,
                                                const IpAddress& address) const {
    // Keys are ordered by address first, so all prefix lengths of one address stand together.
    const Key first{index, IpPrefix{address, 0}};
    for (auto it = addresses_.lower_bound(first); it != addresses_.end(); ++it) {
        if (it->first.first != index || it->first.second.address != address) {
            break;
        }
        if (!it->second.ours) {
            return &it->second;
        }
    }
    return nullptr;
}

std::optional<IpAddress> pick_source(const KernelView& kernel, InterfaceIndex index, Family family,
                                     const std::set<IpAddress>& excluded,
                                     const std::optional<IpAddress>& unicast_peer) {
    const bool wants_link_local =
        family == Family::ipv6 && (!unicast_peer || unicast_peer->is_link_local());
    const ObservedAddress* best = nullptr;
    bool best_on_link = false;
    for (const auto& [key, observed] : kernel.addresses()) {
        const IpAddress& address = observed.prefix.address;
        if (key.first != index || address.family() != family || observed.tentative ||
            observed.ours || excluded.contains(address)) {
            continue;
        }
        if (family == Family::ipv6 && address.is_link_local() != wants_link_local) {
            continue;
        }
        const bool on_link = unicast_peer && observed.prefix.contains(*unicast_peer);
        const bool better = best == nullptr || (on_link && !best_on_link) ||
                            (on_link == best_on_link && observed.order < best->order);
        if (better) {
            best = &observed;
            best_on_link = on_link;
        }
    }
    return best == nullptr ? std::nullopt : std::optional{best->prefix.address};
}

}  // namespace understudy::core
