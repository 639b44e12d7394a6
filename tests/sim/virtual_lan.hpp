// N real Nodes on a virtual LAN with virtual kernels and one virtual clock. Nothing here sleeps.
//
// A VirtualHost does with the Node's actions what agent/host does with the kernel: opened sockets,
// held addresses with lifetimes, sent datagrams. Delays are constants; one history for one script.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/node.hpp"

namespace understudy::sim {

using namespace std::chrono_literals;

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

class VirtualLan;

class VirtualHost {
public:
    VirtualHost(VirtualLan& lan, std::string name, int number);

    // --- life of the agent ---
    void start(core::Configuration configuration);
    void crash();   // kill -9: addresses stay until their lifetime ends
    void freeze();  // SIGSTOP; datagrams queue up
    void thaw();
    bool is_running() const { return node_ != nullptr; }
    core::Node& node() { return *node_; }

    // --- what happens to the machine ---
    void set_link(bool up);
    void recreate_link();
    void delete_by_hand(const std::string& prefix);
    void add_by_hand(const std::string& prefix);
    void refuse_addresses(bool refuse) { refuses_ = refuse; }
    void break_listeners(bool broken);
    void cut(bool cut) { cut_ = cut; }  // no frame in or out; the carrier stays

    // --- what its checks and services do ---
    // What every run of the check from now on sees. They pass unless told otherwise.
    void set_check(const std::string& check, bool passes, const std::string& detail = "");
    void silence_prober(bool silent) { prober_silent_ = silent; }
    // All checks of the service fail, until it is started (after `start_delay`).
    void kill_service(const std::string& service);
    void set_start(Duration delay, bool works = true) {
        start_delay_ = delay;
        start_works_ = works;
    }
    const std::vector<std::string>& orders() const { return orders_; }  // "start web", "stop web"
    bool runs(const std::string& service) const;

    // --- what can be asked ---
    bool holds(const std::string& prefix) const;
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
    IpAddress address(Family family) const;
    void feed(const core::Event& event);

private:
    friend class VirtualLan;
    struct Held {
        bool ours = false;
        TimePoint renewed;
        std::optional<TimePoint> expires;
    };

    void observe_kernel();
    void run(core::Outbox& out);
    void execute(const core::Action& action, const core::Outbox& out);
    void add(const core::AddAddress& action);
    void seen(const IpPrefix& prefix, const Held& held);
    void execute_health(const core::Action& action);
    void set_service(std::size_t service, bool runs);
    void deliver(const vrrp::Datagram& datagram);
    std::optional<TimePoint> next_deadline() const;
    void time_passed();

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
    std::map<IpPrefix, Held> addresses_;
    std::vector<core::Listener> listeners_;
    std::unique_ptr<core::Node> node_;
    std::deque<core::Event> pending_;
    bool executing_ = false;
    std::deque<std::pair<vrrp::Datagram, std::vector<std::byte>>> queue_;
    std::map<core::ClientId, control::Response> answers_;
    core::ClientId next_client_ = 1;
    std::vector<control::StateEvent> events_;
    std::vector<std::string> journal_;

    static constexpr Duration check_takes = 1ms;
    std::map<std::string, std::string> failing_;  // check -> detail
    bool prober_silent_ = false;
    Duration start_delay_ = 500ms;
    bool start_works_ = true;
    std::vector<std::string> orders_;
    std::multimap<TimePoint, std::function<void()>> later_;
};

class VirtualLan {
public:
    VirtualHost& add(const std::string& name);
    TimePoint now() const { return now_; }
    void run_for(Duration duration);
    // Until the condition holds; false if it does not within `limit`.
    bool run_until(const std::function<bool()>& condition, Duration limit);
    std::vector<std::string> holders(const std::string& prefix) const;

    std::vector<SentAdvert> adverts;  // everything that was sent, also by hosts that are cut off
    std::vector<Announced> announced;
    // Called after every step: invariants.
    std::function<void()> after_step;

private:
    friend class VirtualHost;
    void send(VirtualHost& from, const core::SendAdvert& advert,
              std::span<const std::byte> payload);
    std::optional<TimePoint> next_deadline() const;
    void step(TimePoint at);

    struct Flight {
        TimePoint at;
        VirtualHost* from;
        IpAddress source;
        IpAddress destination;
        std::vector<std::byte> payload;
    };
    static constexpr Duration latency = 50us;

    TimePoint now_{1000s};
    std::vector<std::unique_ptr<VirtualHost>> hosts_;
    std::deque<Flight> flights_;
};

// A VIP "web", VRID 51, on eth0, with 192.0.2.10/24.
core::Configuration web(vrrp::Priority priority, Duration interval = 1s);

}  // namespace understudy::sim
