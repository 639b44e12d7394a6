// The checks, services and hooks of a virtual host.
#include <algorithm>

#include "tests/sim/virtual_host.hpp"
#include "tests/sim/virtual_lan.hpp"

namespace understudy::sim {

using namespace core;

void VirtualHost::set_check(const std::string& check, bool passes, const std::string& detail) {
    ++health_changes_;
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

void VirtualHost::note_order(const std::string& order) {
    if (lan_.keeps_history) {
        orders_.push_back(order);
    }
}

void VirtualHost::execute_health(const Action& action) {
    const Configuration& configuration = node_->configuration();
    if (const auto* run = std::get_if<RunCheck>(&action)) {
        later(check_takes, [this, order = *run, check = configuration.checks[run->check]] {
            finish_check(order, check);
        });
    } else if (const auto* start = std::get_if<StartService>(&action)) {
        const std::string& name = configuration.services[start->service].name;
        note_order("start " + name);
        later(1ms, [this, name, order = start->order] { finish_command(name, order); });
        later(start_delay_, [this, name] {
            if (const auto service = place_of(name); service && start_works_) {
                set_service(*service, true);
            }
        });
    } else if (const auto* stop = std::get_if<StopService>(&action)) {
        const std::string& name = configuration.services[stop->service].name;
        note_order("stop " + name);
        later(stop_delay_, [this, name, order = stop->order] {
            if (const auto service = place_of(name)) {
                set_service(*service, false);
            }
            finish_command(name, order);
        });
    } else if (const auto* hook = std::get_if<RunHook>(&action)) {
        run_hook(*hook);
    } else if (std::holds_alternative<RestartProber>(action)) {
        note_order("restart prober");
        later(10ms, [this] { feed(ProberStarted{}); });
    }
}

// As agent/host does it: after a reload the places may be others, and what is not asked any more is
// not answered.
void VirtualHost::finish_check(const RunCheck& order, const checks::CheckSettings& asked) {
    const auto& checks = node_->configuration().checks;
    const auto now = std::ranges::find(checks, asked.name, &checks::CheckSettings::name);
    if (prober_silent_ || now == checks.end() || now->question != asked.question ||
        now->type != asked.type || now->inverted != asked.inverted) {
        return;
    }
    checks::Outcome outcome;
    const auto found = failing_.find(asked.name);
    outcome.passed = found == failing_.end();
    outcome.detail = outcome.passed ? "fine" : found->second;
    feed(CheckFinished{static_cast<std::size_t>(now - checks.begin()), order.run, outcome});
}

void VirtualHost::finish_command(const std::string& service, std::uint32_t order) {
    if (const auto place = place_of(service)) {
        feed(ServiceCommandFinished{*place, order, true, ""});
    }
}

std::optional<std::size_t> VirtualHost::place_of(const std::string& service) const {
    const auto& services = node_->configuration().services;
    const auto found = std::ranges::find(services, service, &ServiceSettings::name);
    return found == services.end()
               ? std::nullopt
               : std::optional{static_cast<std::size_t>(found - services.begin())};
}

// As the runner does it: what is over its limit is killed, and told when it is gone.
void VirtualHost::run_hook(const RunHook& order) {
    const Hook& hook = hook_of(order.kind);
    if (lan_.keeps_history) {
        hook_runs_.push_back({order, lan_.now_, held_count()});
    }
    if (hook.vanishes) {
        return;
    }
    constexpr Duration killing = 500ms;
    const bool in_time = hook.takes < order.timeout;
    HookFinished finished{order.order, in_time && hook.works, "exit status 1"};
    later(in_time ? hook.takes : order.timeout + killing, [this, finished] { feed(finished); });
}

}  // namespace understudy::sim
