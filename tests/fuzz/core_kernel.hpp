// Links and addresses as a kernel has them: it does what it is asked, or refuses, and tells of
// every change, perhaps late.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "agent/core/node.hpp"

namespace understudy::fuzz {

class Kernel {
public:
    struct Link {
        std::string name;
        bool up = true;
        MacAddress mac;
    };
    struct Held {
        bool ours = false;
        bool tentative = false;
        TimePoint renewed;
        std::optional<TimePoint> expires;
        bool duplicate = false;
        bool deprecated = false;
        bool secondary = false;
    };
    using Key = std::pair<core::InterfaceIndex, IpPrefix>;

    // What it has not told yet, in order.
    std::deque<core::Event> untold;
    bool refuses = false;
    std::map<core::InterfaceIndex, Link> links;
    std::map<Key, Held> addresses;
    std::set<Key> denied;  // of which something untrue was told

    void set_link(core::InterfaceIndex index, const Link& link) {
        links[index] = link;
        untold.emplace_back(core::LinkSeen{index, link.name, link.up, link.mac});
    }
    void remove_link(core::InterfaceIndex index) {
        std::erase_if(addresses, [&](const auto& entry) {
            const bool there = entry.first.first == index;
            if (there) {
                untold.emplace_back(core::AddressGone{index, entry.first.second});
            }
            return there;
        });
        links.erase(index);
        untold.emplace_back(core::LinkGone{index});
    }
    void put(TimePoint now, const Key& key, Held held) {
        held.renewed = now;
        addresses[key] = held;
        untold.emplace_back(seen(now, key));
    }
    void remove(const Key& key) {
        if (addresses.erase(key) > 0) {
            untold.emplace_back(core::AddressGone{key.first, key.second});
        }
    }
    void expire(TimePoint now) {
        std::erase_if(addresses, [&](const auto& entry) {
            const bool over = entry.second.expires && now >= *entry.second.expires;
            if (over) {
                untold.emplace_back(core::AddressGone{entry.first.first, entry.first.second});
            }
            return over;
        });
    }

    // Everything from the beginning; what was not told is not told separately.
    std::deque<core::Event> dump(TimePoint now) {
        untold.clear();
        std::deque<core::Event> all{core::ObservationStarted{}};
        for (const auto& [index, link] : links) {
            all.emplace_back(core::LinkSeen{index, link.name, link.up, link.mac});
        }
        for (const auto& [key, held] : addresses) {
            all.emplace_back(seen(now, key));
        }
        all.emplace_back(core::ObservationComplete{});
        return all;
    }

    std::optional<core::AddressRefused> carry_out(TimePoint now, const core::AddAddress& a) {
        const Key key{a.interface, a.prefix};
        const bool exists = addresses.contains(key);
        if (refuses || exists || !links.contains(a.interface)) {
            return core::AddressRefused{a.interface, a.prefix, exists, "refused"};
        }
        put(now, key, Held{true, false, now, expiry(now, a.lease)});
        return std::nullopt;
    }
    void carry_out(TimePoint now, const core::RenewAddress& a) {
        const Key key{a.interface, a.prefix};
        if (const auto found = addresses.find(key); found != addresses.end()) {
            put(now, key, Held{true, found->second.tentative, now, expiry(now, a.lease)});
        }
    }
    void carry_out(const core::RemoveAddress& a) { remove({a.interface, a.prefix}); }

private:
    static std::optional<TimePoint> expiry(TimePoint now, Duration lease) {
        return lease > Duration::zero() ? std::optional{now + lease} : std::nullopt;
    }
    core::Event seen(TimePoint now, const Key& key) const {
        const Held& held = addresses.at(key);
        core::AddressSeen event;
        event.index = key.first;
        event.prefix = key.second;
        event.ours = held.ours;
        event.tentative = held.tentative;
        event.duplicate = held.duplicate;
        event.deprecated = held.deprecated;
        event.secondary = held.secondary;
        event.age = now - held.renewed;
        if (held.expires) {
            event.remaining = *held.expires - now;
        }
        return event;
    }
};

}  // namespace understudy::fuzz
