#include "agent/core/node.hpp"

#include <algorithm>
#include <utility>

#include "agent/core/narration.hpp"
#include "agent/core/node_impl.hpp"
#include "agent/core/source_address.hpp"
#include "base/overloaded.hpp"

namespace understudy::core {

// --- the facade ----------------------------------------------------------------------------------

Node::Node(Configuration configuration, TimePoint now)
    : impl_(std::make_unique<Impl>(std::move(configuration), now)) {}
Node::~Node() = default;
Node::Node(const Node& other) : impl_(std::make_unique<Impl>(*other.impl_)) {}
Node& Node::operator=(const Node& other) {
    return *this = Node{other};
}
Node::Node(Node&&) noexcept = default;
Node& Node::operator=(Node&&) noexcept = default;

void Node::handle(TimePoint now, const Event& event, Outbox& out) {
    impl_->handle(now, event, out);
}
std::optional<TimePoint> Node::next_deadline() const {
    return impl_->next_deadline();
}
std::string Node::summary() const {
    return impl_->summary();
}
std::size_t Node::active_vips() const {
    return impl_->active_vips();
}
const Configuration& Node::configuration() const {
    return impl_->configuration();
}

// --- construction --------------------------------------------------------------------------------

Node::Impl::Impl(Configuration configuration, TimePoint now)
    : configuration_(std::make_shared<const Configuration>(std::move(configuration))),
      started_(now),
      handled_(now),
      health_(configuration_->checks, now) {
    hooks_.node = configuration_->agent.name;
    for (const ServiceSettings& service : configuration_->services) {
        services_.emplace_back(service, checks_of(service), services_.size());
    }
    virtual_addresses_ = addresses_that_move(*configuration_);
    for (const VipSettings& settings : configuration_->vips) {
        vips_.emplace_back(settings, dependencies_of(settings), now);
    }
    index_vips();
}

std::vector<std::size_t> Node::Impl::checks_of(const ServiceSettings& service) const {
    std::vector<std::size_t> checks;
    for (const std::string& name : service.checks) {
        if (const auto check = health_.find(name)) {
            checks.push_back(*check);
        }
    }
    return checks;
}

void Node::Impl::index_vips() {
    vips_of_address_.clear();
    for (std::size_t i = 0; i < vips_.size(); ++i) {
        for (const VirtualAddress& address : vips_[i].settings().addresses) {
            auto& users = vips_of_address_[address.prefix.address];
            if (users.empty() || users.back() != i) {
                users.push_back(i);
            }
        }
    }
    const auto shortest =
        std::ranges::min_element(configuration_->vips, {}, &VipSettings::advert_interval);
    shortest_interval_ =
        shortest == configuration_->vips.end() ? Duration{} : shortest->advert_interval;
}

Dependencies Node::Impl::dependencies_of(const VipSettings& settings) const {
    Dependencies dependencies;
    for (const Track& track : settings.tracks) {
        if (const auto check = health_.find(track.check)) {
            dependencies.checks.push_back({*check, track.weight});
        }
    }
    const auto service =
        std::ranges::find(configuration_->services, settings.service, &ServiceSettings::name);
    if (service != configuration_->services.end()) {
        dependencies.service = static_cast<std::size_t>(service - configuration_->services.begin());
    }
    return dependencies;
}

// --- events --------------------------------------------------------------------------------------

void Node::Impl::handle(TimePoint now, const Event& event, Outbox& out) {
    out.log_level = configuration_->agent.log_level;
    const std::size_t first = out.actions.size();
    if (out.logs(LogLevel::debug)) {
        narrate(event, kernel_, *configuration_, out);
    }
    if (const Duration late = lateness(now); late > Duration::zero()) {
        for (Vip& vip : vips_) {
            vip.resume(now, late, around(out));
        }
        time_checks(now, out);  // what was known may be too old
    }
    handled_ = now;
    std::visit([&](const auto& what) { on(now, what, out); }, event);
    const bool commands = !std::holds_alternative<DatagramReceived>(event) || commands_waiting();
    for (bool changed = true; changed;) {
        settle_services(now, out);
        changed = commands && finish_commands(now, out);
        changed = run_hooks(now, out) || changed;
    }
    if (out.logs(LogLevel::debug)) {
        narrate_actions(first, kernel_, *configuration_, out);
    }
}

// Since when a deadline waits: this process was stopped, or the machine was. What is shorter than
// every interval is nobody's concern.
Duration Node::Impl::lateness(TimePoint now) const {
    if (now - handled_ <= shortest_interval_) {
        return Duration::zero();
    }
    const auto due = next_deadline();
    return due && now > *due ? now - *due : Duration::zero();
}

Surroundings Node::Impl::around(Outbox& out) {
    return Surroundings{kernel_, listeners_, health_, services_, virtual_addresses_,
                        events_, hooks_,     out};
}

void Node::Impl::on(TimePoint now, const TimePassed&, Outbox& out) {
    listeners_.time_passed(now, out);
    end_maintenance_if_due(now, out);
    for (Vip& vip : vips_) {
        if (const auto deadline = vip.next_deadline(); deadline && now >= *deadline) {
            vip.time_passed(now, around(out));
        }
    }
    // After the advertisements: what is due to be checked can wait, they cannot.
    time_checks(now, out);
}

void Node::Impl::on(TimePoint, const ObservationStarted&, Outbox&) {
    kernel_.observation_started();
}

void Node::Impl::on(TimePoint now, const ObservationComplete&, Outbox& out) {
    kernel_.observation_complete();
    remove_strays(out);
    links_changed(now, out);
}

void Node::Impl::on(TimePoint now, const LinkSeen& link, Outbox& out) {
    const Link* known = kernel_.link(link.index);
    const bool same = known != nullptr && known->name == link.name && known->up == link.up &&
                      known->mac == link.mac;
    kernel_.seen(link);
    if (!same && kernel_.is_complete()) {
        links_changed(now, out);
    }
}

void Node::Impl::on(TimePoint now, const LinkGone& link, Outbox& out) {
    kernel_.gone(link);
    if (kernel_.is_complete()) {
        links_changed(now, out);
    }
}

void Node::Impl::on(TimePoint now, const AddressSeen& address, Outbox& out) {
    if (kernel_.seen(now, address) && kernel_.is_complete()) {
        address_changed(now, address.index, address.prefix.address, out);
    }
}

void Node::Impl::on(TimePoint now, const AddressGone& address, Outbox& out) {
    if (kernel_.gone(address) && kernel_.is_complete()) {
        address_changed(now, address.index, address.prefix.address, out);
    }
}

void Node::Impl::on(TimePoint now, const ListenerOpened& event, Outbox& out) {
    listeners_.opened(event.listener);
    settle_all(now, out);
}

void Node::Impl::on(TimePoint now, const ListenerFailed& event, Outbox& out) {
    listeners_.failed(now, event.listener, event.error);
    settle_all(now, out);
}

void Node::Impl::on(TimePoint now, const DatagramReceived& event, Outbox& out) {
    const vrrp::Datagram& datagram = event.datagram;
    const auto vrid = vrrp::peek_vrid(datagram.payload);
    if (vrid) {
        const auto found = vips_of_wire_.find({event.interface, datagram.source.family(), *vrid});
        if (found != vips_of_wire_.end()) {
            vips_[found->second].receive(now, datagram, around(out));
            return;
        }
    }
    // It belongs to no VIP of this node: somebody else's virtual router, or noise.
    const auto received = vrrp::decode(datagram);
    const vrrp::Discard reason = received ? vrrp::Discard::vrid : received.error();
    ++discarded_.at(static_cast<std::size_t>(reason));
    if (out.logs(LogLevel::trace)) {
        log(out, LogLevel::trace,
            "discarded the datagram from " + datagram.source.to_string() + ": " +
                std::string{vrrp::name_of(reason)} + ", and of no VIP of this node");
    }
}

void Node::Impl::on(TimePoint now, const SendFailed& event, Outbox& out) {
    const auto found = vips_of_wire_.find({event.interface, event.family, event.vrid});
    if (found != vips_of_wire_.end()) {
        vips_[found->second].send_failed(now, event.error, around(out));
    }
}

void Node::Impl::on(TimePoint now, const AddressRefused& refusal, Outbox& out) {
    const auto found = vips_of_address_.find(refusal.prefix.address);
    if (found == vips_of_address_.end()) {
        return;
    }
    for (const std::size_t index : found->second) {
        vips_[index].refused(now, refusal, around(out));
    }
}

void Node::Impl::on(TimePoint now, const CheckFinished& event, Outbox& out) {
    if (health_.finished(now, event, out)) {
        settle_users_of_check(now, event.check, out);
    }
}

void Node::Impl::on(TimePoint now, const ProberStarted&, Outbox&) {
    health_.prober_started(now);
}

void Node::Impl::on(TimePoint now, const ServiceCommandFinished& event, Outbox& out) {
    if (event.service < services_.size() &&
        services_[event.service].finished(now, event, health_, out)) {
        settle_all(now, out);
    }
}

void Node::Impl::on(TimePoint now, const HookFinished& event, Outbox& out) {
    std::ranges::find_if(vips_,
                         [&](Vip& vip) { return vip.hook_finished(now, event, around(out)); });
}

// --- what follows --------------------------------------------------------------------------------

void Node::Impl::links_changed(TimePoint now, Outbox& out) {
    for (Vip& vip : vips_) {
        vip.observe_all(now, around(out));
    }
    std::set<Listener> wanted;
    vips_of_wire_.clear();
    for (std::size_t i = 0; i < vips_.size(); ++i) {
        const Link* link = kernel_.link(vips_[i].interface());
        const VipSettings& settings = vips_[i].settings();
        for (const Family family : {Family::ipv4, Family::ipv6}) {
            if (link == nullptr || !settings.has_family(family)) {
                continue;
            }
            vips_of_wire_[{link->index, family, settings.vrid}] = i;
            if (link->up) {
                want_listener(wanted, {family, link->index, !settings.is_unicast()});
            }
        }
    }
    listeners_.want(now, wanted, out);
    settle_all(now, out);
}

// One socket for each interface and family: a member of the group if any VIP there needs it.
void Node::Impl::want_listener(std::set<Listener>& wanted, Listener listener) {
    Listener other = listener;
    other.multicast = !listener.multicast;
    if (wanted.erase(other) > 0) {
        listener.multicast = true;
    }
    wanted.insert(listener);
}

void Node::Impl::address_changed(TimePoint now, InterfaceIndex index, const IpAddress& address,
                                 Outbox& out) {
    const auto found = vips_of_address_.find(address);
    if (found == vips_of_address_.end()) {
        settle_all(now, out);  // it may be a source, or have been one
        return;
    }
    for (const std::size_t vip : found->second) {
        vips_[vip].observe(now, index, address, around(out));
    }
    if (!virtual_addresses_.contains(address)) {
        settle_all(now, out);  // an owner's: a source for all
    }
}

void Node::Impl::settle_all(TimePoint now, Outbox& out) {
    for (Vip& vip : vips_) {
        vip.settle(now, around(out));
    }
}

void Node::Impl::settle_users_of_check(TimePoint now, std::size_t check, Outbox& out) {
    const std::string& name = configuration_->checks[check].name;
    for (Vip& vip : vips_) {
        const auto& tracks = vip.settings().tracks;
        const auto service = vip.dependencies().service;
        bool uses = std::ranges::find(tracks, name, &Track::check) != tracks.end();
        if (service) {
            const auto& checks = configuration_->services[*service].checks;
            uses = uses || std::ranges::find(checks, name) != checks.end();
        }
        if (uses) {
            vip.settle(now, around(out));
        }
    }
}

// What the VIPs want may change a service, and that may change what the VIPs want: it settles at
// the latest when the promotion is decided, which takes one more round than there are steps to it.
void Node::Impl::settle_services(TimePoint now, Outbox& out) {
    constexpr int rounds = 4;
    for (int round = 0; round < rounds; ++round) {
        bool changed = false;
        for (std::size_t i = 0; i < services_.size(); ++i) {
            changed = settle_service(now, i, out) || changed;
        }
        if (!changed) {
            break;
        }
        time_checks(now, out);  // a check that somebody waits for now runs now
    }
}

// Runs the checks that are due. One whose last outcome is too old is unknown from now on, which
// concerns every VIP that needs it, whatever the event was about.
void Node::Impl::time_checks(TimePoint now, Outbox& out) {
    if (health_.time_passed(now, out)) {
        settle_all(now, out);
    }
}

bool Node::Impl::settle_service(TimePoint now, std::size_t service, Outbox& out) {
    Demand demand = Demand::none;
    for (const Vip& vip : vips_) {
        if (vip.dependencies().service == service) {
            const Demand wanted = vip.demand();
            demand = demand == Demand::run || wanted == Demand::none ? demand : wanted;
        }
    }
    if (!services_[service].settle(now, demand, health_, out)) {
        return false;
    }
    for (Vip& vip : vips_) {
        if (vip.dependencies().service == service) {
            vip.settle(now, around(out));
        }
    }
    return true;
}

// After everything else that an event has led to: a hook finds what it is told of. True if one that
// a reload has struck ended at once, of which something may follow.
bool Node::Impl::run_hooks(TimePoint now, Outbox& out) {
    bool ended = false;
    if (std::exchange(hooks_.stirred, false)) {
        for (Vip& vip : vips_) {
            ended = vip.run_hooks(now, around(out)) || ended;
        }
    }
    return ended;
}

// Addresses that an agent of this kind put there and that the configuration no longer names.
void Node::Impl::remove_strays(Outbox& out) {
    for (const auto& [key, observed] : kernel_.addresses()) {
        if (!observed.ours || is_configured(key)) {
            continue;
        }
        const Link* link = kernel_.link(key.first);
        log(out, LogLevel::warn,
            "removes " + key.second.to_string() + " from " + (link ? link->name : "an interface") +
                ": left by a former agent, and not configured");
        out.actions.emplace_back(RemoveAddress{key.first, key.second});
    }
}

bool Node::Impl::is_configured(const KernelView::Key& key) const {
    const Link* link = kernel_.link(key.first);
    for (const Vip& vip : vips_) {
        for (const VirtualAddress& address : vip.settings().addresses) {
            if (link != nullptr && address.prefix == key.second &&
                address.interface == link->name) {
                return true;
            }
        }
    }
    return false;
}

// --- what is asked -------------------------------------------------------------------------------

std::optional<TimePoint> Node::Impl::next_deadline() const {
    std::optional<TimePoint> earliest = listeners_.next_deadline();
    const auto consider = [&](const std::optional<TimePoint>& at) {
        if (at) {
            earliest = earliest ? std::min(*earliest, *at) : *at;
        }
    };
    for (const Vip& vip : vips_) {
        consider(vip.next_deadline());
    }
    consider(health_.next_deadline());
    for (const Service& service : services_) {
        consider(service.next_deadline());
    }
    consider(maintenance_until_);
    for (const Waiting& waiting : waiting_) {
        consider(waiting.deadline);
    }
    for (const Waiting& taking : taking_) {
        consider(taking.deadline);
    }
    for (const std::optional<Farewell>& farewell : farewells_) {
        if (farewell) {
            consider(farewell->until);
        }
    }
    return earliest;
}

std::size_t Node::Impl::active_vips() const {
    return static_cast<std::size_t>(std::ranges::count_if(vips_, &Vip::is_active));
}

std::string Node::Impl::summary() const {
    std::array<std::size_t, 5> counts{};
    for (const Vip& vip : vips_) {
        ++counts.at(static_cast<std::size_t>(vip.state()));
    }
    std::string text;
    for (const auto state : {control::State::active, control::State::promoting,
                             control::State::backup, control::State::fault, control::State::init}) {
        const std::size_t count = counts.at(static_cast<std::size_t>(state));
        if (count == 0) {
            continue;
        }
        text += text.empty() ? "" : ", ";
        text += std::to_string(count) + ' ';
        text += control::name_of(state);
    }
    return text.empty() ? "no VIP" : text;
}

}  // namespace understudy::core
