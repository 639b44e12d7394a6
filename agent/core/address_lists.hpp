// Whether the addresses that another router advertises are those of this VIP, or another cluster's
// on the same VRID, which is the commonest accident of VRRP.
//
// RFC 9568 7.1 leaves open what becomes of a list that differs. One that has an address in common
// with ours is processed, so that a change can be rolled out node by node. One that has none is not
// (no RFC basis): both clusters go on, each with its own addresses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "agent/core/configuration.hpp"
#include "base/ip_address.hpp"
#include "base/state_fields.hpp"
#include "base/time.hpp"

namespace understudy::core {

// An address that a reload has removed counts as ours for this long, and a router that has had the
// same list as this node counts as a peer, whatever it lists meanwhile. So the only address of a
// VIP can be exchanged by reloading one node after the other.
inline constexpr Duration lists_remembered = std::chrono::hours{1};

// Of what was received, so that the same bytes need not be looked at twice. Less than 2^63. An
// attacker who makes two lists with one hash gains nothing: it could send our own list.
std::uint64_t hash_of(std::span<const std::byte> bytes);

class AddressLists {
public:
    explicit AddressLists(const VipSettings& settings);
    // After a reload.
    void configure(TimePoint now, const VipSettings& settings);

    // It names an address, and none of them is ours: neither advertised here nor an extra_address.
    // The link-local address that is derived from the VRID does not count: two strangers have it in
    // common.
    bool is_foreign(TimePoint now, Family family, std::span<const std::byte> list);

private:
    friend struct understudy::StateFields;

    struct Judged {
        std::uint64_t hash = 0;
        Family family = Family::ipv4;
        bool is_foreign = false;
    };

    void set_own(const VipSettings& settings);
    void forget_former(TimePoint now);
    bool compare(Family family, std::span<const std::byte> list) const;

    std::vector<IpAddress> own_;  // sorted
    IpAddress derived_;
    std::map<IpAddress, TimePoint> former_;  // until when
    std::optional<Judged> judged_;           // the last list
};

}  // namespace understudy::core
