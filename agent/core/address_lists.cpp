#include "agent/core/address_lists.hpp"

#include <algorithm>
#include <cstring>

#include "vrrp/protocol.hpp"

namespace understudy::core {

namespace {

// As many as two advertisements list.
constexpr std::size_t most_former_addresses = 2 * vrrp::most_addresses;

}  // namespace

// FNV-1a by words of eight bytes: a list of 255 IPv6 addresses takes less than a microsecond.
std::uint64_t hash_of(std::span<const std::byte> bytes) {
    std::uint64_t hash = 0xcbf29ce484222325U ^ bytes.size();
    while (!bytes.empty()) {
        std::uint64_t word = 0;
        const std::size_t size = std::min(bytes.size(), sizeof word);
        std::memcpy(&word, bytes.data(), size);
        hash = (hash ^ word) * 0x100000001b3U;
        hash ^= hash >> 32U;
        bytes = bytes.subspan(size);
    }
    return hash >> 1U;
}

AddressLists::AddressLists(const VipSettings& settings) {
    set_own(settings);
}

void AddressLists::set_own(const VipSettings& settings) {
    own_.clear();
    for (const VirtualAddress& address : settings.addresses) {
        if (!address.derived) {
            own_.push_back(address.prefix.address);
        }
    }
    std::ranges::sort(own_);
    derived_ = vrrp::derived_link_local(settings.vrid);
    judged_.reset();
}

void AddressLists::configure(TimePoint now, const VipSettings& settings) {
    const std::vector<IpAddress> before = own_;
    set_own(settings);
    for (const IpAddress& address : before) {
        if (!std::ranges::binary_search(own_, address)) {
            former_.insert_or_assign(address, now + lists_remembered);
        }
    }
    forget_former(now);
    while (former_.size() > most_former_addresses) {
        former_.erase(
            std::ranges::min_element(former_, {}, [](const auto& entry) { return entry.second; }));
    }
}

void AddressLists::forget_former(TimePoint now) {
    const auto forgotten =
        std::erase_if(former_, [&](const auto& entry) { return now >= entry.second; });
    if (forgotten > 0) {
        judged_.reset();
    }
}

bool AddressLists::compare(Family family, std::span<const std::byte> list) const {
    bool any = false;
    const std::size_t size = address_size(family);
    for (std::size_t at = 0; at + size <= list.size(); at += size) {
        const IpAddress address = IpAddress::from_bytes(list.subspan(at, size));
        if (std::ranges::binary_search(own_, address) || former_.contains(address)) {
            return false;
        }
        any = any || address != derived_;
    }
    return any;
}

bool AddressLists::is_foreign(TimePoint now, Family family, std::span<const std::byte> list) {
    forget_former(now);
    const std::uint64_t hash = hash_of(list);
    if (!judged_ || judged_->hash != hash || judged_->family != family) {
        judged_ = Judged{hash, family, compare(family, list)};
    }
    return judged_->is_foreign;
}

}  // namespace understudy::core
