#include "tests/sim/history.hpp"

#include <algorithm>
#include <set>

#include "tests/sim/intruder.hpp"
#include "tests/sim/random.hpp"
#include "tests/sim/wire.hpp"

namespace understudy::sim {

namespace {

// What of the scenario lasts at the moment decides what is broken: nothing is switched on and off,
// so overlapping faults of one kind do no harm to each other.
class Stage : public Judge {
public:
    Stage(VirtualLan& lan, const Scenario& scenario, const Storyteller& tell,
          const std::function<void()>& every_hour, const std::function<void(VirtualHost&)>& prepare)
        : Judge(lan, scenario),
          lan_(lan),
          scenario_(scenario),
          tell_(tell),
          every_hour_(every_hour),
          intruder_(lan, scenario),
          wire_(scenario),
          looks_(scenario.cluster.seed + 1) {
        for (std::size_t i = 0; i < scenario.nodes.size(); ++i) {
            VirtualHost& host = lan.add(name_of_node(static_cast<int>(i)));
            if (prepare) {
                prepare(host);
            }
            host.after_event = [this, &host](const core::Node& node) { look_at(host, node); };
            state_.push_back({&host, false, std::nullopt, 0, false});
            if (scenario.nodes[i].service == "cold") {
                host.set_check("app", false, "it was not started");
            }
        }
        begin_ = lan.now();
        next_hour_ = begin_ + 1h;
        lan.keeps_history = false;
        lan.witness = this;
        lan.after_step = [this] { step(); };
        lan.wire = [this](const VirtualHost& from, const VirtualHost& to) {
            return wire_.carry(place(from), place(to));
        };
    }

    History play() {
        apply();
        for (const Moment& moment : moments_of(scenario_)) {
            go_on_until(moment.at);
            if (finding()) {
                break;
            }
            take(moment);
        }
        if (!finding()) {
            heal();
        }
        return {finding(), fingerprint(), steps_};
    }

    void published(const VirtualHost& host, const control::StateEvent& event) override {
        story(host.name(), event.vip + ": " + std::string{control::name_of(event.from)} + " -> " +
                               std::string{control::name_of(event.to)} + ": " + event.cause);
        Judge::published(host, event);
    }
    void logged(const VirtualHost& host, const std::string& text) override {
        story(host.name(), text);
    }
    void added(const VirtualHost& host, const IpPrefix& prefix) override {
        story(host.name(), "+ " + prefix.to_string());
        Judge::added(host, prefix);
    }
    void gone(const VirtualHost& host, const IpPrefix& prefix, Why why) override {
        story(host.name(),
              "- " + prefix.to_string() + (why == Why::expired ? " (its lifetime is over)" : ""));
        Judge::gone(host, prefix, why);
    }
    void sent(const VirtualHost& host, const SentAdvert& advert) override {
        int& last = last_told_[{place(host), advert.advert.vrid}];
        if (tell_ && (advert.advert.priority == 0 || advert.advert.priority != last)) {
            story(host.name(), "advertises VRID " + std::to_string(advert.advert.vrid) +
                                   " with priority " + std::to_string(advert.advert.priority));
        }
        last = advert.advert.priority;
        Judge::sent(host, advert);
    }

private:
    struct NodeState {
        VirtualHost* host;
        bool stopping;
        std::optional<TimePoint> stop_by;
        unsigned health_changes = 0;      // those that the judge knows
        bool is_behind = false;           // it has not been told everything, or hears nothing
        Variant variant = Variant::none;  // of the configuration that its agent was told last
    };

    void story(const std::string& where, const std::string& text) const {
        if (tell_) {
            tell_({lan_.now() - begin_, where, text});
        }
    }

    // What is overlooked stays so for some events, and a look costs more than an event.
    void look_at(const VirtualHost& host, const core::Node& node) {
        constexpr std::uint64_t looks_every = 64;
        if (!state_[place(host)].stopping && looks_.below(looks_every) == 0) {
            look_again(host, node);
        }
    }

    // --- a machine without an agent ---
    std::optional<std::size_t> holder() const {
        for (std::size_t node = 0; node < state_.size(); ++node) {
            if (is_live_holder(node, 0)) {
                return node;
            }
        }
        return std::nullopt;
    }

    void forge(Forgery forgery) {
        const auto victim = holder();
        if (!intruder_.forge(forgery, victim, victim ? last_told_[{*victim, 51}] : 0)) {
            return;
        }
        forged();
        if (forgery == Forgery::offer || forgery == Forgery::resignation) {
            gift_forged(*victim);
        }
    }

    void speak(const Fault& fault) {
        if (fault.kind == FaultKind::stranger) {
            intruder_.say({fault.value, 1s, std::nullopt, true});
        } else {
            forge(static_cast<Forgery>(fault.value));
        }
    }

    // --- faults ---
    bool is(FaultKind kind, std::size_t node) const {
        return std::ranges::any_of(lasting_, [&](std::size_t i) {
            const Fault& fault = scenario_.faults[i];
            return fault.kind == kind && static_cast<std::size_t>(fault.node) == node;
        });
    }
    int most(FaultKind kind, std::optional<std::size_t> node = {}) const {
        int value = 0;
        for (const std::size_t i : lasting_) {
            const Fault& fault = scenario_.faults[i];
            if (fault.kind == kind && (!node || static_cast<std::size_t>(fault.node) == *node)) {
                value = std::max(value, fault.value);
            }
        }
        return value;
    }

    void take(const Moment& moment) {
        const Fault& fault = scenario_.faults[moment.fault];
        if (moment.step == Moment::Step::goes_on) {
            speak(fault);
            return;
        }
        story(name_of_node(fault.node),
              std::string{moment.step == Moment::Step::begins ? "*** " : "*** over: "} +
                  to_text(fault));
        if (!lasts(fault.kind)) {
            at_once(fault);
        } else if (moment.step == Moment::Step::begins) {
            lasting_.insert(moment.fault);
            begin(fault);
        } else {
            lasting_.erase(moment.fault);
            end(fault);
        }
        disturbed();
        apply();
    }

    // What a fault does once, beyond what lasts.
    void begin(const Fault& fault) {
        NodeState& node = state_[static_cast<std::size_t>(fault.node)];
        if (fault.kind == FaultKind::stop && node.host->is_running() && !node.stopping &&
            !node.host->is_frozen()) {
            node.stopping = true;
            node.stop_by = lan_.now() + stop_limit(static_cast<std::size_t>(fault.node));
            node.host->stop();
        }
        if (fault.kind == FaultKind::service_dies && node.host->is_running()) {
            node.host->kill_service("app");
        }
        if (speaks(fault.kind)) {
            speak(fault);
        }
        if (fault.kind == FaultKind::maintenance) {
            const auto expiry = fault.value == 1 ? std::optional{fault.length} : std::nullopt;
            command(static_cast<std::size_t>(fault.node),
                    control::MaintenanceRequest{true, expiry, 2s});
        }
    }

    void end(const Fault& fault) {
        if (fault.kind == FaultKind::maintenance && fault.value == 0) {
            command(static_cast<std::size_t>(fault.node), control::MaintenanceRequest{});
        }
        // A claim that knew of nothing may have put the VIP before the own addresses, which then
        // went with it.
        if (fault.kind == FaultKind::slow_kernel) {
            const auto node = static_cast<std::size_t>(fault.node);
            state_[node].host->set_own_addresses(!is(FaultKind::homeless, node));
        }
    }

    void at_once(const Fault& fault) {
        VirtualHost& host = *state_[static_cast<std::size_t>(fault.node)].host;
        const auto node = static_cast<std::size_t>(fault.node);
        switch (fault.kind) {
            case FaultKind::recreate:
                host.recreate_link();
                return;
            case FaultKind::overrun:
                host.observe_kernel();
                return;
            case FaultKind::delete_address:
                host.delete_by_hand(addresses_of(scenario_, 0).back().to_string());
                return;
            case FaultKind::failover:
                return command(node, control::FailoverRequest{"web", 2s});
            case FaultKind::takeover:
                return command(node, control::TakeoverRequest{"web", false});
            case FaultKind::force:
                forced(node);
                return command(node, control::TakeoverRequest{"web", true});
            default:
                return command(node, control::FailbackRequest{"web"});
        }
    }

    void command(std::size_t node, const control::Request& request) {
        if (state_[node].host->is_running() && !state_[node].host->exited()) {
            commanded(node);
            state_[node].host->send(request);
        }
    }

    // A willing peer answers within its skew time, less than an interval (version 2: than a
    // second), and 100 ms. A cold one, a service that has to stop first, and hooks take longer.
    Duration stop_limit(std::size_t node) const {
        const NodePlan& plan = scenario_.nodes[node];
        const bool is_plain = plan.service == "none" && !plan.asks && !plan.drains;
        return is_plain ? plan.interval + 100ms : Duration{3s + 2s + 1s + 4s};
    }

    // Makes the machines what the lasting faults say.
    void apply() {
        const auto count = state_.size();
        for (std::size_t node = 0; node < count; ++node) {
            apply_machine(node);
            apply_agent(node);
        }
        std::vector<Fault> lasting;
        for (const std::size_t i : lasting_) {
            lasting.push_back(scenario_.faults[i]);
        }
        wire_.suffer(lasting);
        for (std::size_t node = 0; node < count; ++node) {
            tell_condition(node);
        }
        tell_paths();
    }

    void apply_machine(std::size_t node) {
        VirtualHost& host = *state_[node].host;
        const auto change = [&](FaultKind kind, const auto& set) {
            const bool wanted = is(kind, node);
            if (in_force_.contains({kind, node}) != wanted) {
                set(wanted);
                wanted ? (void)in_force_.insert({kind, node}) : (void)in_force_.erase({kind, node});
            }
        };
        host.slow_down_kernel(Duration{most(FaultKind::slow_kernel, node)});
        host.slow_down_renewals(Duration{most(FaultKind::slow_renewals, node)});
        change(FaultKind::link_down, [&](bool on) { host.set_link(!on); });
        change(FaultKind::homeless, [&](bool on) { host.set_own_addresses(!on); });
        change(FaultKind::refuse, [&](bool on) { host.refuse_addresses(on); });
        change(FaultKind::deaf, [&](bool on) { host.break_listeners(on); });
        change(FaultKind::foreign, [&](bool on) { set_foreign(node, on); });
        change(FaultKind::check_fails, [&](bool on) { host.set_check("tracked", !on); });
        change(FaultKind::bad_start, [&](bool on) { host.set_start(500ms, !on); });
        change(FaultKind::quiet_prober, [&](bool on) { host.silence_prober(on); });
        change(FaultKind::bad_hook, [&](bool on) {
            const VirtualHost::Hook hook{on ? 500ms : 20ms, !on, false};
            host.set_hook(core::HookKind::promote, hook);
            host.set_hook(core::HookKind::release, hook);
        });
    }

    void set_foreign(std::size_t node, bool on) {
        VirtualHost& host = *state_[node].host;
        const IpPrefix prefix = addresses_of(scenario_, 0).back();
        if (on && !host.holds(prefix.to_string())) {
            host.add_by_hand(prefix.to_string());
        } else if (!on && !host.has_ours(prefix)) {
            host.delete_by_hand(prefix.to_string());
            host.set_own_addresses(!is(FaultKind::homeless, node));  // they may have gone with it
        }
    }

    // Another reload of the same node meanwhile goes first.
    Variant variant_of(std::size_t node) const {
        return static_cast<Variant>(most(FaultKind::reload, node));
    }

    void reload(std::size_t node) {
        NodeState& state = state_[node];
        const Variant wanted = variant_of(node);
        if (state.variant != wanted && state.host->is_running() && !state.host->exited()) {
            commanded(node);
            state.variant = wanted;
            state.host->reload(configuration_of(scenario_, node, wanted));
        }
    }

    void note_exit(NodeState& state) {
        if (state.stopping && state.host->exited()) {
            story(state.host->name(), "has ended");
            after_exit(*state.host);
            state.host->crash();
            state.stopping = false;
            state.stop_by.reset();
        }
    }

    void apply_agent(std::size_t node) {
        NodeState& state = state_[node];
        note_exit(state);
        const bool killed = is(FaultKind::crash, node);
        const bool down = killed || is(FaultKind::stop, node) || state.stopping;
        if (killed && state.host->is_running()) {
            state.host->crash();
            state.stopping = false;
            state.stop_by.reset();
        }
        if (!down && !state.host->is_running()) {
            state.variant = variant_of(node);
            state.host->start(configuration_of(scenario_, node, state.variant));
        }
        reload(node);
        const bool frozen = is(FaultKind::freeze, node) && state.host->is_running();
        if (frozen != state.host->is_frozen()) {
            if (frozen) {
                state.host->freeze();
            } else if (state.host->is_running()) {
                // What happened meanwhile is heard now, in whatever order.
                commanded(node);
                address_touched(node);
                state.host->thaw();
            }
            if (state.stop_by) {
                state.stop_by = lan_.now() + stop_limit(node);
            }
        }
        if (!is(FaultKind::service_dies, node) && scenario_.nodes[node].service == "hot" &&
            state.host->is_running()) {
            state.host->set_check("app", true);  // it runs on every node, kept up by others
        }
    }

    void tell_condition(std::size_t node) {
        const NodeState& state = state_[node];
        Condition now;
        now.running = state.host->is_running() && !state.stopping;
        now.frozen = state.host->is_frozen();
        now.link_down = is(FaultKind::link_down, node);
        now.homeless = is(FaultKind::homeless, node);
        now.kernel_slow = is(FaultKind::slow_kernel, node) || state.host->untold() > 0;
        now.deaf = is(FaultKind::deaf, node) || !state.host->is_listening();
        now.kernel_troubled = is(FaultKind::refuse, node) || is(FaultKind::slow_kernel, node) ||
                              is(FaultKind::foreign, node);
        now.check_fails = is(FaultKind::check_fails, node);
        now.service_down = state.host->is_running() && scenario_.nodes[node].service != "none" &&
                           !state.host->runs("app");
        now.bad_start = is(FaultKind::bad_start, node);
        now.prober_quiet = is(FaultKind::quiet_prober, node);
        now.one_vip_less = state.variant == Variant::one_vip_less;
        condition(node, now);
    }

    void tell_paths() { paths(wire_.clean(), wire_.slowest()); }

    // --- in between ---
    void step() {
        ++steps_;
        if (lan_.now() == at_ && ++steps_at_once_ > most_steps_at_once) {
            endless();
        } else if (lan_.now() != at_) {
            at_ = lan_.now();
            steps_at_once_ = 0;
        }
        if (every_hour_ && lan_.now() >= next_hour_) {
            next_hour_ += 1h;
            every_hour_();
        }
        for (std::size_t node = 0; node < state_.size(); ++node) {
            NodeState& state = state_[node];
            const bool is_behind = state.host->untold() > 0 || !state.host->is_listening();
            if (state.host->health_changes() != state.health_changes ||
                is_behind != state.is_behind) {
                state.health_changes = state.host->health_changes();
                state.is_behind = is_behind;
                tell_condition(node);
                tell_paths();
            }
            if (state.stopping && state.host->exited()) {
                disturbed();
                apply();
            } else if (state.stop_by && !state.host->is_frozen() && lan_.now() > *state.stop_by) {
                hangs(*state.host);
            }
        }
        after_step();
    }

    void heal() {
        go_on_until(scenario_.cluster.faults_until);
        if (finding()) {
            return;
        }
        story("*", "everything is healed");
        lasting_.clear();
        disturbed();
        apply();
        const TimePoint since = lan_.now();
        for (std::size_t node = 0; node < state_.size(); ++node) {
            command(node, control::MaintenanceRequest{});
        }
        failback_all();
        go_on_until(scenario_.cluster.faults_until + forgiven_again);
        failback_all();
        go_on_until(scenario_.cluster.ends);
        if (!finding()) {
            final_state(since);
        }
    }

    void go_on_until(Duration at) {
        lan_.run_until([this] { return finding().has_value(); }, begin_ + at - lan_.now());
    }

    void failback_all() {
        for (std::size_t node = 0; node < state_.size(); ++node) {
            for (int vip = 0; vip < scenario_.cluster.vips; ++vip) {
                command(node, control::FailbackRequest{name_of_vip(vip)});
            }
        }
    }

    // A start that was bad may end so after the first failback.
    static constexpr Duration forgiven_again = 6s;
    static constexpr int most_steps_at_once = 10'000;

    VirtualLan& lan_;
    const Scenario& scenario_;
    const Storyteller& tell_;
    const std::function<void()>& every_hour_;
    Intruder intruder_;
    Wire wire_;
    TimePoint next_hour_;
    TimePoint at_;
    int steps_at_once_ = 0;
    Random looks_;
    TimePoint begin_;
    std::vector<NodeState> state_;
    std::set<std::size_t> lasting_;  // places in scenario_.faults
    std::set<std::pair<FaultKind, std::size_t>> in_force_;
    std::uint64_t steps_ = 0;
    std::map<std::pair<std::size_t, vrrp::Vrid>, int> last_told_;  // priorities
};

}  // namespace

History run(const Scenario& scenario, const Storyteller& tell,
            const std::function<void()>& every_hour,
            const std::function<void(VirtualHost&)>& prepare) {
    VirtualLan lan;
    Stage stage(lan, scenario, tell, every_hour, prepare);
    return stage.play();
}

}  // namespace understudy::sim
