// One machine of the virtual LAN: the real Node, and what agent/host and the kernel do around it.
//
// It does with the Node's actions what agent/host does with the real kernel: opened sockets, held
// addresses with lifetimes, sent datagrams, checks and services. One history for one script.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/core/node.hpp"

namespace understudy::sim {

using namespace std::chrono_literals;

class VirtualHost;
class VirtualLan;

struct SentAdvert {
    TimePoint at;
    std::string from;
    IpAddress source;
    IpAddress destination;
    vrrp::Received advert;  // `addresses` is not kept
};

struct Announced {
    TimePoint at;
    std::string by;
    IpAddress address;
};

// Whoever wants to know what happens: told at once, in order.
class Witness {
public:
    enum class Why { released, expired, by_hand };

    Witness() = default;
    virtual ~Witness() = default;
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;

    virtual void sent(const VirtualHost& host, const SentAdvert& advert) = 0;
    virtual void announced(const VirtualHost& host, const IpAddress& address) = 0;
    virtual void added(const VirtualHost& host, const IpPrefix& prefix) = 0;
    virtual void gone(const VirtualHost& host, const IpPrefix& prefix, Why why) = 0;
    virtual void link_recreated(const VirtualHost& host) = 0;
    virtual void published(const VirtualHost& host, const control::StateEvent& event) = 0;
    // After TimePassed, the next deadline is still not in the future.
    virtual void spins(const VirtualHost& host) = 0;
    virtual void logged(const VirtualHost& host, const std::string& text) = 0;
};

// What the kernel tells of an address besides that it is there.
struct AddressFlags {
    bool tentative = false;
    bool duplicate = false;
    bool deprecated = false;
    bool secondary = false;
};

class VirtualHost {
public:
    VirtualHost(VirtualLan& lan, std::string name, int number);

    // --- life of the agent ---
    void start(core::Configuration configuration);
    void crash();   // kill -9: addresses stay until their lifetime ends
    void freeze();  // SIGSTOP; datagrams and what the kernel tells queue up
    void thaw();
    void reload(core::Configuration configuration);
    bool is_running() const { return node_ != nullptr; }
    bool is_frozen() const { return frozen_; }
    // It is being told everything, and has not seen the end of it.
    bool is_reading() const { return is_reading_; }
    core::Node& node() { return *node_; }

    // --- what happens to the machine ---
    void set_link(bool up);
    void recreate_link();
    // Takes them away, or puts them back. IPv4 addresses in the network of the first one go with
    // it.
    void set_own_addresses(bool there);
    void delete_by_hand(const std::string& prefix);
    void add_by_hand(const std::string& prefix, AddressFlags flags = {});
    // Of one that is there.
    void change_flags(const std::string& prefix, AddressFlags flags);
    void refuse_addresses(bool refuse) { refuses_ = refuse; }
    // What the kernel tells about addresses comes so much later.
    void slow_down_kernel(Duration delay) { kernel_delay_ = delay; }
    // A lifetime is set so much later; what is asked for meanwhile is dropped, as agent/host does
    // it.
    void slow_down_renewals(Duration delay) { renewal_delay_ = delay; }
    // The netlink socket has overrun: everything is read again.
    void observe_kernel();
    void break_listeners(bool broken);
    void cut(bool cut) { cut_ = cut; }  // no frame in or out; the carrier stays

    // --- what its checks and services do ---
    // What every run of the check from now on sees. They pass unless told otherwise.
    void set_check(const std::string& check, bool passes, const std::string& detail = "");
    // It has a socket that works; after a broken one it tries again only every second.
    bool is_listening() const { return !listeners_.empty(); }
    // What the kernel has done and not told yet.
    unsigned untold() const { return untold_; }
    // Counts the changes of what the checks see.
    unsigned health_changes() const { return health_changes_; }
    void silence_prober(bool silent) { prober_silent_ = silent; }
    // All checks of the service fail, until it is started (after `start_delay`).
    void kill_service(const std::string& service);
    void set_start(Duration delay, bool works = true) {
        start_delay_ = delay;
        start_works_ = works;
    }
    void set_stop(Duration delay) { stop_delay_ = delay; }
    const std::vector<std::string>& orders() const { return orders_; }  // "start web", "stop web"
    bool runs(const std::string& service) const;

    // --- what its hooks do ---
    struct Hook {
        Duration takes = 1ms;
        bool works = true;
        bool vanishes = false;  // nobody tells how it ended
    };
    struct HookRun {
        core::RunHook order;
        TimePoint at;
        std::size_t held = 0;  // addresses of ours at that time
    };
    void set_hook(core::HookKind kind, Hook hook) { hook_of(kind) = hook; }
    const std::vector<HookRun>& hook_runs() const { return hook_runs_; }

    // --- what can be asked ---
    const std::string& name() const { return name_; }
    int number() const { return number_; }  // from 1
    bool holds(const std::string& prefix) const;
    // An agent of ours put it there.
    bool has_ours(const IpPrefix& prefix) const;
    std::size_t held_count() const;
    control::VipStatus vip(const std::string& name = "web");
    std::string state(const std::string& name = "web");
    std::vector<std::string> why(const std::string& name = "web");
    control::Response ask(control::Request request);  // the answer, if there is one at once
    core::ClientId send(control::Request request);
    std::optional<control::Response> answer(core::ClientId client) const;
    void stop() { feed(core::StopRequested{}); }
    bool exited() const { return exited_; }
    const std::vector<control::StateEvent>& events() const { return events_; }
    const std::vector<std::string>& journal() const { return journal_; }
    IpAddress address(Family family) const { return address(family, number_); }
    static IpAddress address(Family family, int number);
    void feed(const core::Event& event);
    // Called with every event that the Node was told, and what it decided.
    std::function<void(TimePoint at, const core::Event& event, const core::Outbox& out)> recorder;
    // Called with the Node before it is told an event, and afterwards.
    std::function<void(core::Node& node)> before_event;
    std::function<void(const core::Node& node)> after_event;

private:
    friend class VirtualLan;
    struct Held {
        bool ours = false;
        TimePoint renewed;
        std::optional<TimePoint> expires;
        std::uint64_t order = 0;  // of appearance
        AddressFlags flags{};
    };

    void handle(const core::Event& event);
    void execute(const core::Action& action, const core::Outbox& out);
    void add(const core::AddAddress& action);
    void renew(const core::RenewAddress& action);
    void set_lifetime(const core::RenewAddress& action);
    void put(const IpPrefix& prefix, Held held);
    void take_away(const IpPrefix& prefix, Witness::Why why);
    std::vector<IpPrefix> secondary_to(const IpPrefix& prefix) const;
    std::vector<IpPrefix> as_the_kernel_shows_them() const;
    bool has_address(const IpAddress& address) const;
    core::AddressSeen sight_of(const IpPrefix& prefix, const Held& held) const;
    void seen(const IpPrefix& prefix, const Held& held);
    void tell(core::Event event);  // by the kernel, which may be slow
    core::LinkSeen link() const;
    void later(Duration delay, std::function<void()> what);
    void execute_health(const core::Action& action);
    Hook& hook_of(core::HookKind kind) { return hooks_.at(static_cast<std::size_t>(kind)); }
    void run_hook(const core::RunHook& order);
    void note_order(const std::string& order);
    void finish_check(const core::RunCheck& order, const checks::CheckSettings& asked);
    void finish_command(const std::string& service, std::uint32_t order);
    std::optional<std::size_t> place_of(const std::string& service) const;
    void set_service(std::size_t service, bool runs);
    void deliver(const vrrp::Datagram& datagram);
    std::optional<TimePoint> next_deadline();
    void time_passed();
    void expire_addresses();

    VirtualLan& lan_;
    std::string name_;
    int number_;
    int index_ = 2;
    bool up_ = true;
    bool cut_ = false;
    bool refuses_ = false;
    bool deaf_ = false;
    bool frozen_ = false;
    bool exited_ = false;
    bool observes_later_ = false;
    bool is_reading_ = false;
    Duration kernel_delay_{};
    Duration renewal_delay_{};
    std::set<IpPrefix> renewing_;
    unsigned reading_ = 0;  // counts the complete readings
    unsigned untold_ = 0;   // events of the kernel among `later_`
    TimePoint told_until_;  // the last of them
    bool is_deadline_known_ = false;
    std::optional<TimePoint> deadline_;  // next_deadline(), if known
    std::map<IpPrefix, Held> addresses_;
    std::uint64_t next_order_ = 0;
    std::vector<core::Listener> listeners_;
    std::unique_ptr<core::Node> node_;
    core::KeepMaintenance kept_maintenance_;
    std::deque<core::Event> pending_;
    core::Outbox outbox_;
    bool executing_ = false;
    // What waits for a frozen agent; a datagram comes with its bytes.
    std::deque<std::pair<core::Event, std::vector<std::byte>>> queue_;
    std::map<core::ClientId, control::Response> answers_;
    std::optional<std::pair<core::ClientId, control::Response>> last_answer_;
    core::ClientId next_client_ = 1;
    std::vector<control::StateEvent> events_;
    std::vector<std::string> journal_;

    static constexpr Duration check_takes = 1ms;
    std::map<std::string, std::string> failing_;  // check -> detail
    unsigned health_changes_ = 0;
    bool prober_silent_ = false;
    Duration start_delay_ = 500ms;
    Duration stop_delay_ = 100ms;
    bool start_works_ = true;
    std::vector<std::string> orders_;
    std::array<Hook, core::hook_kinds> hooks_;
    std::vector<HookRun> hook_runs_;
    std::multimap<TimePoint, std::function<void()>> later_;
};

}  // namespace understudy::sim
