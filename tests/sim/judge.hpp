// What must hold whatever happens, looked at from outside: the wire, the kernels, and what the
// scenario does to them. Shares no code with the core; it is told what is broken, and for how long
// the rest may therefore be excused.
//
// The rules, by the names that a verdict gives them:
//   second-holder      two nodes that hear each other hold addresses of one VIP for longer than a
//                      planned move, or than hearing each other again, takes
//   unheld             nobody holds a VIP although a node could, for longer than its timers allow
//   claim-unfit        a node takes addresses whose tracked check or service has been down for long
//   announce-unheld    an address is announced that the node does not hold
//   zero-before-release  priority 0 is sent while addresses are still held
//   advert-unheld      a node advertises itself as Active without the addresses
//   lease-lost         an address of a running agent reached the end of its lifetime
//   exit-holding       an agent ends and leaves addresses behind
//   stop-hangs         an agent does not end within its time
//   spin               a deadline stays in the past
//   fooled             a node takes a VIP for an offer or a resignation that its holder did not
//   send
//                      and has contradicted before; and the node would not have preempted it
//   impatient          a node takes a VIP for the silence of one that it has just heard
//   overlooked         a fact has changed and the Node has not looked at it, or a question changes
//                      something
//   not-one-holder, wrong-holder, incomplete, restless, disagreement, leftover
//                      what is looked at when everything has been healed
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/scenario.hpp"
#include "tests/sim/virtual_lan.hpp"

namespace understudy::sim {

struct Finding {
    TimePoint at;
    std::string rule;
    std::string text;
};

// What the scenario does to one node at the moment.
struct Condition {
    bool running = false;  // an agent, that is not asked to stop
    bool frozen = false;
    bool link_down = false;
    bool homeless = false;  // it has no address of its own
    bool deaf = false;
    bool kernel_slow = false;
    bool kernel_troubled = false;  // refuses, is slow, or has an address of somebody else
    bool check_fails = false;
    bool service_down = false;
    bool bad_start = false;
    bool prober_quiet = false;
    bool one_vip_less = false;  // its configuration does not have the second one

    bool operator==(const Condition&) const = default;
};

class Judge : public Witness {
public:
    Judge(VirtualLan& lan, const Scenario& scenario);

    // --- told by who runs the scenario, after every change ---
    void condition(std::size_t node, const Condition& condition);
    // Whether datagrams get from one to the other, all of them, within `slowest`.
    void paths(const std::vector<std::vector<bool>>& clean, Duration slowest);
    // Something happened that a takeover may have to begin anew for.
    void disturbed() { disturbed_at_ = lan_.now(); }
    void address_touched(std::size_t node) { touched_at_.at(node) = lan_.now(); }
    void commanded(std::size_t node) { commanded_at_.at(node) = lan_.now(); }
    void forced(std::size_t node) { forced_.at(node) = true; }

    // --- called in between ---
    void after_step();
    void after_exit(const VirtualHost& host);
    void endless() { find("spin", "the simulated time does not advance"); }
    void hangs(const VirtualHost& host) { find("stop-hangs", host.name() + " does not end"); }
    // Somebody sends an offer or a resignation in the name of this node.
    void gift_forged(std::size_t node);
    // Whatever is forged may lead to two holders for a moment.
    void forged() { forged_at_ = lan_.now(); }
    // Looks a second time, with a copy of the Node.
    void look_again(const VirtualHost& host, const core::Node& node);
    // Everything is healed since `since`.
    void final_state(TimePoint since);

    const std::optional<Finding>& finding() const { return finding_; }
    // Of everything that was sent, added and removed, with its time.
    std::uint64_t fingerprint() const { return fingerprint_; }

    void sent(const VirtualHost& host, const SentAdvert& advert) override;
    void announced(const VirtualHost& host, const IpAddress& address) override;
    void added(const VirtualHost& host, const IpPrefix& prefix) override;
    void gone(const VirtualHost& host, const IpPrefix& prefix, Why why) override;
    void link_recreated(const VirtualHost& host) override;
    void spins(const VirtualHost& host) override { find("spin", host.name() + " spins"); }
    void published(const VirtualHost& host, const control::StateEvent& event) override;
    void logged(const VirtualHost&, const std::string&) override {}

protected:
    static std::size_t place(const VirtualHost& host) {
        return static_cast<std::size_t>(host.number() - 1);
    }
    bool is_live_holder(std::size_t node, int vip) const;

private:
    static constexpr std::size_t most_vips = 2;

    // What a node has said of the first VIP.
    struct Words {
        TimePoint ordinary_at;                        // above the low band
        TimePoint ordinary_before;                    // the one before that
        TimePoint gift_at;                            // an offer, or a resignation
        TimePoint forged_at;                          // such a one, in its name
        std::optional<TimePoint> contradicted_since;  // it has gone on after that
    };

    struct Pair {
        std::optional<TimePoint> clean_since;  // they hear each other
        std::array<std::optional<TimePoint>, most_vips> overlap_since;
        std::array<bool, most_vips> overlap_was_clean{};  // when it began
    };
    struct Node {
        Condition condition;
        TimePoint changed;                             // the condition
        TimePoint fit_since;                           // nothing is wrong with it
        TimePoint quiet_at;                            // its prober was, at the latest
        std::optional<TimePoint> unfit_check_since;    // the tracked check fails
        std::optional<TimePoint> unfit_service_since;  // the service is down
        std::vector<std::size_t> held;                 // by VIP: how many of its addresses
        std::vector<bool> handed_over;  // by VIP: it has released it since it last took it
        std::vector<TimePoint> released_at;
        std::vector<TimePoint> advertised_at;
    };

    void find(const std::string& rule, const std::string& text);
    void mix(std::uint64_t number);
    int vip_of(const IpAddress& address) const;
    void note_words(std::size_t node, vrrp::Priority priority);
    std::optional<std::size_t> named_in(const std::string& cause) const;
    bool goes_first(std::size_t node, std::size_t other) const;
    bool has_heard(std::size_t node, std::size_t of, TimePoint since) const;
    bool is_fit(std::size_t node, int vip) const;
    void look_at_pairs(int vip);
    void holds_no_more(std::size_t node, std::size_t vip);
    bool all_clean_since(TimePoint since) const;
    void look_at_overlap(int vip, std::size_t a, std::size_t b);
    void look_at_silence(int vip);
    void claimed(std::size_t node, int vip);
    Duration patience(std::size_t node) const;
    Duration longest_interval() const;
    Duration slowest() const;
    void one_holder(int vip, TimePoint since);
    bool is_preferred(std::size_t node, int vip) const;

    VirtualLan& lan_;
    const Scenario& scenario_;
    std::vector<std::vector<IpPrefix>> addresses_;  // by VIP
    std::map<IpAddress, int> vip_of_;
    std::vector<Node> nodes_;
    std::vector<std::vector<Pair>> pairs_;  // [a][b] with a < b
    std::vector<TimePoint> touched_at_;
    std::vector<TimePoint> commanded_at_;
    std::vector<bool> forced_;
    std::vector<Words> words_;
    TimePoint forged_at_;
    bool has_one_interval_;  // all nodes
    std::vector<std::optional<TimePoint>> unheld_since_;
    std::vector<TimePoint> moved_at_;  // by VIP: the last change of a holder
    Duration slowest_{};
    Duration slower_{};  // what it was
    TimePoint slower_until_;
    bool hooks_fail_;  // at times
    TimePoint disturbed_at_;
    std::optional<Finding> finding_;
    std::uint64_t fingerprint_ = 0;
};

}  // namespace understudy::sim
