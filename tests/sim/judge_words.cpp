// The rules about what nodes say, what they believe, and what they have looked at.
#include <algorithm>
#include <memory>
#include <utility>

#include "agent/core/reload.hpp"
#include "tests/sim/judge.hpp"

namespace understudy::sim {

void Judge::note_words(std::size_t node, vrrp::Priority priority) {
    Words& words = words_[node];
    if (priority <= vrrp::low_band_top) {
        words.gift_at = lan_.now();
        return;
    }
    if (words.ordinary_at < lan_.now()) {  // once for both families
        words.ordinary_before = std::exchange(words.ordinary_at, lan_.now());
    }
    const Duration interval = scenario_.nodes[node].interval;
    const Duration since = lan_.now() - words.forged_at;
    // An advertisement right after it may be older.
    if (!words.contradicted_since && since >= std::min<Duration>(50ms, interval / 4) &&
        since <= 2 * interval) {
        words.contradicted_since = lan_.now();
    }
}

void Judge::gift_forged(std::size_t node) {
    Words& words = words_[node];
    words.forged_at = lan_.now();
    // It may overtake the contradiction.
    if (words.contradicted_since && lan_.now() - *words.contradicted_since <= slowest()) {
        words.contradicted_since.reset();
    }
}

// "192.0.2.1 resigned (priority 0)", "no advertisement from fe80::98 for 3.6 s".
std::optional<std::size_t> Judge::named_in(const std::string& cause) const {
    for (std::size_t node = 0; node < nodes_.size(); ++node) {
        for (const Family family : {Family::ipv4, Family::ipv6}) {
            const std::string name =
                VirtualHost::address(family, static_cast<int>(node) + 1).to_string() + ' ';
            if (cause.starts_with(name) || cause.find(" from " + name) != std::string::npos) {
                return node;
            }
        }
    }
    return std::nullopt;
}

// Everything, and nothing has happened to either of them.
bool Judge::has_heard(std::size_t node, std::size_t of, TimePoint since) const {
    const auto& clean = pairs_[std::min(node, of)][std::max(node, of)].clean_since;
    const auto undisturbed = [&](std::size_t index) {
        return nodes_[index].changed < since && commanded_at_[index] < since;
    };
    return node != of && clean && *clean < since && slowest() <= 1ms && undisturbed(node) &&
           undisturbed(of);
}

// It preempts the other one in any case.
bool Judge::goes_first(std::size_t node, std::size_t other) const {
    return scenario_.nodes[node].preempt &&
           scenario_.nodes[node].priority > scenario_.nodes[other].priority;
}

void Judge::published(const VirtualHost& host, const control::StateEvent& event) {
    const bool takes =
        (event.to == control::State::active && event.from != control::State::promoting) ||
        event.to == control::State::promoting;
    std::optional<std::size_t> of;
    if (takes && event.vip == name_of_vip(0)) {
        of = named_in(event.cause);
    }
    if (!of || !has_one_interval_) {
        return;
    }
    const TimePoint now = lan_.now();
    const Duration interval = longest_interval();
    const Words& words = words_[*of];
    // What is still under way says nothing yet.
    const TimePoint arrived = now - slowest() - 1ms;
    const TimePoint last = words.ordinary_at < arrived ? words.ordinary_at : words.ordinary_before;
    const bool speaks = now - last < interval && words.gift_at < now - 4 * interval;
    const bool for_a_gift = event.cause.find("offers the addresses") != std::string::npos ||
                            event.cause.find("resigned") != std::string::npos;
    if (for_a_gift && speaks && words.contradicted_since && *words.contradicted_since < arrived &&
        !goes_first(place(host), *of) &&
        has_heard(place(host), *of, *words.contradicted_since - 4 * interval)) {
        find("fooled", host.name() + ": " + event.cause);
    }
    if (event.cause.starts_with("no advertisement from") && speaks &&
        has_heard(place(host), *of, now - 5 * interval)) {
        find("impatient", host.name() + ": " + event.cause);
    }
}

// A reload without a difference has everything looked at; questions are asked as well.
void Judge::look_again(const VirtualHost& host, const core::Node& node) {
    const auto next = node.next_deadline();
    if (host.is_reading() || (next && *next <= lan_.now())) {
        return;
    }
    core::Node again = node;
    core::Outbox out;
    const std::shared_ptr<const core::Configuration> same{std::shared_ptr<void>{},
                                                          &node.configuration()};
    again.handle(lan_.now(), core::change_of(*same, same), out);
    if (!out.actions.empty()) {
        find("overlooked", host.name() + " does something when it looks again");
    }
    out.clear();
    core::Node asked = node;
    asked.handle(lan_.now(), core::CommandReceived{0, control::StatusRequest{}}, out);
    asked.handle(lan_.now(), core::CommandReceived{0, control::WhyRequest{name_of_vip(0)}}, out);
    if (out.actions.size() != 2) {
        find("overlooked", host.name() + " does something when it is asked");
    }
}

}  // namespace understudy::sim
