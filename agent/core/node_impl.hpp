// The inside of Node; included by its source files, and by who keeps its state (agent/record).
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "agent/core/node.hpp"
#include "agent/core/vip.hpp"
#include "base/state_fields.hpp"

namespace understudy::core {

class Node::Impl {
public:
    Impl(Configuration configuration, TimePoint now);

    void handle(TimePoint now, const Event& event, Outbox& out);
    std::optional<TimePoint> next_deadline() const;
    std::string summary() const;
    std::size_t active_vips() const;
    const Configuration& configuration() const { return *configuration_; }

private:
    friend struct understudy::StateFields;

    // A failover, maintenance, or a takeover of a cold node, whose client waits for its end.
    struct Waiting {
        ClientId client = 0;
        std::vector<std::size_t> vips;
        TimePoint deadline;
        Duration timeout{};
        bool maintenance = false;  // goes on after the client was answered
        bool drains = true;        // the time of the client begins when on_release has ended
    };

    // A stop that gives a VIP away: how long it waits for a peer.
    struct Farewell {
        TimePoint until;
        Duration patience{};  // that a willing peer needs, from the end of on_release on
        TimePoint limit;      // stop_timeout: also while a cold peer prepares
        bool drains = true;   // on_release has not ended
    };

    void on(TimePoint now, const TimePassed& event, Outbox& out);
    void on(TimePoint now, const StopRequested& event, Outbox& out);
    void on(TimePoint now, const LinkSeen& event, Outbox& out);
    void on(TimePoint now, const LinkGone& event, Outbox& out);
    void on(TimePoint now, const AddressSeen& event, Outbox& out);
    void on(TimePoint now, const AddressGone& event, Outbox& out);
    void on(TimePoint now, const ObservationStarted& event, Outbox& out);
    void on(TimePoint now, const ObservationComplete& event, Outbox& out);
    void on(TimePoint now, const ListenerOpened& event, Outbox& out);
    void on(TimePoint now, const ListenerFailed& event, Outbox& out);
    void on(TimePoint now, const DatagramReceived& event, Outbox& out);
    void on(TimePoint now, const SendFailed& event, Outbox& out);
    void on(TimePoint now, const AddressRefused& event, Outbox& out);
    void on(TimePoint now, const CheckFinished& event, Outbox& out);
    void on(TimePoint now, const ProberStarted& event, Outbox& out);
    void on(TimePoint now, const ServiceCommandFinished& event, Outbox& out);
    void on(TimePoint now, const HookFinished& event, Outbox& out);
    void on(TimePoint now, const CommandReceived& event, Outbox& out);
    void on(TimePoint now, const ClientGone& event, Outbox& out);
    void on(TimePoint now, const ConfigurationChanged& event, Outbox& out);

    void answer(TimePoint now, ClientId client, const control::StatusRequest& request, Outbox& out);
    void answer(TimePoint now, ClientId client, const control::WhyRequest& request, Outbox& out);
    void answer(TimePoint now, ClientId client, const control::FailoverRequest& request,
                Outbox& out);
    void answer(TimePoint now, ClientId client, const control::TakeoverRequest& request,
                Outbox& out);
    void answer(TimePoint now, ClientId client, const control::FailbackRequest& request,
                Outbox& out);
    void answer(TimePoint now, ClientId client, const control::EventsRequest& request, Outbox& out);
    void answer(TimePoint now, ClientId client, const control::ConfigShowRequest& request,
                Outbox& out);
    void answer(TimePoint now, ClientId client, const control::ReloadRequest& request, Outbox& out);
    void answer(TimePoint now, ClientId client, const control::CheckListRequest& request,
                Outbox& out);
    void answer(TimePoint now, ClientId client, const control::CheckRunRequest& request,
                Outbox& out);
    void answer(TimePoint now, ClientId client, const control::MaintenanceRequest& request,
                Outbox& out);
    void set_maintenance(TimePoint now, bool on, std::optional<TimePoint> until, Outbox& out);
    void end_maintenance_if_due(TimePoint now, Outbox& out);
    void finish_failover(TimePoint now, const Waiting& waiting, const std::string& kept,
                         bool orphaned, Outbox& out);

    Surroundings around(Outbox& out);
    Duration lateness(TimePoint now) const;
    void links_changed(TimePoint now, Outbox& out);
    static void want_listener(std::set<Listener>& wanted, Listener listener);
    void address_changed(TimePoint now, InterfaceIndex index, const IpAddress& address,
                         Outbox& out);
    void settle_all(TimePoint now, Outbox& out);
    void settle_users_of_check(TimePoint now, std::size_t check, Outbox& out);
    void settle_services(TimePoint now, Outbox& out);
    void time_checks(TimePoint now, Outbox& out);
    bool settle_service(TimePoint now, std::size_t service, Outbox& out);
    bool run_hooks(TimePoint now, Outbox& out);
    Dependencies dependencies_of(const VipSettings& settings) const;
    void remove_strays(Outbox& out);
    bool is_configured(const KernelView::Key& key) const;

    std::vector<std::size_t> checks_of(const ServiceSettings& service) const;
    void index_vips();

    // The parts of a reload (reload.cpp), in their order. `origins`: for each VIP that is to be,
    // which of the present ones goes on as it.
    void pass_on_addresses(const std::vector<VipSettings>& vips,
                           const std::vector<std::optional<std::size_t>>& origins);
    // All that is leaving (see Vip::leaving).
    std::set<KernelView::Key> leaving(TimePoint now) const;
    void end_vips(TimePoint now, const std::set<std::size_t>& kept, Outbox& out);
    void reload_health(TimePoint now, const ConfigurationChanged& event, Outbox& out);
    void translate_orders(const Configuration& former, const ConfigurationChanged& event,
                          Outbox& out) const;
    void reload_vips(TimePoint now, const std::vector<std::optional<std::size_t>>& origins,
                     Outbox& out);

    bool commands_waiting() const { return !waiting_.empty() || !taking_.empty() || stopping_; }
    // Each returns whether something ended, of which more may follow.
    [[nodiscard]] bool finish_commands(TimePoint now, Outbox& out);
    [[nodiscard]] bool finish_failovers(TimePoint now, Outbox& out);
    [[nodiscard]] bool finish_takeovers(TimePoint now, Outbox& out);
    [[nodiscard]] bool finish_stop(TimePoint now, Outbox& out);
    bool awaits_taker(TimePoint now, std::size_t vip);
    // The VIPs that a request means; an error is answered, and nothing comes back.
    std::optional<std::vector<std::size_t>> select(ClientId client, const std::string& vip,
                                                   Outbox& out) const;
    std::string refusal_of_takeover(TimePoint now, const Vip& vip, bool force) const;
    Duration longest_start(TimePoint now, const std::vector<std::size_t>& vips) const;
    std::string held_by(TimePoint now, const std::vector<std::size_t>& vips) const;

    // Checks and services refer to its parts.
    std::shared_ptr<const Configuration> configuration_;
    TimePoint started_;
    TimePoint handled_;                      // the last event
    Duration shortest_interval_{};           // of all VIPs
    std::set<IpAddress> virtual_addresses_;  // that this node does not own
    KernelView kernel_;
    Listeners listeners_;
    Health health_;
    std::vector<Service> services_;
    EventLog events_;
    HookDesk hooks_;
    std::vector<Vip> vips_;
    std::map<IpAddress, std::vector<std::size_t>> vips_of_address_;
    std::map<std::tuple<InterfaceIndex, Family, vrrp::Vrid>, std::size_t> vips_of_wire_;
    std::array<std::uint64_t, vrrp::discard_kinds> discarded_{};

    bool maintenance_ = false;
    std::optional<TimePoint> maintenance_until_;
    std::vector<Waiting> waiting_;  // failovers
    std::vector<Waiting> taking_;   // takeovers
    bool stopping_ = false;
    bool hurries_ = false;  // asked to stop for the second time
    bool exited_ = false;
    std::vector<std::optional<Farewell>> farewells_;  // by VIP, while it is being given away
};

}  // namespace understudy::core
