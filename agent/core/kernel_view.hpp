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
    std::uint64_t order = 0;           // of appearance: the kernel shows primary addresses first
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

// The rule for the source of advertisements (RFC 9568 5.1.1.1, 5.1.2.1): the first IPv4 address of
// the interface, or its link-local IPv6 address; for unicast to a peer outside the link, the first
// address that fits. Tentative addresses and those of `excluded` (the virtual ones) never.
std::optional<IpAddress> pick_source(const KernelView& kernel, InterfaceIndex index, Family family,
                                     const std::set<IpAddress>& excluded,
                                     const std::optional<IpAddress>& unicast_peer);

}  // namespace understudy::core
