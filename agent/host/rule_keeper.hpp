// Keeps the packet rules of understudy in the kernel, and says which of them are armed.
//
// Other programs own the rule set as well: a restart of nftables.service or firewalld empties it,
// and with it would go `accept = no` and the lossless planned move, without a word. So a thread
// hears of every change, puts back at once what somebody has deleted, and says who it was. It does
// not fight: beyond a few times in a row it waits longer.
//
// The same thread arms the silence (agent/host/packet_rules.hpp), for the addresses that this node
// is giving away and for no others: whoever may announce one of those could otherwise make this
// node mute. An announcement that no takeover follows ends it again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "agent/control/messages.hpp"
#include "agent/core/configuration.hpp"
#include "agent/host/file_descriptor.hpp"
#include "agent/host/nft_socket.hpp"
#include "agent/host/packet_rules.hpp"
#include "base/mac_address.hpp"
#include "base/time.hpp"

namespace understudy::host {

// An address that is being given away, where.
struct QuietPlace {
    std::string interface;
    IpAddress address;
    MacAddress own_mac;  // of the interface

    auto operator<=>(const QuietPlace&) const = default;
};

class RuleKeeper {
public:
    // Installs the rules in place of a former agent's, which takes some ten milliseconds, and
    // begins to watch them.
    explicit RuleKeeper(const core::Configuration& configuration);
    // Leaves the rules where they are.
    ~RuleKeeper();
    RuleKeeper(const RuleKeeper&) = delete;
    RuleKeeper& operator=(const RuleKeeper&) = delete;

    // A reload. Not in the loop: returns when it is done. Empty, or what does not work.
    std::string update(const core::Configuration& configuration);
    // At the end: nothing is put back after this.
    void remove();

    // In the loop; these return at once. All that is being given away by now; nobody else's
    // announcement matters.
    void arm(std::set<QuietPlace> places);
    // This node announces it: whatever silence there is ends.
    void end_silence(const std::string& interface, const IpAddress& address);
    // There may be a silence that an announcement has to end.
    bool may_be_silent(TimePoint now) const { return now < silent_until_; }

    control::PacketRulesStatus status() const;

private:
    using Places = std::set<std::pair<std::string, IpAddress>>;
    struct Pace;

    void work();
    std::optional<TimePoint> next_deadline() const;
    void wait(const std::optional<TimePoint>& deadline);
    void wake() const;
    void look_for_changes();
    void remember_parts();
    std::vector<std::size_t> damaged_tables();
    void put_back(TimePoint now);
    void follow_orders();
    void arm_in_kernel();
    void look_for_rivals(TimePoint now);
    std::vector<std::pair<QuietPlace, MacAddress>> rivals_of_armed();
    void end_silences(const Places& places);

    NftWatch watch_;
    FileDescriptor wake_;
    TimePoint silent_until_{};  // of the loop

    mutable std::mutex mutex_;  // of what the loop asks for, and of what it is told
    std::set<QuietPlace> wanted_;
    bool wanted_is_new_ = false;
    Places announced_;
    control::PacketRulesStatus status_;
    std::string trouble_;  // since they were installed
    bool stopping_ = false;

    std::mutex rules_;  // of whoever changes the rules; taken before the other one
    std::vector<RuleTable> tables_;
    std::vector<std::optional<std::set<std::string>>> parts_;  // of each table, as installed
    NftSocket nft_;

    // --- of the thread ---
    std::set<QuietPlace> armed_;
    std::set<QuietPlace> disarmed_;           // announced by somebody who did not take it over
    std::map<QuietPlace, TimePoint> rivals_;  // since when an announcement is seen
    TimePoint looked_{};                      // for them
    std::string culprit_;                     // who has changed the rules last
    bool is_suspect_ = false;                 // the rules have to be looked at
    std::unique_ptr<Pace> pace_;
    std::thread thread_;
};

}  // namespace understudy::host
