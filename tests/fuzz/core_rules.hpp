// What must hold of a Node whatever it is told: judged from the events that it was given and the
// actions that came back, with nothing of the Node's own code.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "agent/core/node.hpp"
#include "base/ensure.hpp"
#include "base/overloaded.hpp"
#include "vrrp/advertisement.hpp"

namespace understudy::fuzz {

using Key = std::pair<core::InterfaceIndex, IpPrefix>;

// Of one event, with two VIPs of at most five addresses: a multiple of what a change of all of them
// takes, and far less than a loop would give.
inline constexpr std::size_t most_actions = 200;

class Rules {
public:
    explicit Rules(const core::Configuration& configuration) : configuration_(configuration) {
        for (const core::VipSettings& vip : configuration.vips) {
            states_[vip.name] = control::State::init;
        }
    }

    // Before the Node handles it.
    void told(TimePoint now, const core::Event& event) {
        now_ = now;
        std::visit(Overloaded{
                       [&](const core::LinkSeen& e) { names_[e.index] = e.name; },
                       [&](const core::LinkGone& e) { forget(e.index); },
                       [&](const core::AddressSeen& e) { seen(e); },
                       [&](const core::AddressGone& e) { gone({e.index, e.prefix}); },
                       [&](const core::AddressRefused& e) { refused(e); },
                       [&](const core::ObservationStarted&) { start_observation(); },
                       [&](const core::ObservationComplete&) { end_observation(); },
                       [&](const core::CommandReceived& e) { asking_.insert(e.client); },
                       [&](const core::HookFinished& e) {
                           std::erase_if(hooks_,
                                         [&](const auto& run) { return run.second == e.order; });
                       },
                       [&](const core::StopRequested&) { ++stop_requests_; },
                       [](const auto&) {},
                   },
                   event);
    }

    // What came of it.
    void check(const core::Outbox& out) {
        ensure(out.actions.size() <= most_actions, "an event has a bounded number of actions");
        bool exits = false;
        std::set<std::string> active_before = active();
        announced_for_.clear();
        for (const core::Action& action : out.actions) {
            std::visit([&](const auto& a) { check(a, out); }, action);
            exits = exits || std::holds_alternative<core::Exit>(action);
        }
        active_before.merge(active());
        for (const std::string& vip : announced_for_) {
            ensure(active_before.contains(vip) || was_active_.contains(vip),
                   "only who is active announces");
        }
        was_active_.clear();
        exited_ = exited_ || exits;
        ensure(stop_requests_ < 2 || exited_, "the second request to stop ends it at once");
    }

    bool exited() const { return exited_; }

private:
    // --- what was told ---
    void seen(const core::AddressSeen& e) {
        const Key key{e.index, e.prefix};
        stale_.erase(key);
        (e.ours ? ours_ : foreign_).insert(key);
        (e.ours ? foreign_ : ours_).erase(key);
        if (e.ours) {
            claimed_.insert(key);
        }
    }
    void gone(const Key& key) {
        ours_.erase(key);
        foreign_.erase(key);
        removed_.erase(key);
    }
    // Not there, or somebody else's, though that ours went may not have been told.
    void refused(const core::AddressRefused& e) { removed_.insert({e.index, e.prefix}); }
    void forget(core::InterfaceIndex index) {
        const auto is_there = [&](const Key& key) { return key.first == index; };
        for (auto* keys : {&ours_, &foreign_, &removed_, &claimed_}) {
            std::erase_if(*keys, is_there);
        }
        names_.erase(index);
    }
    void start_observation() {
        stale_ = ours_;
        stale_.insert(foreign_.begin(), foreign_.end());
        complete_ = false;
    }
    void end_observation() {
        for (const Key& key : std::exchange(stale_, {})) {
            gone(key);
        }
        complete_ = true;
    }

    // --- what it did ---
    void check(const core::OpenListener& a, const core::Outbox&) {
        ensure(open_.insert(a.listener).second, "no socket is opened twice");
    }
    void check(const core::CloseListener& a, const core::Outbox&) {
        ensure(open_.erase(a.listener) == 1, "only an open socket is closed");
    }
    void check(const core::SendAdvert& a, const core::Outbox& out) {
        const core::VipSettings* vip = nullptr;
        for (const core::VipSettings& each : configuration_.vips) {
            vip = each.vrid == a.vrid ? &each : vip;
        }
        ensure(vip != nullptr, "an advertisement is for a VIP of this node");
        vrrp::Datagram datagram;
        datagram.source = a.source;
        datagram.destination = a.destination;
        datagram.ttl = vrrp::required_ttl;
        datagram.payload = out.payload(a.payload);
        const auto received = vrrp::decode(datagram);
        ensure(received.has_value(), "what is sent can be received");
        ensure(received->vrid == a.vrid && received->version == vip->version &&
                   received->interval == vip->advert_interval,
               "it says what is configured");
        if (received->priority == vrrp::resignation_priority) {
            ensure(!holds_any(*vip), "nobody resigns who has not released");
        }
    }
    void check(const core::Announce& a, const core::Outbox&) {
        for (const core::VipSettings& vip : configuration_.vips) {
            for (const core::VirtualAddress& address : vip.addresses) {
                const bool owner = vip.priority == vrrp::owner_priority;
                if (address.prefix.address == a.address &&
                    (claimed_.contains({a.interface, address.prefix}) ||
                     (owner && is_foreign(a.interface, a.address)))) {
                    announced_for_.insert(vip.name);
                    return;
                }
            }
        }
        ensure(false, "what is announced was claimed, and not released since");
    }
    void check(const core::AddAddress& a, const core::Outbox&) {
        const auto* vip = owner_of({a.interface, a.prefix});
        ensure(vip != nullptr, "only what is configured is added, to the interface of that name");
        ensure(a.lease == vip->lease, "for as long as the lease");
        claimed_.insert({a.interface, a.prefix});
        removed_.erase({a.interface, a.prefix});
    }
    void check(const core::RenewAddress& a, const core::Outbox&) {
        const Key key{a.interface, a.prefix};
        ensure(owner_of(key) != nullptr, "only what is configured is renewed");
        ensure(ours_.contains(key), "and only where it is");
    }
    void check(const core::RemoveAddress& a, const core::Outbox&) {
        const Key key{a.interface, a.prefix};
        ensure(ours_.contains(key) || claimed_.contains(key), "only our own is removed");
        claimed_.erase(key);
        removed_.insert(key);
    }
    void check(const core::RunCheck& a, const core::Outbox&) {
        ensure(a.check < configuration_.checks.size(), "a check that there is");
    }
    void check(const core::RestartProber&, const core::Outbox&) {
        ensure(!configuration_.checks.empty(), "without checks there is no prober");
    }
    void check(const core::StartService& a, const core::Outbox&) {
        ensure(a.service < configuration_.services.size() &&
                   configuration_.services[a.service].can_be_started(),
               "a service that can be started");
    }
    void check(const core::StopService& a, const core::Outbox&) {
        ensure(a.service < configuration_.services.size() &&
                   configuration_.services[a.service].can_be_started(),
               "what cannot be started is not stopped");
    }
    void check(const core::RunHook& a, const core::Outbox&) {
        const auto vip = std::ranges::find(configuration_.vips, a.vip, &core::VipSettings::name);
        ensure(vip != configuration_.vips.end() && vip->hooks.has(a.kind), "a hook that there is");
        ensure(hook_orders_.insert(a.order).second, "every run has a number of its own");
        ensure(hooks_.try_emplace(a.vip, a.order).second || now_ >= hook_limits_[a.vip],
               "one hook of a VIP at a time");
        hooks_[a.vip] = a.order;
        hook_limits_[a.vip] = now_ + a.timeout;
        if (a.kind == core::HookKind::active) {
            ensure(states_.at(a.vip) == control::State::active,
                   "a state hook is of the last state");
        }
    }
    void check(const core::Reply& a, const core::Outbox&) {
        // 0: who asked is gone.
        ensure(a.client == 0 || asking_.erase(a.client) == 1, "who asks is answered once");
    }
    void check(const core::Log& a, const core::Outbox&) {
        ensure(!a.text.empty(), "a line says something");
    }
    void check(const core::Publish& a, const core::Outbox&) {
        const auto found = states_.find(a.event.vip);
        ensure(
            found != states_.end() && found->second == a.event.from && a.event.from != a.event.to,
            "a change is one from the state before");
        ensure(a.event.number == ++published_, "events are numbered without gaps");
        found->second = a.event.to;
        if (a.event.to == control::State::active) {
            was_active_.insert(a.event.vip);
        }
    }
    void check(const core::KeepMaintenance& a, const core::Outbox&) {
        ensure(a.on || !a.until, "what is over has no end to come");
    }
    void check(const core::Exit&, const core::Outbox&) {
        ensure(stop_requests_ > 0 && !exited_, "it ends once, when asked to");
        for (const core::VipSettings& vip : configuration_.vips) {
            ensure(!holds_any(vip), "it releases everything before it ends");
        }
    }

    // --- what follows from both ---
    std::set<std::string> active() const {
        std::set<std::string> names;
        for (const auto& [name, state] : states_) {
            if (state == control::State::active) {
                names.insert(name);
            }
        }
        return names;
    }
    const core::VipSettings* owner_of(const Key& key) const {
        const auto name = names_.find(key.first);
        for (const core::VipSettings& vip : configuration_.vips) {
            for (const core::VirtualAddress& address : vip.addresses) {
                if (name != names_.end() && address.interface == name->second &&
                    address.prefix == key.second) {
                    return &vip;
                }
            }
        }
        return nullptr;
    }
    // An owner's address may be there already, with whatever prefix length.
    bool is_foreign(core::InterfaceIndex index, const IpAddress& address) const {
        return std::ranges::any_of(foreign_, [&](const Key& key) {
            return key.first == index && key.second.address == address;
        });
    }
    // Seen with our mark, and not yet asked to go. Nothing is decided by half an observation.
    bool holds_any(const core::VipSettings& vip) const {
        if (!complete_) {
            return false;
        }
        for (const Key& key : ours_) {
            if (owner_of(key) == &vip && !removed_.contains(key)) {
                return true;
            }
        }
        return false;
    }

    const core::Configuration& configuration_;
    TimePoint now_{};
    std::map<core::InterfaceIndex, std::string> names_;
    std::set<Key> ours_;     // last seen with our mark
    std::set<Key> foreign_;  // last seen without
    std::set<Key> claimed_;  // asked for or seen as ours, and not asked to go since
    std::set<Key> removed_;  // asked to go, and still there as far as was told
    std::set<Key> stale_;
    bool complete_ = false;
    std::set<core::Listener> open_;
    std::set<core::ClientId> asking_;
    std::map<std::string, control::State> states_;
    std::set<std::string> announced_for_;
    std::set<std::string> was_active_;
    std::uint64_t published_ = 0;
    std::map<std::string, std::uint32_t> hooks_;  // that run, by VIP
    std::map<std::string, TimePoint> hook_limits_;
    std::set<std::uint32_t> hook_orders_;
    int stop_requests_ = 0;
    bool exited_ = false;
};

}  // namespace understudy::fuzz
