// What the kernel was last seen to have: links and addresses. Facts only; who wants what is
// elsewhere.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "agent/core/event.hpp"
#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "base/state_fields.hpp"
#include "base/time.hpp"

namespace understudy::core {

struct Link {
    InterfaceIndex index = 0;
    std::string name;
    bool up = false;
    MacAddress mac;
};

struct ObservedAddress {
    IpPrefix prefix;
    bool ours = false;
    bool tentative = false;
    bool duplicate = false;
    bool deprecated = false;
    bool secondary = false;
    std::uint64_t order = 0;           // the kernel's, which shows primary IPv4 addresses first
    std::optional<TimePoint> renewed;  // when its lifetime was last set
};

class KernelView {
public:
    // True once everything was read (ObservationComplete) and nothing is being read again.
    bool is_complete() const { return complete_; }

    void observation_started();
    // Forgets what was not seen since observation_started().
    void observation_complete();
    void seen(const LinkSeen& link);
    void gone(const LinkGone& link);
    // True if anything but the lifetime is new.
    bool seen(TimePoint now, const AddressSeen& address);
    bool gone(const AddressGone& address);

    const Link* link(InterfaceIndex index) const;
    const Link* link_named(std::string_view name) const;

    // The address with exactly this prefix length.
    const ObservedAddress* find(InterfaceIndex index, const IpPrefix& prefix) const;
    // An address that equals this one, whatever its prefix length, and is not ours.
    const ObservedAddress* find_foreign(InterfaceIndex index, const IpAddress& address) const;

    using Key = std::pair<InterfaceIndex, IpPrefix>;
    const std::map<Key, ObservedAddress>& addresses() const { return addresses_; }

private:
    friend struct understudy::StateFields;

    std::map<InterfaceIndex, Link> links_;
    std::map<Key, ObservedAddress> addresses_;
    std::set<InterfaceIndex> stale_links_;
    std::set<Key> stale_addresses_;
    std::uint64_t next_order_ = 0;
    bool complete_ = false;
};

}  // namespace understudy::core
