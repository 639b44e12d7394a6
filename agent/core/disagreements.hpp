// What does not fit between this node and the other routers that are heard on its VRID: other
// settings, strangers, two that are active. Told in `status` and `why` while it lasts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/core/configuration.hpp"
#include "base/state_fields.hpp"
#include "vrrp/advertisement.hpp"

namespace understudy::core {

// So long after the last sign of it, something still counts as being there.
inline constexpr Duration disagreement_remembered = std::chrono::seconds{60};
// Anybody in the segment can send from any number of addresses.
inline constexpr std::size_t most_disagreements = 16;

enum class Disagreement : std::uint8_t { interval, addresses, checksum, refused };

class Disagreements {
public:
    // An advertisement that was processed. `own`: the addresses advertised here, as on the wire.
    void heard(TimePoint now, const VipSettings& settings, std::span<const std::byte> own,
               const IpAddress& source, const vrrp::Received& received);
    // One that was not; the text says why.
    void refused(TimePoint now, const IpAddress& source, std::string text);

    // This node is active, too.
    struct ActiveHere {
        TimePoint since{};
        vrrp::Priority priority = 0;
    };
    // Who is active beside another; empty: nobody, or it is a planned move that waits for a
    // service.
    std::string rivals(TimePoint now, std::optional<ActiveHere> here) const;
    // Everything, rivals first.
    std::vector<std::string> warnings(TimePoint now, std::optional<ActiveHere> here) const;

private:
    friend struct understudy::StateFields;

    struct Entry {
        IpAddress source;
        Disagreement kind = Disagreement::interval;
        TimePoint at{};
        std::string text;
    };
    // Who advertises, and for how many turns in a row: what is said within half an interval, as
    // where addresses change hands, is one.
    struct Speaker {
        IpAddress source;
        TimePoint at{};       // the last word
        TimePoint counted{};  // the last turn
        Duration interval{};
        vrrp::Priority priority = 0;
        unsigned row = 0;
    };

    void note(TimePoint now, const IpAddress& source, Disagreement kind, std::string text);
    void forget(const IpAddress& source, Disagreement kind);
    void count(TimePoint now, const IpAddress& source, const vrrp::Received& received);

    std::vector<Entry> entries_;
    std::vector<Speaker> speakers_;
};

// Why an advertisement was refused, for people, as far as the reason alone does not tell; may be
// empty. `is_own`: it came from an address of this node.
std::string explain(vrrp::Discard reason, const vrrp::Datagram& datagram,
                    const VipSettings& settings, bool is_own);

}  // namespace understudy::core
