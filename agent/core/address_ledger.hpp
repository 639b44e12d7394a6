// The addresses of one VIP: wanted, observed, in flight; and the difference as actions.
//
// Level-triggered: whatever the kernel shows is compared with what is wanted, so an address that
// was deleted by hand or by another network manager comes back, and one that a dead agent left
// behind is adopted or removed. Addresses of others are never touched.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/action.hpp"
#include "agent/core/configuration.hpp"
#include "agent/core/kernel_view.hpp"
#include "base/state_fields.hpp"
#include "base/time.hpp"

namespace understudy::core {

// How long the kernel may take to show a change that it did not refuse, before it is asked again.
inline constexpr Duration change_patience = std::chrono::seconds{1};
// Between two repairs of the same address: whoever deletes it in a loop does not make us spin.
inline constexpr Duration repair_spacing = std::chrono::milliseconds{5};
// A lost IPv4 address may have gone with the first one of its network, of which the kernel tells
// last. Put back before that is known, it would be the first one itself, and the node's own address
// would go with it.
inline constexpr Duration repair_wait = std::chrono::milliseconds{1};
// A refused address is tried again after this long, then twice as long, and so on up to the second.
inline constexpr Duration first_retry = std::chrono::seconds{1};
inline constexpr Duration longest_retry = std::chrono::seconds{30};

// The name of an interface, and the address there.
using Place = std::pair<std::string, IpPrefix>;

class AddressLedger {
public:
    explicit AddressLedger(const VipSettings& settings);

    // --- what is wanted; both emit the changes at once ---
    // Before the first of them nothing is decided: what a former agent left is neither used nor
    // removed.
    void take(TimePoint now, Outbox& out);
    void release(TimePoint now, Outbox& out);
    bool is_wanted() const { return want_ == Want::held; }
    bool is_undecided() const { return want_ == Want::undecided; }

    // --- what is configured ---
    // A reload: entries for the same prefix on the same interface stay as they are. What is held
    // and not named any more is removed; what is new is asked for by the next observe_all(), and
    // marked as added if this node holds the addresses.
    void configure(TimePoint now, const VipSettings& settings, Outbox& out);
    void forget_added();

    // --- what is observed ---
    // Compares every entry with the kernel: after a link or the whole view has changed.
    void observe_all(TimePoint now, const KernelView& kernel, Outbox& out);
    // One address was seen or is gone.
    struct Sight {
        bool lost = false;      // by somebody else; it is put back, at once or by time_passed()
        bool repaired = false;  // it was put back: announce it
    };
    Sight observe(TimePoint now, const KernelView& kernel, InterfaceIndex index,
                  const IpAddress& address, Outbox& out);
    void refused(TimePoint now, const AddressRefused& refusal);
    // Somebody asks to try again at once.
    void forgive();

    // Lifetimes are renewed together with the advertisements.
    void advertised(TimePoint now, Outbox& out);

    // Puts back what had to wait for repair_spacing or change_patience. True: announce.
    bool time_passed(TimePoint now, Outbox& out);
    std::optional<TimePoint> next_deadline() const;

    // Empty, or why this node cannot hold every address: refused, or put there by somebody else.
    std::string trouble(TimePoint now) const;
    // The youngest lifetime among addresses that are here and ours: when the last agent lived.
    std::optional<TimePoint> last_renewed(const KernelView& kernel) const;
    bool any_ours() const;

    struct Entry {
        VirtualAddress wanted;
        bool added = false;        // by a reload, while the others were held: still to be announced
        InterfaceIndex index = 0;  // 0: the interface does not exist
        bool ours = false;         // observed, and put there by us
        bool foreign = false;      // observed, and put there by somebody else
        bool held_before = false;  // since take(): if it is missing now, it was lost
        std::optional<TimePoint> adding_until;
        std::optional<TimePoint> removing_until;
        TimePoint add_again_at{};
    };
    const std::vector<Entry>& entries() const { return entries_; }
    std::uint64_t repairs() const { return repairs_; }

    // Addresses that another VIP of this node holds from now on are no longer a matter of this one.
    // That one is given their entries, before configure() names them: what is under way is known.
    std::vector<Entry> pass_on(const std::set<Place>& places);
    void receive(Entry entry);
    // Asked to go, and not told to be gone yet.
    std::vector<AddressGone> leaving(TimePoint now) const;

private:
    friend struct understudy::StateFields;

    enum class Want : std::uint8_t { undecided, held, absent };

    void set_limits(const VipSettings& settings);
    void index_entries();
    bool plan(TimePoint now, Entry& entry, Outbox& out);
    void look(const KernelView& kernel, Entry& entry) const;

    std::vector<Entry> entries_;
    std::multimap<IpAddress, std::size_t> by_address_;
    Duration lease_{};
    Duration renewal_period_{};
    bool owner_ = false;
    Want want_ = Want::undecided;
    TimePoint renewed_{};
    std::uint64_t repairs_ = 0;
    std::string refusal_;
    TimePoint retry_at_{};
    Duration retry_after_ = first_retry;
};

}  // namespace understudy::core
