#include "agent/core/address_ledger.hpp"

#include <algorithm>

namespace understudy::core {

namespace {

// With every advertisement; but ten times a second is enough at shorter intervals, where it would
// cost more than the advertisements themselves.
constexpr Duration shortest_renewal = std::chrono::milliseconds{100};

}  // namespace

AddressLedger::AddressLedger(const VipSettings& settings) {
    set_limits(settings);
    for (const VirtualAddress& address : settings.addresses) {
        entries_.emplace_back().wanted = address;
    }
    index_entries();
}

void AddressLedger::set_limits(const VipSettings& settings) {
    lease_ = settings.lease;
    renewal_period_ = std::max(settings.advert_interval, shortest_renewal);
    owner_ = settings.priority == vrrp::owner_priority;
    if (lease_ > Duration::zero()) {
        renewal_period_ = std::min(renewal_period_, lease_ / 3);
    }
}

void AddressLedger::index_entries() {
    by_address_.clear();
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        by_address_.emplace(entries_[i].wanted.prefix.address, i);
    }
}

void AddressLedger::take(TimePoint now, Outbox& out) {
    want_ = Want::held;
    renewed_ = now;
    for (Entry& entry : entries_) {
        entry.held_before = false;
        entry.add_again_at = {};
        // What is adopted runs on with what is left of its lifetime.
        const bool is_adopted = entry.ours && !entry.removing_until;
        plan(now, entry, out);
        if (is_adopted && lease_ > Duration::zero()) {
            out.actions.emplace_back(RenewAddress{entry.index, entry.wanted.prefix, lease_});
        }
    }
}

void AddressLedger::release(TimePoint now, Outbox& out) {
    want_ = Want::absent;
    for (Entry& entry : entries_) {
        plan(now, entry, out);
    }
}

// --- another configuration -----------------------------------------------------------------------

void AddressLedger::configure(TimePoint now, const VipSettings& settings, Outbox& out) {
    const Duration lease_before = lease_;
    set_limits(settings);
    std::map<Place, Entry> former;
    for (Entry& entry : entries_) {
        Place place{entry.wanted.interface, entry.wanted.prefix};
        former.emplace(std::move(place), std::move(entry));
    }
    entries_.clear();
    for (const VirtualAddress& address : settings.addresses) {
        Entry& entry = entries_.emplace_back();
        if (auto kept = former.extract({address.interface, address.prefix})) {
            entry = std::move(kept.mapped());
            if (entry.ours && want_ == Want::held && lease_ != lease_before) {
                out.actions.emplace_back(RenewAddress{entry.index, address.prefix, lease_});
            }
        } else {
            entry.added = want_ == Want::held;
            forgive();  // another set: whatever was refused is tried again
        }
        entry.wanted = address;
    }
    index_entries();
    for (auto& [place, entry] : former) {
        forgive();
        const bool adding = entry.adding_until && now < *entry.adding_until;
        const bool removing = entry.removing_until && now < *entry.removing_until;
        // Also what a former agent left: nobody will decide about it any more.
        if (entry.index != 0 && ((entry.ours && !removing) || adding)) {
            out.actions.emplace_back(RemoveAddress{entry.index, entry.wanted.prefix});
        }
    }
}

std::vector<AddressLedger::Entry> AddressLedger::pass_on(const std::set<Place>& places) {
    const auto stays = [&](const Entry& entry) {
        return !places.contains({entry.wanted.interface, entry.wanted.prefix});
    };
    const auto passed = std::ranges::stable_partition(entries_, stays);
    std::vector<Entry> entries{passed.begin(), passed.end()};
    entries_.erase(passed.begin(), passed.end());
    index_entries();
    return entries;
}

void AddressLedger::receive(Entry entry) {
    entry.added = want_ == Want::held;
    entry.held_before = false;
    entry.add_again_at = {};
    entries_.push_back(std::move(entry));
    index_entries();
}

std::vector<AddressGone> AddressLedger::leaving(TimePoint now) const {
    std::vector<AddressGone> all;
    for (const Entry& entry : entries_) {
        if (entry.ours && entry.removing_until && now < *entry.removing_until) {
            all.push_back({entry.index, entry.wanted.prefix});
        }
    }
    return all;
}

void AddressLedger::forget_added() {
    for (Entry& entry : entries_) {
        entry.added = false;
    }
}

// --- what is observed ----------------------------------------------------------------------------

void AddressLedger::look(const KernelView& kernel, Entry& entry) const {
    const ObservedAddress* observed = kernel.find(entry.index, entry.wanted.prefix);
    entry.ours = observed != nullptr && observed->ours;
    entry.foreign =
        !entry.ours && kernel.find_foreign(entry.index, entry.wanted.prefix.address) != nullptr;
}

void AddressLedger::observe_all(TimePoint now, const KernelView& kernel, Outbox& out) {
    for (Entry& entry : entries_) {
        const Link* link = kernel.link_named(entry.wanted.interface);
        const InterfaceIndex index = link == nullptr ? 0 : link->index;
        if (index != entry.index) {
            entry.index = index;
            entry.adding_until.reset();
            entry.removing_until.reset();
        }
        look(kernel, entry);
        plan(now, entry, out);
    }
}

AddressLedger::Sight AddressLedger::observe(TimePoint now, const KernelView& kernel,
                                            InterfaceIndex index, const IpAddress& address,
                                            Outbox& out) {
    Sight sight;
    const auto [first, last] = by_address_.equal_range(address);
    for (auto it = first; it != last; ++it) {
        Entry& entry = entries_[it->second];
        if (entry.index != index) {
            continue;
        }
        const bool was_ours = entry.ours;
        look(kernel, entry);
        if (was_ours && !entry.ours) {
            entry.removing_until.reset();
            sight.lost |= entry.held_before && want_ == Want::held;
            if (entry.held_before && address.is_v4()) {
                entry.add_again_at = std::max(entry.add_again_at, now + repair_wait);
            }
        } else if (!was_ours && entry.ours) {
            entry.adding_until.reset();
        }
        sight.repaired |= plan(now, entry, out);
    }
    return sight;
}

// Asks for what is missing, and takes away what is ours and not wanted. True if a lost address was
// asked for again.
bool AddressLedger::plan(TimePoint now, Entry& entry, Outbox& out) {
    const bool adding = entry.adding_until && now < *entry.adding_until;
    const bool removing = entry.removing_until && now < *entry.removing_until;
    if (entry.index == 0 || want_ == Want::undecided) {
        return false;
    }
    if (want_ == Want::absent) {
        if ((entry.ours && !removing) || adding) {
            out.actions.emplace_back(RemoveAddress{entry.index, entry.wanted.prefix});
            entry.removing_until = now + change_patience;
            entry.adding_until.reset();
        }
        return false;
    }
    if (entry.ours && !removing) {
        entry.held_before = true;
        return false;
    }
    // What somebody else put there would be removed with the request.
    if (adding || entry.foreign || now < entry.add_again_at) {
        return false;
    }
    out.actions.emplace_back(AddAddress{entry.index, entry.wanted.prefix, lease_});
    entry.removing_until.reset();
    entry.adding_until = now + change_patience;
    entry.add_again_at = now + repair_spacing;
    if (entry.held_before) {
        ++repairs_;
        return true;
    }
    return false;
}

void AddressLedger::refused(TimePoint now, const AddressRefused& refusal) {
    const auto [first, last] = by_address_.equal_range(refusal.prefix.address);
    for (auto it = first; it != last; ++it) {
        Entry& entry = entries_[it->second];
        if (entry.index != refusal.index || entry.wanted.prefix != refusal.prefix) {
            continue;
        }
        entry.adding_until.reset();
        // Asked for twice, and held: not a refusal.
        if (refusal.exists && entry.ours) {
            continue;
        }
        refusal_ = "the kernel refuses " + refusal.prefix.to_string() + " on " +
                   entry.wanted.interface + ": " +
                   (refusal.exists ? "somebody else put it there" : refusal.error);
        if (now >= retry_at_) {  // the first one of this attempt
            retry_at_ = now + retry_after_;
            retry_after_ = std::min(2 * retry_after_, longest_retry);
        }
    }
}

void AddressLedger::forgive() {
    refusal_.clear();
    retry_after_ = first_retry;
}

void AddressLedger::advertised(TimePoint now, Outbox& out) {
    // Half an interval of tolerance: advertisements do not leave to the microsecond.
    if (lease_ <= Duration::zero() || now - renewed_ < renewal_period_ - renewal_period_ / 4) {
        return;
    }
    renewed_ = now;
    // Everything was held for a whole period: a later refusal begins with a short wait again.
    retry_after_ = first_retry;
    for (const Entry& entry : entries_) {
        if (entry.ours) {
            out.actions.emplace_back(RenewAddress{entry.index, entry.wanted.prefix, lease_});
        }
    }
}

bool AddressLedger::time_passed(TimePoint now, Outbox& out) {
    if (now >= retry_at_) {
        refusal_.clear();
    }
    bool repaired = false;
    for (Entry& entry : entries_) {
        repaired |= plan(now, entry, out);
    }
    return repaired;
}

std::optional<TimePoint> AddressLedger::next_deadline() const {
    std::optional<TimePoint> earliest;
    const auto consider = [&](TimePoint at) { earliest = earliest ? std::min(*earliest, at) : at; };
    if (!refusal_.empty()) {
        consider(retry_at_);
    }
    for (const Entry& entry : entries_) {
        if (entry.index == 0) {
            continue;
        }
        if (want_ == Want::held && !entry.ours && !entry.foreign) {
            consider(std::max(entry.add_again_at, entry.adding_until.value_or(TimePoint{})));
        }
        if (want_ == Want::absent && entry.ours && entry.removing_until) {
            consider(*entry.removing_until);
        }
    }
    return earliest;
}

std::string AddressLedger::trouble(TimePoint now) const {
    if (!refusal_.empty() && now < retry_at_) {
        return refusal_;
    }
    if (owner_) {
        return {};
    }
    const auto foreign = std::ranges::find_if(entries_, &Entry::foreign);
    if (foreign == entries_.end()) {
        return {};
    }
    return foreign->wanted.prefix.address.to_string() + " is on " + foreign->wanted.interface +
           " already, and it was not understudy that put it there";
}

std::optional<TimePoint> AddressLedger::last_renewed(const KernelView& kernel) const {
    std::optional<TimePoint> latest;
    for (const Entry& entry : entries_) {
        const ObservedAddress* observed = kernel.find(entry.index, entry.wanted.prefix);
        if (observed != nullptr && observed->ours && observed->renewed) {
            latest = latest ? std::max(*latest, *observed->renewed) : *observed->renewed;
        }
    }
    return latest;
}

bool AddressLedger::any_ours() const {
    return std::ranges::any_of(entries_, &Entry::ours);
}

}  // namespace understudy::core
