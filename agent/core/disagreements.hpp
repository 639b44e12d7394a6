// What does not fit between this node and the other routers that are heard on its VRID: other
// settings, strangers, two that are active. Told in `status` and `why` while it lasts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/configuration.hpp"
#include "base/state_fields.hpp"
#include "vrrp/advertisement.hpp"

namespace understudy::core {

// So long after the last sign of it, something still counts as being there.
inline constexpr Duration disagreement_remembered = std::chrono::seconds{60};
// Anybody in the segment can send from any number of addresses.
inline constexpr std::size_t most_disagreements = 16;

enum class Disagreement : std::uint8_t { interval, addresses, checksum, refused, contradicted };

class Disagreements {
public:
    // An advertisement that was processed. `own`: the addresses advertised here, as on the wire.
    void heard(TimePoint now, const VipSettings& settings, std::span<const std::byte> own,
               const IpAddress& source, const vrrp::Received& received);
    // One that was not. `mark` stands for what the text depends on: with the same one, the text
    // need not be made again. False: it is not known yet.
    bool renew_refused(TimePoint now, const IpAddress& source, std::uint64_t mark) {
        return renew(now, source, Disagreement::refused, mark);
    }
    void refused(TimePoint now, const IpAddress& source, std::uint64_t mark, std::string text) {
        note(now, source, Disagreement::refused, mark, std::move(text));
    }
    // It gave the addresses away, and goes on all the same.
    void contradicted(TimePoint now, const IpAddress& source, std::string text) {
        note(now, source, Disagreement::contradicted, 0, std::move(text));
    }
    // After a reload: the texts may be others.
    void reconsider();

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
        std::optional<std::uint64_t> mark;  // of the text
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

    // Seen again, if it is known with this mark.
    bool renew(TimePoint now, const IpAddress& source, Disagreement kind, std::uint64_t mark);
    void note(TimePoint now, const IpAddress& source, Disagreement kind, std::uint64_t mark,
              std::string text);
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
