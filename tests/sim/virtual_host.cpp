#include "tests/sim/virtual_host.hpp"

#include <algorithm>
#include <utility>

#include "agent/core/reload.hpp"
#include "base/ensure.hpp"
#include "base/overloaded.hpp"
#include "tests/sim/virtual_lan.hpp"

namespace understudy::sim {

using namespace core;

VirtualHost::VirtualHost(VirtualLan& lan, std::string name, int number)
    : lan_(lan), name_(std::move(name)), number_(number) {
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        const IpAddress own = address(family);
        const std::uint8_t length = family == Family::ipv4 ? 24 : 64;
        put({own, length}, Held{false, lan.now_, std::nullopt});
    }
}

void VirtualHost::put(const IpPrefix& prefix, Held held) {
    held.order = next_order_++;
    addresses_[prefix] = held;
}

// Who has the higher address in one family has the lower one in the other.
IpAddress VirtualHost::address(Family family, int number) {
    return *IpAddress::parse(family == Family::ipv4 ? "192.0.2." + std::to_string(number)
                                                    : "fe80::" + std::to_string(99 - number));
}

void VirtualHost::start(Configuration configuration) {
    node_ = std::make_unique<Node>(std::move(configuration), lan_.now_);
    frozen_ = exited_ = is_deadline_known_ = false;
    const auto& [on, until] = kept_maintenance_;
    if (on && (!until || *until > lan_.now_)) {
        const auto left = until ? std::optional{*until - lan_.now_} : std::nullopt;
        feed(CommandReceived{0, control::MaintenanceRequest{true, left}});
    }
    observe_kernel();
}

LinkSeen VirtualHost::link() const {
    return {index_, "eth0", up_, {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(number_)}}};
}

void VirtualHost::observe_kernel() {
    if (frozen_) {  // it reads when it runs
        observes_later_ = true;
        return;
    }
    observes_later_ = false;
    ++reading_;  // what was not told yet is lost, or older than what is read now, at once
    untold_ = 0;
    is_reading_ = true;
    feed(ObservationStarted{});
    feed(link());
    for (const IpPrefix& prefix : as_the_kernel_shows_them()) {
        feed(sight_of(prefix, addresses_.at(prefix)));
    }
    is_reading_ = false;
    feed(ObservationComplete{});
}

// IPv4 in the order in which they were added, IPv6 the newest first.
std::vector<IpPrefix> VirtualHost::as_the_kernel_shows_them() const {
    std::vector<IpPrefix> prefixes;
    for (const auto& [prefix, held] : addresses_) {
        prefixes.push_back(prefix);
    }
    std::ranges::sort(prefixes, {}, [&](const IpPrefix& prefix) {
        const std::uint64_t order = addresses_.at(prefix).order;
        return std::pair{prefix.address.is_v6(), prefix.address.is_v6() ? ~order : order};
    });
    return prefixes;
}

void VirtualHost::crash() {
    node_.reset();
    listeners_.clear();
    queue_.clear();
    pending_.clear();
    later_.clear();
    renewing_.clear();
    untold_ = 0;
    told_until_ = {};
    is_deadline_known_ = false;
}

void VirtualHost::reload(Configuration configuration) {
    feed(core::change_of(node_->configuration(),
                         std::make_shared<const Configuration>(std::move(configuration))));
}

void VirtualHost::freeze() {
    frozen_ = true;
    is_deadline_known_ = false;
}

void VirtualHost::thaw() {
    frozen_ = is_deadline_known_ = false;
    while (!queue_.empty()) {
        auto [event, bytes] = std::move(queue_.front());
        queue_.pop_front();
        if (auto* received = std::get_if<DatagramReceived>(&event)) {
            received->datagram.payload = bytes;
        }
        feed(event);
    }
    if (observes_later_) {
        observe_kernel();
    }
    time_passed();
}

void VirtualHost::set_link(bool up) {
    up_ = up;
    tell(link());
}

void VirtualHost::recreate_link() {
    const int old = index_++;
    std::erase_if(addresses_, [](const auto& entry) { return entry.second.ours; });
    is_deadline_known_ = false;
    listeners_.clear();
    if (lan_.witness != nullptr) {
        lan_.witness->link_recreated(*this);
    }
    tell(LinkGone{old});
    tell(link());
    for (const auto& [prefix, held] : addresses_) {
        seen(prefix, held);
    }
}

void VirtualHost::delete_by_hand(const std::string& text) {
    const IpPrefix prefix = *IpPrefix::parse(text);
    take_away(prefix, Witness::Why::by_hand);
}

void VirtualHost::add_by_hand(const std::string& text, AddressFlags flags) {
    const IpPrefix prefix = *IpPrefix::parse(text);
    put(prefix, Held{.renewed = lan_.now_, .expires = std::nullopt, .flags = flags});
    seen(prefix, addresses_[prefix]);
}

void VirtualHost::change_flags(const std::string& text, AddressFlags flags) {
    const IpPrefix prefix = *IpPrefix::parse(text);
    Held& held = addresses_.at(prefix);
    held.flags = flags;
    seen(prefix, held);
}

void VirtualHost::set_own_addresses(bool there) {
    for (const auto& [family, length] : {std::pair{Family::ipv4, "/24"}, {Family::ipv6, "/64"}}) {
        const std::string own = address(family).to_string() + length;
        if (there && !holds(own)) {
            add_by_hand(own);
        } else if (!there) {
            delete_by_hand(own);
        }
    }
}

void VirtualHost::break_listeners(bool broken) {
    deaf_ = broken;
    if (broken) {
        for (const Listener& listener : std::exchange(listeners_, {})) {
            feed(ListenerFailed{listener, "broken by the test"});
        }
    }
}

bool VirtualHost::has_ours(const IpPrefix& prefix) const {
    const auto found = addresses_.find(prefix);
    return found != addresses_.end() && found->second.ours;
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
    if (last_answer_ && last_answer_->first == client) {
        return last_answer_->second;
    }
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

AddressSeen VirtualHost::sight_of(const IpPrefix& prefix, const Held& held) const {
    AddressSeen seen;
    seen.index = index_;
    seen.prefix = prefix;
    seen.ours = held.ours;
    seen.age = lan_.now_ - held.renewed;
    seen.tentative = held.flags.tentative;
    seen.duplicate = held.flags.duplicate;
    seen.deprecated = held.flags.deprecated;
    seen.secondary = held.flags.secondary;
    return seen;
}

bool VirtualHost::has_address(const IpAddress& address) const {
    return std::ranges::any_of(addresses_, [&](const auto& entry) {
        return entry.first.address == address && !entry.second.ours;
    });
}

void VirtualHost::seen(const IpPrefix& prefix, const Held& held) {
    tell(sight_of(prefix, held));
}

void VirtualHost::tell(Event event) {
    const TimePoint at = lan_.now_ + kernel_delay_;
    if (at == lan_.now_ && untold_ == 0 && !frozen_) {
        feed(event);
        return;
    }
    // After what it has told before.
    told_until_ = std::max(told_until_, at);
    ++untold_;
    later(told_until_ - lan_.now_, [this, reading = reading_, event = std::move(event)] {
        if (reading == reading_) {
            --untold_;
            feed(event);
        }
    });
}

void VirtualHost::later(Duration delay, std::function<void()> what) {
    is_deadline_known_ = false;
    later_.emplace(lan_.now_ + delay, std::move(what));
}

void VirtualHost::feed(const Event& event) {
    if (node_ == nullptr || exited_) {
        return;
    }
    if (frozen_) {
        std::vector<std::byte> bytes;
        if (const auto* received = std::get_if<DatagramReceived>(&event)) {
            const auto payload = received->datagram.payload;
            bytes.assign(payload.begin(), payload.end());
        }
        queue_.emplace_back(event, std::move(bytes));
        return;
    }
    if (executing_) {
        pending_.push_back(event);
        return;
    }
    executing_ = true;
    handle(event);
    constexpr int most_at_once = 10'000;
    for (int i = 0; !pending_.empty() && !exited_; ++i) {
        if (i == most_at_once) {
            ensure(lan_.witness != nullptr, "an event has an end");
            lan_.witness->spins(*this);
            pending_.clear();
            break;
        }
        const Event next = std::move(pending_.front());
        pending_.pop_front();
        handle(next);
    }
    executing_ = false;
}

void VirtualHost::handle(const Event& event) {
    outbox_.clear();
    if (before_event) {
        before_event(*node_);
    }
    node_->handle(lan_.now_, event, outbox_);
    if (recorder) {
        recorder(lan_.now_, event, outbox_);
    }
    is_deadline_known_ = false;
    if (after_event) {
        after_event(*node_);
    }
    for (const Action& action : outbox_.actions) {
        execute(action, outbox_);
    }
}

void VirtualHost::execute(const Action& action, const Outbox& out) {
    std::visit(Overloaded{
                   [&](const OpenListener& a) {
                       if (deaf_) {
                           feed(ListenerFailed{a.listener, "broken by the test"});
                       } else {
                           listeners_.push_back(a.listener);
                           feed(ListenerOpened{a.listener});
                       }
                   },
                   [&](const CloseListener& a) { std::erase(listeners_, a.listener); },
                   [&](const SendAdvert& a) { lan_.send(*this, a, out.payload(a.payload)); },
                   [&](const Announce& a) { lan_.announce(*this, a.address); },
                   [&](const AddAddress& a) { add(a); },
                   [&](const RenewAddress& a) { renew(a); },
                   [&](const RemoveAddress& a) {
                       if (a.interface == index_) {
                           take_away(a.prefix, Witness::Why::released);
                       }
                   },
                   [&](const Reply& a) {
                       if (lan_.keeps_history) {
                           answers_.insert_or_assign(a.client, a.response);
                       }
                       last_answer_ = {a.client, a.response};
                   },
                   [&](const Log& a) {
                       if (lan_.keeps_history) {
                           journal_.push_back(a.text);
                       }
                       if (lan_.witness != nullptr) {
                           lan_.witness->logged(*this, a.text);
                       }
                   },
                   [&](const Publish& a) {
                       if (lan_.keeps_history) {
                           events_.push_back(a.event);
                       }
                       if (lan_.witness != nullptr) {
                           lan_.witness->published(*this, a.event);
                       }
                   },
                   [&](const KeepMaintenance& a) { kept_maintenance_ = a; },
                   [&](const Exit&) { exited_ = true; },
                   [&](const auto&) { execute_health(action); },
               },
               action);
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
    feed(DatagramReceived{index_, datagram});
}

std::optional<TimePoint> VirtualHost::next_deadline() {
    if (is_deadline_known_) {
        return deadline_;
    }
    std::optional<TimePoint> earliest;
    const auto consider = [&](const std::optional<TimePoint>& at) {
        if (at) {
            earliest = earliest ? std::min(*earliest, *at) : *at;
        }
    };
    if (node_ != nullptr && !frozen_ && !exited_) {
        consider(node_->next_deadline());
        if (!later_.empty()) {
            consider(later_.begin()->first);
        }
    }
    for (const auto& [prefix, held] : addresses_) {
        consider(held.expires);
    }
    is_deadline_known_ = true;
    deadline_ = earliest;
    return earliest;
}

void VirtualHost::expire_addresses() {
    std::vector<IpPrefix> over;
    for (const auto& [prefix, held] : addresses_) {
        if (held.expires && *held.expires <= lan_.now_) {
            over.push_back(prefix);
        }
    }
    for (const IpPrefix& prefix : over) {
        take_away(prefix, Witness::Why::expired);
    }
}

void VirtualHost::time_passed() {
    if (const auto due = next_deadline(); !due || *due > lan_.now_) {
        return;
    }
    is_deadline_known_ = false;
    expire_addresses();
    if (node_ == nullptr || frozen_ || exited_) {
        return;
    }
    while (!later_.empty() && later_.begin()->first <= lan_.now_) {
        const auto entry = later_.extract(later_.begin());
        entry.mapped()();
    }
    if (exited_) {
        return;
    }
    const auto deadline = node_->next_deadline();
    if (deadline && *deadline <= lan_.now_) {
        feed(TimePassed{});
        const auto next = node_->next_deadline();
        if (next && *next <= lan_.now_ && !exited_) {
            ensure(lan_.witness != nullptr, "no deadline stays in the past");
            lan_.witness->spins(*this);
        }
    }
}

}  // namespace understudy::sim
