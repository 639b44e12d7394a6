#include "agent/core/reload.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include "agent/core/node_impl.hpp"
#include "agent/core/source_address.hpp"

namespace understudy::core {

namespace {

template <class Settings>
std::map<std::string_view, const Settings*> by_name(const std::vector<Settings>& all) {
    std::map<std::string_view, const Settings*> named;
    for (const Settings& settings : all) {
        named.emplace(settings.name, &settings);
    }
    return named;
}

bool asks_the_same(const checks::CheckSettings& from, const checks::CheckSettings& to) {
    return from.type == to.type && from.question == to.question && from.inverted == to.inverted;
}

bool starts_the_same(const ServiceSettings& from, const ServiceSettings& to) {
    return from.unit == to.unit && from.start == to.start && from.stop == to.stop;
}

bool names_more(const VipSettings& from, const VipSettings& to) {
    std::set<Place> known;
    for (const VirtualAddress& address : from.addresses) {
        known.emplace(address.interface, address.prefix);
    }
    return std::ranges::any_of(to.addresses, [&](const VirtualAddress& address) {
        return !known.contains({address.interface, address.prefix});
    });
}

bool is_in(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
}

}  // namespace

bool is_same_router(const VipSettings& from, const VipSettings& to) {
    return from.interface == to.interface && from.vrid == to.vrid && from.version == to.version &&
           from.virtual_mac == to.virtual_mac &&
           from.has_family(Family::ipv4) == to.has_family(Family::ipv4) &&
           from.has_family(Family::ipv6) == to.has_family(Family::ipv6);
}

ConfigurationChanged change_of(const Configuration& from, std::shared_ptr<const Configuration> to) {
    ConfigurationChanged change;
    const auto checks = by_name(from.checks);
    for (const checks::CheckSettings& check : to->checks) {
        const auto former = checks.find(check.name);
        if (former != checks.end() && !asks_the_same(*former->second, check)) {
            change.other_questions.push_back(check.name);
        }
    }
    const auto services = by_name(from.services);
    for (const ServiceSettings& service : to->services) {
        const auto former = services.find(service.name);
        if (former != services.end() && !starts_the_same(*former->second, service)) {
            change.other_commands.push_back(service.name);
        }
    }
    change.configuration = std::move(to);
    return change;
}

// --- the Node ------------------------------------------------------------------------------------

// Services and checks refer to the former configuration until the end of this function.
void Node::Impl::on(TimePoint now, const ConfigurationChanged& event, Outbox& out) {
    if (stopping_) {
        log(out, LogLevel::warn, "the agent is stopping: another configuration is not taken over");
        return;
    }
    const std::shared_ptr<const Configuration> former = configuration_;
    std::map<std::string_view, std::size_t> old_places;
    for (std::size_t i = 0; i < vips_.size(); ++i) {
        old_places.emplace(vips_[i].settings().name, i);
    }
    std::vector<std::optional<std::size_t>> origins;  // of the new ones, among the old ones
    std::set<std::size_t> kept;
    std::vector<bool> grown;
    for (const VipSettings& vip : event.configuration->vips) {
        const auto old = old_places.find(vip.name);
        const bool stays = old != old_places.end() &&
                           is_same_router(vips_[old->second].settings(), vip) &&
                           kept.insert(old->second).second;
        origins.push_back(stays ? std::optional{old->second} : std::nullopt);
        grown.push_back(stays && names_more(vips_[old->second].settings(), vip));
        if (grown.back()) {
            vips_[old->second].end_added();  // of the last reload; now there are others
        }
    }
    pass_on_addresses(event.configuration->vips, origins);
    std::set<KernelView::Key> forgotten = leaving(now);
    end_vips(now, kept, out);
    reload_health(now, event, out);
    configuration_ = event.configuration;
    hooks_.node = configuration_->agent.name;
    translate_orders(*former, event, out);
    virtual_addresses_ = addresses_that_move(*configuration_);
    reload_vips(now, origins, out);
    index_vips();
    // Gone when the actions are carried out, or before; what the kernel tells of it later is no
    // news. Who still waits to be told is told.
    for (const Action& action : out.actions) {
        if (const auto* removed = std::get_if<RemoveAddress>(&action)) {
            forgotten.emplace(removed->interface, removed->prefix);
        }
    }
    const std::set<KernelView::Key> awaited = leaving(now);
    for (const auto& [interface, prefix] : forgotten) {
        if (!awaited.contains({interface, prefix})) {
            kernel_.gone(AddressGone{interface, prefix});
        }
    }
    links_changed(now, out);
    for (std::size_t i = 0; i < vips_.size(); ++i) {
        if (grown[i]) {
            vips_[i].announce_added(now, around(out));
        }
    }
    time_checks(now, out);
}

// An address that goes from one VIP to another which holds its own here is never let go.
void Node::Impl::pass_on_addresses(const std::vector<VipSettings>& vips,
                                   const std::vector<std::optional<std::size_t>>& origins) {
    std::map<Place, std::size_t> holders;  // to be, by their present places
    for (std::size_t i = 0; i < vips.size(); ++i) {
        if (!origins[i] || !vips_[*origins[i]].is_holding()) {
            continue;
        }
        for (const VirtualAddress& address : vips[i].addresses) {
            holders.emplace(Place{address.interface, address.prefix}, *origins[i]);
        }
    }
    for (std::size_t i = 0; i < vips_.size(); ++i) {
        std::set<Place> passed;
        for (const VirtualAddress& address : vips_[i].settings().addresses) {
            const Place place{address.interface, address.prefix};
            const auto holder = holders.find(place);
            if (holder != holders.end() && holder->second != i) {
                passed.insert(place);
            }
        }
        for (AddressLedger::Entry& entry : vips_[i].pass_on(passed)) {
            const std::size_t holder = holders.at({entry.wanted.interface, entry.wanted.prefix});
            vips_[holder].receive(std::move(entry));
        }
    }
}

std::set<KernelView::Key> Node::Impl::leaving(TimePoint now) const {
    std::set<KernelView::Key> all;
    for (const Vip& vip : vips_) {
        for (const AddressGone& address : vip.leaving(now)) {
            all.emplace(address.index, address.prefix);
        }
    }
    return all;
}

void Node::Impl::end_vips(TimePoint now, const std::set<std::size_t>& kept, Outbox& out) {
    for (std::size_t i = 0; i < vips_.size(); ++i) {
        if (kept.contains(i)) {
            continue;
        }
        Vip& vip = vips_[i];
        const bool was_active = vip.is_active();
        vip.shut_down(now, around(out));
        const auto service = vip.dependencies().service;
        if (service && was_active && services_[*service].stops_first()) {
            // It must run on one node only, and not on this one any more. Every VIP is settled at
            // the end of the reload.
            (void)services_[*service].settle(now, Demand::stop, health_, out);
        }
    }
    const auto forget = [&](std::vector<Waiting>& all) {
        std::erase_if(all, [&](Waiting& waiting) {
            std::erase_if(waiting.vips, [&](std::size_t i) { return !kept.contains(i); });
            if (waiting.vips.empty()) {
                out.actions.emplace_back(
                    Reply{waiting.client,
                          control::ErrorResponse{"a reload has ended the VIP, or begun it anew"}});
            }
            return waiting.vips.empty();
        });
    };
    forget(waiting_);
    forget(taking_);
}

void Node::Impl::reload_health(TimePoint now, const ConfigurationChanged& event, Outbox& out) {
    const Configuration& next = *event.configuration;
    health_.configure(now, next.checks, event.other_questions, out);
    std::map<std::string, Service*, std::less<>> known;
    for (Service& service : services_) {
        known.emplace(service.settings().name, &service);
    }
    std::vector<Service> services;
    services.reserve(next.services.size());
    for (const ServiceSettings& settings : next.services) {
        std::vector<std::size_t> checks = checks_of(settings);
        const auto former = known.find(settings.name);
        if (former == known.end()) {
            services.emplace_back(settings, std::move(checks), services.size());
            continue;
        }
        services.push_back(std::move(*former->second));
        services.back().configure(now, settings, std::move(checks), services.size() - 1,
                                  is_in(event.other_commands, settings.name), health_);
    }
    services_ = std::move(services);
}

// Orders that were given in this very turn still have the former numbers.
void Node::Impl::translate_orders(const Configuration& former, const ConfigurationChanged& event,
                                  Outbox& out) const {
    const auto place_of = [&](const std::string& service) -> std::optional<std::size_t> {
        const auto& all = configuration_->services;
        const auto found = std::ranges::find(all, service, &ServiceSettings::name);
        return found == all.end() || !found->can_be_started()
                   ? std::nullopt
                   : std::optional{static_cast<std::size_t>(found - all.begin())};
    };
    const auto is_void = [&](Action& action) {
        if (auto* run = std::get_if<RunCheck>(&action)) {
            const std::string& name = former.checks[run->check].name;
            const auto place = health_.find(name);
            run->check = place.value_or(0);
            return !place || is_in(event.other_questions, name);
        }
        const auto translate = [&](std::size_t& service) {
            const auto place = place_of(former.services[service].name);
            service = place.value_or(0);
            return !place;
        };
        if (auto* start = std::get_if<StartService>(&action)) {
            return translate(start->service);
        }
        auto* stop = std::get_if<StopService>(&action);
        return stop != nullptr && translate(stop->service);
    };
    std::erase_if(out.actions, is_void);
}

void Node::Impl::reload_vips(TimePoint now, const std::vector<std::optional<std::size_t>>& origins,
                             Outbox& out) {
    std::vector<Vip> former = std::move(vips_);
    std::map<std::size_t, std::size_t> moved;  // former place -> place
    vips_.clear();
    vips_.reserve(origins.size());
    for (std::size_t i = 0; i < origins.size(); ++i) {
        const VipSettings& settings = configuration_->vips[i];
        if (!origins[i]) {
            vips_.emplace_back(settings, dependencies_of(settings), now);
            vips_.back().begin_anew(now, maintenance_, out);
            continue;
        }
        moved.emplace(*origins[i], i);
        vips_.push_back(std::move(former[*origins[i]]));
        vips_.back().depend_on(dependencies_of(settings));
        if (vips_.back().settings() != settings) {
            vips_.back().configure(now, settings, around(out));
        }
    }
    for (std::vector<Waiting>* all : {&waiting_, &taking_}) {
        for (Waiting& waiting : *all) {
            for (std::size_t& vip : waiting.vips) {
                vip = moved.at(vip);
            }
        }
    }
}

}  // namespace understudy::core
