#include "agent/core/kernel_view.hpp"

#include <algorithm>
#include <tuple>

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
    const auto facts = [](const auto& a) {
        return std::tuple{a.ours, a.tentative, a.duplicate, a.deprecated, a.secondary};
    };
    const bool changed = inserted || facts(observed) != facts(address);
    // An IPv4 address whose primary one was deleted takes its place behind the other primary ones
    // (promote_secondaries).
    const bool promoted = observed.secondary && !address.secondary;
    if (inserted || promoted) {
        observed.order = next_order_++;
    }
    observed.prefix = address.prefix;
    observed.ours = address.ours;
    observed.tentative = address.tentative;
    observed.duplicate = address.duplicate;
    observed.deprecated = address.deprecated;
    observed.secondary = address.secondary;
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

}  // namespace understudy::core
