// Which announcement is sent when: at most one waits for each address, and neither an address nor
// an interface is announced faster than it helps.
//
// Each losing advertisement of a rival makes the Node announce all addresses again. With a thousand
// of them, a hundred such packets a second would become tens of thousands of broadcasts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "agent/core/action.hpp"
#include "base/time.hpp"

namespace understudy::host {

class AnnouncementQueue {
public:
    // An address may be announced so often at once (at its claim, again when the rival has let go,
    // and the first repetitions), and then once in a while.
    static constexpr int burst = 4;
    static constexpr Duration spacing = std::chrono::seconds{1};
    // Of one interface, beyond the bursts of its addresses.
    static constexpr Duration interface_spacing = std::chrono::milliseconds{4};

    using Batch = std::uint64_t;

    // `after`: the change of addresses that has to be done first; 0: none.
    void add(TimePoint now, const core::Announce& announcement, Batch after);
    // It is done, and all before it.
    void done(TimePoint now, Batch batch);
    // Never announced after the release. The next claim of the address begins with a whole burst.
    void forget(const core::RemoveAddress& removed);
    // What was added since then, because it may not be so any more.
    void forget_since(TimePoint then);

    // Those whose turn has come, at most `most`, in the order in which they were added.
    std::vector<core::Announce> take(TimePoint now, std::size_t most);
    // When the next one's turn comes; nothing: none is waiting for its time.
    std::optional<TimePoint> next() const;

private:
    using Key = std::pair<core::InterfaceIndex, IpAddress>;
    // The generic cell rate algorithm: when the next one would be due if they had kept their
    // spacing from the beginning.
    struct Pace {
        TimePoint due{};
        TimePoint ready(Duration apart, int at_once) const { return due - (at_once - 1) * apart; }
        void count(TimePoint now, Duration apart) { due = std::max(now, due) + apart; }
    };
    using Turn = std::pair<TimePoint, std::uint64_t>;  // not before; then in the order of asking
    struct Address {
        MacAddress mac;
        Pace pace;
        bool is_waiting = false;
        Batch after = 0;
        std::optional<Turn> turn;  // nothing while it waits for a batch
        TimePoint asked{};
    };
    struct Interface {
        Pace pace;
        int addresses = 0;
        std::map<Turn, Key> turns;
        TimePoint ready() const { return pace.ready(interface_spacing, burst * addresses); }
    };

    void line_up(const Key& key, Address& address, TimePoint now);
    void stop_waiting(const Key& key, Address& address);

    std::map<Key, Address> addresses_;  // announced since their claim, or about to be
    std::map<core::InterfaceIndex, Interface> interfaces_;
    std::uint64_t next_number_ = 0;
};

}  // namespace understudy::host
