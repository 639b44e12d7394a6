#include "tests/sim/virtual_lan.hpp"

#include <algorithm>
#include <utility>

#include "base/ensure.hpp"
#include "base/overloaded.hpp"

namespace understudy::sim {

using namespace core;

// --- host ----------------------------------------------------------------------------------------

VirtualHost::VirtualHost(VirtualLan& lan, std::string name, int number)
    : lan_(lan), name_(std::move(name)), number_(number) {
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        const IpAddress own = address(family);
        const std::uint8_t length = family == Family::ipv4 ? 24 : 64;
        addresses_[{own, length}] = Held{false, lan.now_, std::nullopt};
    }
}

IpAddress VirtualHost::address(Family family) const {
    const std::string number = std::to_string(number_);
    return *IpAddress::parse(family == Family::ipv4 ? "192.0.2." + number : "fe80::" + number);
}

void VirtualHost::start(Configuration configuration) {
    node_ = std::make_unique<Node>(std::move(configuration), lan_.now_);
    frozen_ = exited_ = false;
    observe_kernel();
}

void VirtualHost::observe_kernel() {
    feed(ObservationStarted{});
    feed(LinkSeen{index_, "eth0", up_, {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(number_)}}});
    for (const auto& [prefix, held] : addresses_) {
        seen(prefix, held);
    }
    feed(ObservationComplete{});
}

void VirtualHost::crash() {
    node_.reset();
    listeners_.clear();
    queue_.clear();
    pending_.clear();
    later_.clear();
}

void VirtualHost::freeze() {
    frozen_ = true;
}

void VirtualHost::thaw() {
    frozen_ = false;
    auto queue = std::move(queue_);
    queue_.clear();
    for (auto& [datagram, bytes] : queue) {
        datagram.payload = bytes;
        feed(DatagramReceived{index_, datagram});
    }
    time_passed();
}

void VirtualHost::set_link(bool up) {
    up_ = up;
    feed(LinkSeen{index_, "eth0", up_, {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(number_)}}});
}

void VirtualHost::recreate_link() {
    const int old = index_++;
    std::erase_if(addresses_, [](const auto& entry) { return entry.second.ours; });
    listeners_.clear();
    feed(LinkGone{old});
    feed(LinkSeen{index_, "eth0", up_, {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(number_)}}});
    for (const auto& [prefix, held] : addresses_) {
        seen(prefix, held);
    }
}

void VirtualHost::delete_by_hand(const std::string& text) {
    const IpPrefix prefix = *IpPrefix::parse(text);
    addresses_.erase(prefix);
    feed(AddressGone{index_, prefix});
}

void VirtualHost::add_by_hand(const std::string& text) {
    const IpPrefix prefix = *IpPrefix::parse(text);
    addresses_[prefix] = Held{false, lan_.now_, std::nullopt};
    seen(prefix, addresses_[prefix]);
}

void VirtualHost::break_listeners(bool broken) {
    deaf_ = broken;
    if (broken) {
        for (const Listener& listener : std::exchange(listeners_, {})) {
            feed(ListenerFailed{listener, "broken by the test"});
        }
    }
}

bool VirtualHost::holds(const std::string& prefix) const {
    return addresses_.contains(*IpPrefix::parse(prefix));
}

std::size_t VirtualHost::held_count() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(addresses_, [](const auto& entry) { return entry.second.ours; }));
}

ClientId VirtualHost::send(control::Request request) {
    const ClientId client = next_client_++;
    feed(CommandReceived{client, std::move(request)});
    return client;
}

std::optional<control::Response> VirtualHost::answer(ClientId client) const {
    const auto found = answers_.find(client);
    return found == answers_.end() ? std::nullopt : std::optional{found->second};
}

control::Response VirtualHost::ask(control::Request request) {
    const auto response = answer(send(std::move(request)));
    ensure(response.has_value(), "the question is answered at once");
    return *response;
}

control::VipStatus VirtualHost::vip(const std::string& name) {
    return std::get<control::StatusResponse>(ask(control::StatusRequest{name})).vips.front();
}

std::string VirtualHost::state(const std::string& name) {
    return is_running() ? std::string{control::name_of(vip(name).state)} : "dead";
}

std::vector<std::string> VirtualHost::why(const std::string& name) {
    return std::get<control::WhyResponse>(ask(control::WhyRequest{name})).reasons;
}

void VirtualHost::seen(const IpPrefix& prefix, const Held& held) {
    AddressSeen seen;
    seen.index = index_;
    seen.prefix = prefix;
    seen.ours = held.ours;
    seen.age = lan_.now_ - held.renewed;
    feed(seen);
}

void VirtualHost::feed(const Event& event) {
    if (node_ == nullptr || frozen_) {
        return;
    }
    pending_.push_back(event);
    if (executing_) {
        return;
    }
    executing_ = true;
    Outbox out;
    while (!pending_.empty() && node_ != nullptr) {
        const Event next = std::move(pending_.front());
        pending_.pop_front();
        out.clear();
        node_->handle(lan_.now_, next, out);
        run(out);
    }
    executing_ = false;
}

void VirtualHost::run(Outbox& out) {
    for (const Action& action : out.actions) {
        execute(action, out);
    }
}

void VirtualHost::add(const AddAddress& action) {
    if (refuses_) {
        pending_.push_back(AddressRefused{index_, action.prefix, false, "refused by the test"});
    } else if (addresses_.contains(action.prefix)) {
        pending_.push_back(AddressRefused{index_, action.prefix, true, "File exists"});
    } else {
        Held held{true, lan_.now_, std::nullopt};
        if (action.lease > Duration::zero()) {
            held.expires = lan_.now_ + action.lease;
        }
        addresses_[action.prefix] = held;
        seen(action.prefix, held);
    }
}

void VirtualHost::execute(const Action& action, const Outbox& out) {
    std::visit(
        Overloaded{
            [&](const OpenListener& a) {
                if (deaf_) {
                    pending_.push_back(ListenerFailed{a.listener, "broken by the test"});
                } else {
                    listeners_.push_back(a.listener);
                    pending_.push_back(ListenerOpened{a.listener});
                }
            },
            [&](const CloseListener& a) { std::erase(listeners_, a.listener); },
            [&](const SendAdvert& a) { lan_.send(*this, a, out.payload(a.payload)); },
            [&](const Announce& a) { lan_.announced.push_back({lan_.now_, name_, a.address}); },
            [&](const AddAddress& a) { add(a); },
            [&](const RenewAddress& a) {
                if (auto found = addresses_.find(a.prefix); found != addresses_.end()) {
                    found->second.renewed = lan_.now_;
                    found->second.expires = lan_.now_ + a.lease;
                    seen(a.prefix, found->second);
                }
            },
            [&](const RemoveAddress& a) {
                if (addresses_.erase(a.prefix) > 0) {
                    pending_.push_back(AddressGone{index_, a.prefix});
                }
            },
            [&](const Reply& a) { answers_.insert_or_assign(a.client, a.response); },
            [&](const Log& a) { journal_.push_back(a.text); },
            [&](const Publish& a) { events_.push_back(a.event); },
            [&](const Exit&) { exited_ = true; },
            [&](const auto&) { execute_health(action); },
        },
        action);
}

// --- checks and services -------------------------------------------------------------------------

void VirtualHost::set_check(const std::string& check, bool passes, const std::string& detail) {
    if (passes) {
        failing_.erase(check);
    } else {
        failing_[check] = detail.empty() ? "it fails" : detail;
    }
}

void VirtualHost::set_service(std::size_t service, bool runs) {
    for (const std::string& check : node_->configuration().services.at(service).checks) {
        set_check(check, runs, "connection refused");
    }
}

void VirtualHost::kill_service(const std::string& service) {
    const auto& services = node_->configuration().services;
    for (std::size_t i = 0; i < services.size(); ++i) {
        if (services[i].name == service) {
            set_service(i, false);
        }
    }
}

bool VirtualHost::runs(const std::string& service) const {
    for (const ServiceSettings& settings : node_->configuration().services) {
        if (settings.name == service) {
            return !failing_.contains(settings.checks.front());
        }
    }
    return false;
}

void VirtualHost::execute_health(const Action& action) {
    if (const auto* run = std::get_if<RunCheck>(&action)) {
        const RunCheck order = *run;
        later_.emplace(lan_.now_ + check_takes, [this, order] {
            checks::Outcome outcome;
            const auto found = failing_.find(node_->configuration().checks[order.check].name);
            outcome.passed = found == failing_.end();
            outcome.detail = outcome.passed ? "fine" : found->second;
            if (!prober_silent_) {
                feed(CheckFinished{order.check, order.run, outcome});
            }
        });
    } else if (const auto* start = std::get_if<StartService>(&action)) {
        const StartService order = *start;
        orders_.push_back("start " + node_->configuration().services[order.service].name);
        later_.emplace(lan_.now_ + 1ms, [this, order] {
            feed(ServiceCommandFinished{order.service, order.order, true, ""});
        });
        later_.emplace(lan_.now_ + start_delay_, [this, order] {
            if (start_works_) {
                set_service(order.service, true);
            }
        });
    } else if (const auto* stop = std::get_if<StopService>(&action)) {
        const StopService order = *stop;
        orders_.push_back("stop " + node_->configuration().services[order.service].name);
        set_service(order.service, false);
        later_.emplace(lan_.now_ + 100ms, [this, order] {
            feed(ServiceCommandFinished{order.service, order.order, true, ""});
        });
    } else if (std::holds_alternative<RestartProber>(action)) {
        orders_.emplace_back("restart prober");
        later_.emplace(lan_.now_ + 10ms, [this] { feed(ProberStarted{}); });
    }
}

void VirtualHost::deliver(const vrrp::Datagram& datagram) {
    if (node_ == nullptr || cut_ || !up_) {
        return;
    }
    const bool heard = std::ranges::any_of(listeners_, [&](const Listener& listener) {
        return listener.family == datagram.source.family();
    });
    if (!heard) {
        return;
    }
    if (frozen_) {
        queue_.emplace_back(
            datagram, std::vector<std::byte>(datagram.payload.begin(), datagram.payload.end()));
        return;
    }
    feed(DatagramReceived{index_, datagram});
}

std::optional<TimePoint> VirtualHost::next_deadline() const {
    std::optional<TimePoint> earliest;
    if (node_ != nullptr && !frozen_ && !exited_) {
        earliest = node_->next_deadline();
    }
    if (!later_.empty() && !frozen_) {
        earliest = earliest ? std::min(*earliest, later_.begin()->first) : later_.begin()->first;
    }
    for (const auto& [prefix, held] : addresses_) {
        if (held.expires) {
            earliest = earliest ? std::min(*earliest, *held.expires) : *held.expires;
        }
    }
    return earliest;
}

void VirtualHost::time_passed() {
    for (auto it = addresses_.begin(); it != addresses_.end();) {
        if (it->second.expires && *it->second.expires <= lan_.now_) {
            const IpPrefix prefix = it->first;
            it = addresses_.erase(it);
            feed(AddressGone{index_, prefix});
        } else {
            ++it;
        }
    }
    if (node_ == nullptr || frozen_ || exited_) {
        return;
    }
    while (!later_.empty() && later_.begin()->first <= lan_.now_) {
        const auto entry = later_.extract(later_.begin());
        entry.mapped()();
    }
    const auto deadline = node_->next_deadline();
    if (deadline && *deadline <= lan_.now_) {
        feed(TimePassed{});
        const auto next = node_->next_deadline();
        ensure(!next || *next > lan_.now_, "no deadline stays in the past");
    }
}

// --- LAN -----------------------------------------------------------------------------------------

VirtualHost& VirtualLan::add(const std::string& name) {
    const int number = static_cast<int>(hosts_.size()) + 1;
    return *hosts_.emplace_back(std::make_unique<VirtualHost>(*this, name, number));
}

void VirtualLan::send(VirtualHost& from, const core::SendAdvert& advert,
                      std::span<const std::byte> payload) {
    const vrrp::Datagram datagram{advert.source, advert.destination, vrrp::required_ttl, payload};
    const auto received = vrrp::decode(datagram);
    ensure(received.has_value(), "what a Node sends can be decoded");
    adverts.push_back({now_, from.name_, advert.source, advert.destination, *received});
    if (!from.cut_ && from.up_) {
        flights_.push_back({now_ + latency,
                            &from,
                            advert.source,
                            advert.destination,
                            {payload.begin(), payload.end()}});
    }
}

std::optional<TimePoint> VirtualLan::next_deadline() const {
    std::optional<TimePoint> earliest;
    if (!flights_.empty()) {
        earliest = flights_.front().at;
    }
    for (const auto& host : hosts_) {
        if (const auto at = host->next_deadline()) {
            earliest = earliest ? std::min(*earliest, *at) : *at;
        }
    }
    return earliest;
}

void VirtualLan::step(TimePoint at) {
    now_ = std::max(now_, at);
    while (!flights_.empty() && flights_.front().at <= now_) {
        const Flight flight = std::move(flights_.front());
        flights_.pop_front();
        for (const auto& host : hosts_) {
            const bool addressed = flight.destination.is_multicast() ||
                                   flight.destination == host->address(flight.source.family());
            if (host.get() != flight.from && addressed) {
                host->deliver(
                    {flight.source, flight.destination, vrrp::required_ttl, flight.payload});
            }
        }
    }
    for (const auto& host : hosts_) {
        host->time_passed();
    }
    if (after_step) {
        after_step();
    }
}

void VirtualLan::run_for(Duration duration) {
    run_until([] { return false; }, duration);
}

bool VirtualLan::run_until(const std::function<bool()>& condition, Duration limit) {
    const TimePoint end = now_ + limit;
    while (!condition()) {
        const auto next = next_deadline();
        if (!next || *next > end) {
            now_ = end;
            return condition();
        }
        step(*next);
    }
    return true;
}

std::vector<std::string> VirtualLan::holders(const std::string& prefix) const {
    std::vector<std::string> names;
    for (const auto& host : hosts_) {
        if (host->holds(prefix)) {
            names.push_back(host->name_);
        }
    }
    return names;
}

core::Configuration web(vrrp::Priority priority, Duration interval) {
    VipSettings vip;
    vip.name = "web";
    vip.interface = "eth0";
    vip.vrid = 51;
    vip.priority = priority;
    vip.advert_interval = interval;
    vip.addresses.push_back({*IpPrefix::parse("192.0.2.10/24"), "eth0", true, false});
    vip.lease = default_lease(interval);
    Configuration configuration;
    configuration.agent.name = "lb";
    configuration.vips.push_back(vip);
    return configuration;
}

}  // namespace understudy::sim
