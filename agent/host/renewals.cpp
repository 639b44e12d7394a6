#include "agent/host/renewals.hpp"

namespace understudy::host {

void Renewals::ask(const std::vector<core::RenewAddress>& renewals) {
    const std::scoped_lock lock(mutex_);
    for (const core::RenewAddress& renewal : renewals) {
        waiting_[{renewal.interface, renewal.prefix}] = renewal.lease;
    }
}

void Renewals::forget(const core::RemoveAddress& removed) {
    const std::scoped_lock lock(mutex_);
    waiting_.erase({removed.interface, removed.prefix});
}

std::vector<core::RenewAddress> Renewals::take(std::size_t most) {
    const std::scoped_lock lock(mutex_);
    std::vector<core::RenewAddress> taken;
    while (taken.size() < most && !waiting_.empty()) {
        auto next = waiting_.upper_bound(last_);
        if (next == waiting_.end()) {
            next = waiting_.begin();
        }
        last_ = next->first;
        taken.push_back({last_.first, last_.second, next->second});
        waiting_.erase(next);
    }
    return taken;
}

bool Renewals::has_more() const {
    const std::scoped_lock lock(mutex_);
    return !waiting_.empty();
}

}  // namespace understudy::host
