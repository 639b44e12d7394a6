#include "tests/sim/judge.hpp"

#include <algorithm>

namespace understudy::sim {

namespace {

// What the advertisement of a planned move comes after the claim, and a little for those in
// between.
constexpr Duration planned_overlap = 3ms;
constexpr Duration slack = 1ms;
// How long a fault of the kernel's side may be felt: what is in flight is asked for again after 1
// s.
constexpr Duration kernel_aftermath = 1100ms;

}  // namespace

Judge::Judge(VirtualLan& lan, const Scenario& scenario)
    : lan_(lan),
      scenario_(scenario),
      nodes_(scenario.nodes.size()),
      pairs_(scenario.nodes.size(), std::vector<Pair>(scenario.nodes.size())),
      touched_at_(scenario.nodes.size()),
      commanded_at_(scenario.nodes.size()),
      forced_(scenario.nodes.size()),
      words_(scenario.nodes.size()),
      has_one_interval_(std::ranges::all_of(
          scenario.nodes,
          [&](const NodePlan& node) { return node.interval == scenario.nodes.front().interval; })),
      hooks_fail_(std::ranges::any_of(
          scenario.faults, [](const Fault& fault) { return fault.kind == FaultKind::bad_hook; })),
      disturbed_at_(lan.now()) {
    for (int vip = 0; vip < scenario.cluster.vips; ++vip) {
        addresses_.push_back(addresses_of(scenario, vip));
        for (const IpPrefix& prefix : addresses_.back()) {
            vip_of_[prefix.address] = vip;
        }
        unheld_since_.push_back(lan.now());
        moved_at_.push_back(lan.now());
    }
    for (Node& node : nodes_) {
        node.changed = node.fit_since = lan.now();
        node.held.resize(addresses_.size());
        node.handed_over.resize(addresses_.size(), true);
        node.released_at.resize(addresses_.size());
        node.advertised_at.resize(addresses_.size());
    }
}

void Judge::find(const std::string& rule, const std::string& text) {
    if (!finding_) {
        finding_ = Finding{lan_.now(), rule, text};
    }
}

void Judge::mix(std::uint64_t number) {
    fingerprint_ = (fingerprint_ ^ number) * 0x100000001b3U;
}

int Judge::vip_of(const IpAddress& address) const {
    const auto found = vip_of_.find(address);
    return found == vip_of_.end() ? -1 : found->second;
}

Duration Judge::longest_interval() const {
    return std::ranges::max_element(scenario_.nodes, {}, &NodePlan::interval)->interval;
}

// --- what is told --------------------------------------------------------------------------------

void Judge::condition(std::size_t index, const Condition& condition) {
    Node& node = nodes_.at(index);
    if (node.condition == condition) {
        return;
    }
    const auto note = [&](std::optional<TimePoint>& since, bool is_so) {
        if (!is_so) {
            since.reset();
        } else if (!since) {
            since = lan_.now();
        }
    };
    if (condition.prober_quiet || node.condition.prober_quiet) {
        node.quiet_at = lan_.now();
    }
    note(node.unfit_check_since, condition.check_fails);
    note(node.unfit_service_since, condition.service_down);
    // A service that goes up or down by itself is part of a promotion, not a new beginning.
    Condition before = node.condition;
    before.service_down = condition.service_down;
    node.condition = condition;
    if (before != condition) {
        node.changed = node.fit_since = lan_.now();
    }
}

void Judge::paths(const std::vector<std::vector<bool>>& clean, Duration slowest) {
    if (slowest < slowest_) {  // what is under way stays slow
        slower_until_ = lan_.now() + slowest_;
        slower_ = std::max(slower_, slowest_);
    }
    slowest_ = slowest;
    for (std::size_t a = 0; a < nodes_.size(); ++a) {
        for (std::size_t b = a + 1; b < nodes_.size(); ++b) {
            const auto hears = [&](std::size_t node) {
                const Condition& is = nodes_[node].condition;
                return is.running && !is.frozen && !is.link_down && !is.homeless && !is.deaf &&
                       !is.kernel_slow;
            };
            Pair& pair = pairs_[a][b];
            if (!clean[a][b] || !clean[b][a] || !hears(a) || !hears(b)) {
                pair.clean_since.reset();
            } else if (!pair.clean_since) {
                pair.clean_since = lan_.now();
            }
        }
    }
}

Duration Judge::slowest() const {
    return lan_.now() < slower_until_ + 2 * slower_ ? std::max(slower_, slowest_) : slowest_;
}

// --- what is seen --------------------------------------------------------------------------------

void Judge::sent(const VirtualHost& host, const SentAdvert& advert) {
    const std::size_t index = place(host);
    mix(static_cast<std::uint64_t>(lan_.now().time_since_epoch().count()));
    mix(index << 16U | advert.advert.vrid << 8U | advert.advert.priority);
    const int vip = advert.advert.vrid - 51;
    Node& node = nodes_[index];
    const auto place_of_vip = static_cast<std::size_t>(vip);
    node.advertised_at[place_of_vip] = lan_.now();
    const std::size_t held = node.held.at(place_of_vip);
    if (vip == 0) {
        note_words(index, advert.advert.priority);
    }
    if (advert.advert.priority == 0) {
        if (held > 0 && touched_at_[index] != lan_.now()) {
            find("zero-before-release", host.name() + " resigns " + name_of_vip(vip) +
                                            " and still holds " + std::to_string(held) +
                                            " of its addresses");
        }
        return;
    }
    const std::string& service = scenario_.nodes[index].service;
    const bool starts =
        has_service(scenario_, vip) && (service == "automatic" || service == "cold");
    const bool promotes = starts || (vip == 0 && scenario_.nodes[index].asks);
    const TimePoint now = lan_.now();
    const bool excused =
        promotes || node.released_at[place_of_vip] == now || node.condition.kernel_troubled ||
        now - touched_at_[index] < kernel_aftermath || now - node.changed < kernel_aftermath;
    if (held < addresses_[place_of_vip].size() && !excused) {
        find("advert-unheld", host.name() + " advertises " + name_of_vip(vip) + " with priority " +
                                  std::to_string(advert.advert.priority) + " and holds " +
                                  std::to_string(held) + " of " +
                                  std::to_string(addresses_[place_of_vip].size()) + " addresses");
    }
}

void Judge::announced(const VirtualHost& host, const IpAddress& address) {
    const int vip = vip_of(address);
    if (vip < 0) {
        return;
    }
    const std::size_t index = place(host);
    mix(index << 8U | 1U);
    const auto& prefixes = addresses_[static_cast<std::size_t>(vip)];
    const auto prefix = std::ranges::find(prefixes, address, &IpPrefix::address);
    const bool excused = nodes_[index].condition.kernel_troubled ||
                         lan_.now() - touched_at_[index] < kernel_aftermath;
    if (!host.has_ours(*prefix) && !excused) {
        find("announce-unheld",
             host.name() + " announces " + address.to_string() + " and does not hold it");
    }
}

void Judge::added(const VirtualHost& host, const IpPrefix& prefix) {
    const int vip = vip_of(prefix.address);
    if (vip < 0) {
        return;
    }
    const std::size_t index = place(host);
    mix(static_cast<std::uint64_t>(lan_.now().time_since_epoch().count()) << 8U | index << 4U | 2U);
    Node& node = nodes_[index];
    if (node.held[static_cast<std::size_t>(vip)]++ == 0) {
        moved_at_[static_cast<std::size_t>(vip)] = lan_.now();
        if (node.handed_over[static_cast<std::size_t>(vip)]) {
            claimed(index, vip);
        }
        node.handed_over[static_cast<std::size_t>(vip)] = false;
    }
}

void Judge::gone(const VirtualHost& host, const IpPrefix& prefix, Why why) {
    const int vip = vip_of(prefix.address);
    const std::size_t index = place(host);
    Node& node = nodes_[index];
    if (vip < 0 || node.held[static_cast<std::size_t>(vip)] == 0) {
        return;
    }
    mix(static_cast<std::uint64_t>(lan_.now().time_since_epoch().count()) << 8U | index << 4U | 3U);
    const auto place_of_vip = static_cast<std::size_t>(vip);
    if (--node.held[place_of_vip] == 0) {
        holds_no_more(index, place_of_vip);
        node.handed_over[place_of_vip] = why == Why::released;
    }
    if (why == Why::released) {
        node.released_at[place_of_vip] = lan_.now();
    }
    if (why == Why::by_hand) {
        touched_at_[index] = lan_.now();
    }
    // What was found at a start may end before it is decided whether it is taken over.
    const bool is_led =
        lan_.now() - node.advertised_at[place_of_vip] < 2 * scenario_.nodes[index].interval;
    if (why == Why::expired && is_led && host.is_running() && !host.is_frozen() && !host.exited()) {
        find("lease-lost",
             prefix.to_string() + " of " + host.name() + ", which runs, reached its end");
    }
}

void Judge::link_recreated(const VirtualHost& host) {
    Node& node = nodes_[place(host)];
    touched_at_[place(host)] = lan_.now();
    for (std::size_t vip = 0; vip < node.held.size(); ++vip) {
        if (node.held[vip] > 0) {
            holds_no_more(place(host), vip);
        }
        node.held[vip] = 0;
    }
}

// Also if it has them again before the next look.
void Judge::holds_no_more(std::size_t node, std::size_t vip) {
    moved_at_[vip] = lan_.now();
    for (std::size_t other = 0; other < nodes_.size(); ++other) {
        pairs_[std::min(node, other)][std::max(node, other)].overlap_since[vip].reset();
    }
}

// --- rules ---------------------------------------------------------------------------------------

// How long the news of a check may take: two runs, each with its time limit, and the one under way.
void Judge::claimed(std::size_t index, int vip) {
    constexpr Duration news = 1500ms;
    // A run without an outcome is waited for: its time limit, 2 s, and the patience with a prober.
    constexpr Duration silence = 6s;
    const Node& node = nodes_[index];
    const NodePlan& plan = scenario_.nodes[index];
    const TimePoint now = lan_.now();
    const bool excused = forced_[index] || node.condition.prober_quiet ||
                         now - node.quiet_at < silence || now - node.changed < news ||
                         now - commanded_at_[index] < news;
    if (excused) {
        return;
    }
    if (plan.track == 1 && node.unfit_check_since && now - *node.unfit_check_since > news) {
        find("claim-unfit", name_of_node(static_cast<int>(index)) + " takes " + name_of_vip(vip) +
                                " although its tracked check is down");
    }
    if (has_service(scenario_, vip) && plan.service != "none" && node.unfit_service_since &&
        now - *node.unfit_service_since > news) {
        find("claim-unfit", name_of_node(static_cast<int>(index)) + " takes " + name_of_vip(vip) +
                                " although its service is down");
    }
}

bool Judge::is_live_holder(std::size_t index, int vip) const {
    const Node& node = nodes_[index];
    return node.held[static_cast<std::size_t>(vip)] > 0 && !node.condition.frozen &&
           lan_.hosts()[index]->is_running();
}

void Judge::look_at_pairs(int vip) {
    const auto place_of_vip = static_cast<std::size_t>(vip);
    for (std::size_t a = 0; a < nodes_.size(); ++a) {
        for (std::size_t b = a + 1; b < nodes_.size(); ++b) {
            if (nodes_[a].held[place_of_vip] == 0 || nodes_[b].held[place_of_vip] == 0) {
                pairs_[a][b].overlap_since[place_of_vip].reset();
            } else {
                look_at_overlap(vip, a, b);
            }
        }
    }
}

// A rival somewhere else takes answers: they are limited in number.
bool Judge::all_clean_since(TimePoint since) const {
    for (std::size_t a = 0; a < nodes_.size(); ++a) {
        for (std::size_t b = a + 1; b < nodes_.size(); ++b) {
            // Who is asked to stop is still heard.
            const bool both_run = lan_.hosts()[a]->is_running() && lan_.hosts()[b]->is_running();
            const auto& clean = pairs_[a][b].clean_since;
            if (both_run && (!clean || *clean > since)) {
                return false;
            }
        }
    }
    return true;
}

void Judge::look_at_overlap(int vip, std::size_t a, std::size_t b) {
    const auto place_of_vip = static_cast<std::size_t>(vip);
    const TimePoint now = lan_.now();
    Pair& pair = pairs_[a][b];
    const bool clean = pair.clean_since.has_value();
    std::optional<TimePoint>& begun = pair.overlap_since[place_of_vip];
    bool& was_clean = pair.overlap_was_clean[place_of_vip];
    if (!begun) {
        begun = now;
        const TimePoint lately = now - 4 * longest_interval() - 2 * slowest();
        // Answers are limited in number, and whoever forges gets some of them.
        was_clean = all_clean_since(lately) && forged_at_ < lately;
    }
    was_clean = was_clean && clean;
    if (!clean) {
        return;
    }
    // In a planned move, the advertisement comes a little after the claim. Otherwise both advertise
    // within an interval, and whoever hears the better one lets go; version 2 does not answer a
    // challenger before that.
    const bool is_answered = was_clean && scenario_.cluster.version == 3;
    const int intervals = scenario_.cluster.version == 3 ? 1 : 2;
    const Duration limit =
        (is_answered ? planned_overlap : intervals * longest_interval() + slack) + 2 * slowest() +
        slack;
    const TimePoint since = std::max(*begun, *pair.clean_since);
    if (now - since > limit) {
        find("second-holder", name_of_node(static_cast<int>(a)) + " and " +
                                  name_of_node(static_cast<int>(b)) + " hold " + name_of_vip(vip) +
                                  " since " + std::to_string((now - since).count()) +
                                  " us, and hear each other");
    }
}

bool Judge::is_fit(std::size_t index, int vip) const {
    const Condition& is = nodes_[index].condition;
    const NodePlan& plan = scenario_.nodes[index];
    if (!is.running || is.frozen || is.link_down || is.homeless || is.deaf || is.kernel_troubled ||
        is.prober_quiet || plan.max_transitions > 0) {
        return false;
    }
    if (plan.track == 1 && is.check_fails) {
        return false;
    }
    if (vip > 0 && is.one_vip_less) {
        return false;
    }
    if (vip == 0 && plan.asks && hooks_fail_) {  // who was told no asks again ten seconds later
        return false;
    }
    const bool needs_service = has_service(scenario_, vip) && plan.service != "none";
    const bool can_start = plan.service != "hot" && !is.bad_start;
    return !needs_service || !is.service_down || can_start;
}

// From when on a fit node may be expected to have taken what nobody has.
Duration Judge::patience(std::size_t index) const {
    const NodePlan& plan = scenario_.nodes[index];
    Duration patience = 4 * longest_interval() + 2 * slowest() + 10ms;
    // It has just been started, or its listener broke, or its kernel refused: 1, 2, 4 s.
    if (lan_.now() - nodes_[index].changed < 30s) {
        patience += plan.startup_delay + 4500ms;
    }
    const bool any_service = std::ranges::any_of(
        scenario_.nodes, [](const NodePlan& node) { return node.service != "none"; });
    if (any_service) {
        // Somebody else may be trying to start it, and this node afterwards; a service stops first.
        patience += static_cast<int>(nodes_.size()) * 6s;
    }
    if (plan.track != 0) {
        patience += 1500ms;
    }
    if (plan.asks || plan.drains) {
        patience += static_cast<int>(nodes_.size()) * 1s;  // somebody else may be asking first
    }
    return patience;
}

void Judge::look_at_silence(int vip) {
    const auto place_of_vip = static_cast<std::size_t>(vip);
    bool held = false;
    for (std::size_t node = 0; node < nodes_.size(); ++node) {
        held = held || is_live_holder(node, vip);
    }
    if (held) {
        unheld_since_[place_of_vip].reset();
        return;
    }
    const TimePoint now = lan_.now();
    if (!unheld_since_[place_of_vip]) {
        unheld_since_[place_of_vip] = now;
    }
    for (std::size_t node = 0; node < nodes_.size(); ++node) {
        if (!is_fit(node, vip)) {
            continue;
        }
        const TimePoint since =
            std::max({*unheld_since_[place_of_vip], disturbed_at_, nodes_[node].fit_since});
        if (now - since > patience(node)) {
            find("unheld", "nobody holds " + name_of_vip(vip) + " for " +
                               std::to_string((now - since).count() / 1000) + " ms, and " +
                               name_of_node(static_cast<int>(node)) + " could");
        }
    }
}

void Judge::after_step() {
    for (int vip = 0; vip < scenario_.cluster.vips; ++vip) {
        look_at_pairs(vip);
        look_at_silence(vip);
    }
}

void Judge::after_exit(const VirtualHost& host) {
    const Node& node = nodes_[place(host)];
    if (std::ranges::any_of(node.held, [](std::size_t count) { return count > 0; })) {
        find("exit-holding", host.name() + " has ended and left addresses behind");
    }
}

// --- when all is healed --------------------------------------------------------------------------

// Whether nobody goes before it when everything works and everybody preempts. Equals leave each
// other in peace.
bool Judge::is_preferred(std::size_t node, int vip) const {
    const auto priority = [&](const NodePlan& plan) {
        return vip == 0 ? plan.priority : 255 - plan.priority;
    };
    return std::ranges::all_of(scenario_.nodes, [&](const NodePlan& other) {
        return priority(other) <= priority(scenario_.nodes[node]);
    });
}

void Judge::one_holder(int vip, TimePoint since) {
    const auto place_of_vip = static_cast<std::size_t>(vip);
    std::vector<std::size_t> holders;
    for (std::size_t node = 0; node < nodes_.size(); ++node) {
        if (nodes_[node].held[place_of_vip] > 0) {
            holders.push_back(node);
        }
    }
    if (holders.size() != 1) {
        find("not-one-holder", std::to_string(holders.size()) + " nodes hold " + name_of_vip(vip) +
                                   " " + std::to_string((lan_.now() - since).count() / 1000) +
                                   " ms after everything was healed");
        return;
    }
    const std::size_t holder = holders.front();
    if (nodes_[holder].held[place_of_vip] != addresses_[place_of_vip].size()) {
        find("incomplete",
             name_of_node(static_cast<int>(holder)) + " holds only a part of " + name_of_vip(vip));
    }
    if (lan_.now() - moved_at_[place_of_vip] < 3s) {
        find("restless", name_of_vip(vip) + " still moves");
    }
    const bool by_priority = std::ranges::all_of(scenario_.nodes, [&](const NodePlan& node) {
        return node.preempt &&
               (!has_service(scenario_, vip) || node.service == "none" || node.service == "hot");
    });
    // Where intervals differ, a forged one may be believed: preemption comes when it is over.
    const bool is_misled = !has_one_interval_ && forged_at_ != TimePoint{};
    if (by_priority && !is_misled && !is_preferred(holder, vip)) {
        find("wrong-holder", name_of_node(static_cast<int>(holder)) + " holds " + name_of_vip(vip) +
                                 ", and another has a higher priority");
    }
    for (std::size_t node = 0; node < nodes_.size(); ++node) {
        const std::string state = lan_.hosts()[node]->state(name_of_vip(vip));
        if (state != (node == holder ? "active" : "backup")) {
            find("disagreement", name_of_node(static_cast<int>(node)) + " says of " +
                                     name_of_vip(vip) + ": " + state + "; " +
                                     lan_.hosts()[node]->why(name_of_vip(vip)).front());
        }
    }
}

void Judge::final_state(TimePoint since) {
    for (const auto& host : lan_.hosts()) {
        if (host->has_ours(added_address(scenario_))) {
            find("leftover", host->name() + " has an address that its configuration does not name");
        }
    }
    for (int vip = 0; vip < scenario_.cluster.vips && !finding_; ++vip) {
        one_holder(vip, since);
    }
}

}  // namespace understudy::sim
