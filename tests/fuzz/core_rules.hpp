// What must hold of a Node whatever it is told: judged from the events that it was given and the
// actions that came back, with nothing of the Node's own code.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
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
inline constexpr Duration announced_for = std::chrono::seconds{10};

class Rules {
public:
    explicit Rules(std::shared_ptr<const core::Configuration> configuration)
        : configuration_(std::move(configuration)) {
        for (const core::VipSettings& vip : configuration_->vips) {
            states_[vip.name] = control::State::init;
        }
        remember_places();
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
                       [&](const core::ConfigurationChanged& e) { reload(e.configuration); },
                       [](const auto&) {},
                   },
                   event);
    }

    // What came of it. `in_time`: nothing else was due.
    void check(const core::Outbox& out, bool in_time) {
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
        if (former_) {
            judge_reload(out, in_time);
            former_.reset();
            anew_.merge(begun_);
            begun_.clear();
        }
        was_active_.clear();
        exited_ = exited_ || exits;
        ensure(stop_requests_ < 2 || exited_, "the second request to stop ends it at once");
    }

    bool exited() const { return exited_; }
    bool is_stopping() const { return stop_requests_ > 0; }
    // The Node knows everything that the kernel has.
    bool is_complete() const { return complete_; }
    // On an interface that still has the name.
    bool was_ever_configured(const Key& key) const {
        const auto name = names_.find(key.first);
        return name != names_.end() && places_.contains({name->second, key.second});
    }

private:
    using Place = std::pair<std::string, IpPrefix>;

    // --- a reload ---
    // Nothing changes while the agent stops.
    void reload(std::shared_ptr<const core::Configuration> next) {
        if (is_stopping()) {
            return;
        }
        former_ = std::exchange(configuration_, std::move(next));
        remember_places();
        changed_.clear();
        for (const core::VipSettings& vip : configuration_->vips) {
            if (goes_on(vip) == nullptr) {
                begun_.insert(vip.name);
                states_.try_emplace(vip.name, control::State::init);
            }
        }
        for (const core::VipSettings& vip : former_->vips) {
            if (const auto* next_vip = find(*configuration_, vip.name);
                next_vip == nullptr || goes_on(*next_vip) == nullptr) {
                hooks_.erase(vip.name);  // what runs goes on to its end, unheeded
            }
        }
    }
    // A late event may first tell of a VIP that an earlier reload has begun, which this one ends.
    bool begins_anew(const std::string& vip) {
        return anew_.erase(vip) > 0 || begun_.erase(vip) > 0;
    }
    void remember_places() {
        for (const core::VipSettings& vip : configuration_->vips) {
            for (const core::VirtualAddress& address : vip.addresses) {
                const bool known = former_ && std::ranges::any_of(former_->vips, [&](auto& other) {
                                       return other.name == vip.name && names(other, address);
                                   });
                if (!known) {
                    places_[{address.interface, address.prefix}] = now_;
                }
            }
        }
    }
    static const core::VipSettings* find(const core::Configuration& configuration,
                                         const std::string& name) {
        const auto found = std::ranges::find(configuration.vips, name, &core::VipSettings::name);
        return found == configuration.vips.end() ? nullptr : &*found;
    }
    // What a VIP was before, if it is still the same virtual router.
    const core::VipSettings* goes_on(const core::VipSettings& vip) const {
        const core::VipSettings* before = find(*former_, vip.name);
        const auto router = [](const core::VipSettings& v) {
            return std::tuple{v.interface,
                              v.vrid,
                              v.version,
                              v.virtual_mac,
                              v.has_family(Family::ipv4),
                              v.has_family(Family::ipv6)};
        };
        return before != nullptr && router(*before) == router(vip) ? before : nullptr;
    }
    void judge_reload(const core::Outbox& out, bool in_time) {
        ensure(!in_time || *former_ != *configuration_ || out.actions.empty(),
               "without a difference nothing is decided");
        for (const core::VipSettings& vip : former_->vips) {
            if (find(*configuration_, vip.name) == nullptr) {
                ensure(states_.at(vip.name) != control::State::active, "what ends says so");
                states_.erase(vip.name);
            }
        }
        for (const Key& key : ours_) {
            ensure(!complete_ || removed_.contains(key) || !was_ever_configured(key) ||
                       owner_of(key) != nullptr,
                   "what is not named any more is removed");
        }
        for (const core::VipSettings& vip : configuration_->vips) {
            const core::VipSettings* before = goes_on(vip);
            if (before != nullptr && !changed_.contains(vip.name) &&
                states_.at(vip.name) == control::State::active) {
                judge_change(*before, vip, out);
            }
        }
    }
    // The reload has left it without an address to send from, or has given it one again: an owner's
    // addresses can be sent from, and what is owned is for the configuration to say.
    static bool says(const std::string& vip, const char* what, const core::Outbox& out) {
        return std::ranges::any_of(out.actions, [&](const core::Action& action) {
            const auto* log = std::get_if<core::Log>(&action);
            return log != nullptr && log->text.starts_with(vip + ": ") &&
                   log->text.find(what) != std::string::npos;
        });
    }
    static bool lets_go(const std::string& vip, const core::Outbox& out) {
        return says(vip, "lets go until it is there again", out);
    }
    static bool takes_again(const std::string& vip, const core::Outbox& out) {
        return says(vip, "there is an address to send from", out);
    }
    // It was active and still is: it changes what the configuration changes, and that alone.
    void judge_change(const core::VipSettings& before, const core::VipSettings& now,
                      const core::Outbox& out) const {
        for (const core::VirtualAddress& address : now.addresses) {
            const bool is_new = !names(before, address);
            // What the last reload has added is still being announced.
            const bool is_young =
                now_ - places_.at({address.interface, address.prefix}) <= announced_for;
            const auto is_it = [&](core::InterfaceIndex index, const IpPrefix& prefix) {
                return names_.contains(index) && names_.at(index) == address.interface &&
                       prefix == address.prefix;
            };
            bool added = false;
            for (const core::Action& action : out.actions) {
                if (const auto* a = std::get_if<core::AddAddress>(&action)) {
                    added = added || is_it(a->interface, a->prefix);
                } else if (const auto* r = std::get_if<core::RemoveAddress>(&action)) {
                    ensure(is_new || !is_it(r->interface, r->prefix) || lets_go(now.name, out),
                           "what is still named is not removed");
                } else if (const auto* n = std::get_if<core::Announce>(&action)) {
                    const bool is_this =
                        n->address == address.prefix.address && is_it(n->interface, address.prefix);
                    ensure(is_new || is_young || !is_this || takes_again(now.name, out),
                           "what was held is not announced again");
                }
            }
            const bool there = std::ranges::any_of(
                names_, [&](const auto& link) { return link.second == address.interface; });
            const auto is_key = [&](const Key& key) { return is_it(key.first, key.second); };
            // Also what another VIP has asked for, and has not been told of yet.
            const bool held =
                std::ranges::any_of(ours_, is_key) || std::ranges::any_of(claimed_, is_key);
            const bool is_theirs = std::ranges::any_of(names_, [&](const auto& link) {
                return link.second == address.interface &&
                       is_foreign(link.first, address.prefix.address);
            });
            const bool waits = sourceless_.contains(now.name);
            ensure(!is_new || added || !there || held || is_theirs || waits,
                   "what is named now is added");
        }
    }
    static bool names(const core::VipSettings& vip, const core::VirtualAddress& address) {
        return std::ranges::any_of(vip.addresses, [&](const core::VirtualAddress& each) {
            return each.interface == address.interface && each.prefix == address.prefix;
        });
    }

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
        // Removed, added and removed again: the first one may be told last.
        unsigned& going = going_[key];
        going -= going > 0 ? 1 : 0;
        if (going == 0) {
            removed_.erase(key);
        }
    }
    // Not there, or somebody else's, though that ours went may not have been told.
    void refused(const core::AddressRefused& e) {
        removed_.insert({e.index, e.prefix});
        going_.erase({e.index, e.prefix});
    }
    void forget(core::InterfaceIndex index) {
        const auto is_there = [&](const Key& key) { return key.first == index; };
        for (auto* keys : {&ours_, &foreign_, &removed_, &claimed_}) {
            std::erase_if(*keys, is_there);
        }
        std::erase_if(going_, [&](const auto& each) { return is_there(each.first); });
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
        vrrp::Datagram datagram;
        datagram.source = a.source;
        datagram.destination = a.destination;
        datagram.ttl = vrrp::required_ttl;
        datagram.payload = out.payload(a.payload);
        const auto received = vrrp::decode(datagram);
        ensure(received.has_value(), "what is sent can be received");
        // A VIP that a reload ends, or begins anew, says so as it was.
        const bool resigns = received->priority == vrrp::resignation_priority;
        const core::VipSettings* was =
            former_ && resigns ? advertised_by(*former_, a, *received) : nullptr;
        const core::VipSettings* vip =
            was != nullptr ? was : advertised_by(*configuration_, a, *received);
        ensure(vip != nullptr, "it says what is configured");
        ensure(!resigns || !holds_any(*vip), "nobody resigns who has not released");
    }
    static const core::VipSettings* advertised_by(const core::Configuration& configuration,
                                                  const core::SendAdvert& a,
                                                  const vrrp::Received& received) {
        const auto found = std::ranges::find_if(configuration.vips, [&](const auto& vip) {
            return vip.vrid == a.vrid && received.vrid == a.vrid &&
                   received.version == vip.version && received.interval == vip.advert_interval;
        });
        return found == configuration.vips.end() ? nullptr : &*found;
    }
    // Two VIPs may name one address on two interfaces: it is the one of this interface that counts.
    void check(const core::Announce& a, const core::Outbox&) {
        const auto name = names_.find(a.interface);
        for (const bool here : {true, false}) {
            for (const core::VipSettings& vip : configuration_->vips) {
                const bool owner = vip.priority == vrrp::owner_priority;
                for (const core::VirtualAddress& address : vip.addresses) {
                    const bool is_here = name != names_.end() && name->second == address.interface;
                    if (is_here == here && address.prefix.address == a.address &&
                        (claimed_.contains({a.interface, address.prefix}) ||
                         (owner && is_foreign(a.interface, a.address)))) {
                        announced_for_.insert(vip.name);
                        return;
                    }
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
        ++going_[key];
    }
    void check(const core::RunCheck& a, const core::Outbox&) {
        ensure(a.check < configuration_->checks.size(), "a check that there is");
    }
    void check(const core::RestartProber&, const core::Outbox&) {
        // It may have been overdue when a reload came.
        ensure(!configuration_->checks.empty() || (former_ && !former_->checks.empty()),
               "without checks there is no prober");
    }
    void check(const core::StartService& a, const core::Outbox&) {
        ensure(a.service < configuration_->services.size() &&
                   configuration_->services[a.service].can_be_started(),
               "a service that can be started");
    }
    void check(const core::StopService& a, const core::Outbox&) {
        ensure(a.service < configuration_->services.size() &&
                   configuration_->services[a.service].can_be_started(),
               "what cannot be started is not stopped");
    }
    void check(const core::RunHook& a, const core::Outbox&) {
        const auto vip = std::ranges::find(configuration_->vips, a.vip, &core::VipSettings::name);
        ensure(vip != configuration_->vips.end() && vip->hooks.has(a.kind), "a hook that there is");
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
        const std::string vip = a.text.substr(0, a.text.find(':'));
        if (a.text.find("lets go until it is there again") != std::string::npos) {
            sourceless_.insert(vip);
        } else if (a.text.find("there is an address to send from") != std::string::npos) {
            sourceless_.erase(vip);
        }
        ensure(!a.text.empty(), "a line says something");
    }
    void check(const core::Publish& a, const core::Outbox&) {
        const auto found = states_.find(a.event.vip);
        ensure(found != states_.end(), "a change is one of a VIP");
        changed_.insert(a.event.vip);
        if (a.event.from != found->second && begins_anew(a.event.vip)) {
            ensure(found->second != control::State::active, "what begins anew has ended before");
            found->second = control::State::init;
        }
        ensure(found->second == a.event.from && a.event.from != a.event.to,
               "a change is one from the state before");
        ensure(a.event.number == ++published_, "events are numbered without gaps");
        found->second = a.event.to;
        sourceless_.erase(a.event.vip);
        if (a.event.to == control::State::active) {
            was_active_.insert(a.event.vip);
        }
    }
    void check(const core::KeepMaintenance& a, const core::Outbox&) {
        ensure(a.on || !a.until, "what is over has no end to come");
    }
    void check(const core::Exit&, const core::Outbox&) {
        ensure(stop_requests_ > 0 && !exited_, "it ends once, when asked to");
        for (const core::VipSettings& vip : configuration_->vips) {
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
        for (const core::VipSettings& vip : configuration_->vips) {
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
    // What another VIP has from now on is that one's.
    bool holds_any(const core::VipSettings& vip) const {
        return complete_ && std::ranges::any_of(ours_, [&](const Key& key) {
                   const auto name = names_.find(key.first);
                   const core::VipSettings* owner = owner_of(key);
                   return name != names_.end() && names(vip, {key.second, name->second}) &&
                          (owner == nullptr || owner->name == vip.name) && !removed_.contains(key);
               });
    }

    std::shared_ptr<const core::Configuration> configuration_;
    std::shared_ptr<const core::Configuration> former_;  // while a reload is judged
    // Of all configurations: since when the VIP that names it last has done so.
    std::map<Place, TimePoint> places_;
    std::set<std::string> changed_;     // VIPs, since the last reload
    std::set<std::string> sourceless_;  // active, and waiting for an address to send from
    std::set<std::string> begun_;       // by the reload that is looked at
    std::set<std::string> anew_;        // by one before, and nothing heard of since
    TimePoint now_{};
    std::map<core::InterfaceIndex, std::string> names_;
    std::set<Key> ours_;             // last seen with our mark
    std::set<Key> foreign_;          // last seen without
    std::set<Key> claimed_;          // asked for or seen as ours, and not asked to go since
    std::set<Key> removed_;          // asked to go, and still there as far as was told
    std::map<Key, unsigned> going_;  // so often, and not told
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
