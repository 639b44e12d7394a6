#include "agent/host/announcement_queue.hpp"

namespace understudy::host {

void AnnouncementQueue::add(TimePoint now, const core::Announce& announcement, Batch after) {
    const Key key{announcement.interface, announcement.address};
    auto [entry, is_new] = addresses_.try_emplace(key);
    Address& address = entry->second;
    if (is_new) {
        ++interfaces_[key.first].addresses;
    } else if (address.mac != announcement.mac) {
        // Others have learned the wrong one, of all addresses of the interface.
        address.pace = {};
        interfaces_[key.first].pace = {};
    }
    address.mac = announcement.mac;
    address.asked = now;
    address.after = std::max(address.after, after);
    if (address.turn && address.after == 0) {
        return;
    }
    stop_waiting(key, address);
    address.is_waiting = true;
    if (address.after == 0) {
        line_up(key, address, now);
    }
}

void AnnouncementQueue::done(TimePoint now, Batch batch) {
    for (auto& [key, address] : addresses_) {
        if (address.after == 0 || address.after > batch) {
            continue;
        }
        address.after = 0;
        if (address.is_waiting) {
            line_up(key, address, now);
        }
    }
}

void AnnouncementQueue::line_up(const Key& key, Address& address, TimePoint now) {
    address.turn = {std::max(now, address.pace.ready(spacing, burst)), next_number_++};
    interfaces_[key.first].turns.emplace(*address.turn, key);
}

void AnnouncementQueue::stop_waiting(const Key& key, Address& address) {
    if (address.turn) {
        interfaces_[key.first].turns.erase(*address.turn);
    }
    address.turn.reset();
    address.is_waiting = false;
}

void AnnouncementQueue::forget(const core::RemoveAddress& removed) {
    const auto entry = addresses_.find({removed.interface, removed.prefix.address});
    if (entry == addresses_.end()) {
        return;
    }
    stop_waiting(entry->first, entry->second);
    const auto interface = interfaces_.find(removed.interface);
    if (--interface->second.addresses == 0) {
        interfaces_.erase(interface);
    }
    addresses_.erase(entry);
}

void AnnouncementQueue::forget_since(TimePoint then) {
    for (auto& [key, address] : addresses_) {
        if (address.is_waiting && address.asked >= then) {
            stop_waiting(key, address);
        }
    }
}

std::vector<core::Announce> AnnouncementQueue::take(TimePoint now, std::size_t most) {
    std::vector<core::Announce> taken;
    for (auto& [index, interface] : interfaces_) {
        while (taken.size() < most && !interface.turns.empty() &&
               interface.turns.begin()->first.first <= now && interface.ready() <= now) {
            const Key key = interface.turns.begin()->second;
            Address& address = addresses_.at(key);
            taken.push_back({index, address.mac, key.second});
            stop_waiting(key, address);
            address.pace.count(now, spacing);
            interface.pace.count(now, interface_spacing);
        }
    }
    return taken;
}

std::optional<TimePoint> AnnouncementQueue::next() const {
    std::optional<TimePoint> earliest;
    for (const auto& [index, interface] : interfaces_) {
        if (!interface.turns.empty()) {
            const TimePoint at = std::max(interface.turns.begin()->first.first, interface.ready());
            earliest = earliest ? std::min(*earliest, at) : at;
        }
    }
    return earliest;
}

}  // namespace understudy::host
