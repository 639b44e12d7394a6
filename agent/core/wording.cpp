#include "agent/core/wording.hpp"

namespace understudy::core {

namespace {

// One digit after the point, cut, not rounded: "3.4" for 3.49 s, so that no bound is overstated.
std::string tenths(std::int64_t value, std::int64_t unit) {
    const auto scaled = value * 10 / unit;
    std::string text = std::to_string(scaled / 10);
    if (scaled % 10 != 0) {
        text += '.';
        text += std::to_string(scaled % 10);
    }
    return text;
}

std::string with_priority(const vrrp::Transition& transition) {
    return transition.peer.to_string() + " (priority " + std::to_string(transition.peer_priority) +
           ")";
}

}  // namespace

std::string in_words(Duration duration) {
    const auto us = duration.count();
    if (us < 1000) {
        return std::to_string(us) + " us";
    }
    if (us < 1'000'000) {
        return tenths(us, 1000) + " ms";
    }
    if (us < 120'000'000) {
        return tenths(us, 1'000'000) + " s";
    }
    const auto seconds = us / 1'000'000;
    return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
}

std::string_view name_of(Family family) {
    return family == Family::ipv4 ? "IPv4" : "IPv6";
}

std::string in_words(const vrrp::Transition& why) {
    using vrrp::Cause;
    switch (why.cause) {
        case Cause::started:
            return "listens for an active router";
        case Cause::owner:
            return "priority 255: this node owns the addresses";
        case Cause::adopted:
            return "the addresses are held here since before the agent was restarted";
        case Cause::silence:
            if (why.peer.is_unspecified()) {
                return "no advertisement from anybody for " + in_words(why.silence);
            }
            return "no advertisement from " + why.peer.to_string() + " for " +
                   in_words(why.silence);
        case Cause::resignation:
            return why.peer.to_string() + " resigned (priority 0)";
        case Cause::preemption:
            return "preempts " + with_priority(why);
        case Cause::yielded_to_us:
            return why.peer.to_string() + " offers the addresses (priority " +
                   std::to_string(why.peer_priority) + ")";
        case Cause::claimed:
            return "takeover requested";
        case Cause::higher_priority:
            return why.peer.to_string() + " is active with priority " +
                   std::to_string(why.peer_priority);
        case Cause::tie_lost:
            return why.peer.to_string() + " is active with the same priority " +
                   std::to_string(why.peer_priority) + " and the higher address";
        case Cause::slept:
            return "this node was suspended for longer than its peers' Active_Down_Interval";
        case Cause::may_not_lead:
            return "this node is not eligible";
        case Cause::shut_down:
            return "shut down";
    }
    return {};
}

}  // namespace understudy::core
