#include "agent/record/narrator.hpp"

#include "agent/control/json.hpp"
#include "base/overloaded.hpp"

namespace understudy::record {

namespace {

// Only those that want something changed.
std::string tell_command(const control::Request& request) {
    const bool wants = std::holds_alternative<control::FailoverRequest>(request) ||
                       std::holds_alternative<control::TakeoverRequest>(request) ||
                       std::holds_alternative<control::FailbackRequest>(request) ||
                       std::holds_alternative<control::MaintenanceRequest>(request);
    return wants ? "a client asks: " + control::to_json(request) : "";
}

}  // namespace

std::string Narrator::tell(const core::Event& event) {
    return std::visit(
        Overloaded{
            [](const core::StopRequested&) -> std::string { return "asked to stop"; },
            [&](const core::LinkSeen& e) { return tell_link(e); },
            [&](const core::LinkGone& e) {
                const std::string name = name_of(e.index);
                links_.erase(e.index);
                up_.erase(e.index);
                return name + " is gone";
            },
            [&](const core::AddressGone& e) {
                return e.prefix.to_string() + " is gone from " + name_of(e.index);
            },
            [&](const core::ListenerFailed& e) {
                return "the socket for " + name_of(e.listener) + " failed: " + e.error;
            },
            [&](const core::DatagramReceived& e) { return tell_datagram(e); },
            [&](const core::SendFailed& e) {
                return "an advertisement of VRID " + std::to_string(e.vrid) +
                       " could not be sent on " + name_of(e.interface) + ": " + e.error;
            },
            [&](const core::AddressRefused& e) {
                return "the kernel refused " + e.prefix.to_string() + " on " + name_of(e.index) +
                       ": " + e.error;
            },
            [&](const core::CheckFinished& e) { return tell_check(e); },
            [](const core::ProberStarted&) -> std::string { return "the prober was started"; },
            [&](const core::ServiceCommandFinished& e) { return tell_service(e); },
            [](const core::HookFinished& e) -> std::string {
                return e.done ? "" : "a hook failed: " + e.detail;
            },
            [](const core::CommandReceived& e) { return tell_command(e.request); },
            [&](const core::ConfigurationChanged& e) -> std::string {
                reloaded_ = e.configuration;
                configuration_ = reloaded_.get();
                return "the configuration was reloaded";
            },
            [](const auto&) { return std::string{}; },
        },
        event);
}

std::string Narrator::name_of(core::InterfaceIndex interface) const {
    const auto found = links_.find(interface);
    return found == links_.end() ? "interface " + std::to_string(interface) : found->second;
}

std::string Narrator::name_of(const core::Listener& listener) const {
    return (listener.family == Family::ipv4 ? "IPv4 on " : "IPv6 on ") +
           name_of(listener.interface);
}

std::string Narrator::tell_link(const core::LinkSeen& event) {
    links_[event.index] = event.name;
    const auto [known, fresh] = up_.try_emplace(event.index, event.up);
    const bool changed = fresh || known->second != event.up;
    known->second = event.up;
    return changed ? event.name + (event.up ? " is up" : " is down") : "";
}

// The first of each router, and every other priority than its last one.
std::string Narrator::tell_datagram(const core::DatagramReceived& event) {
    const vrrp::Datagram& datagram = event.datagram;
    const auto received = vrrp::decode(datagram, 0);
    if (!received) {
        return {};
    }
    const auto [known, fresh] =
        heard_.try_emplace({event.interface, datagram.source, received->vrid}, received->priority);
    if (!fresh && known->second == received->priority) {
        return {};
    }
    known->second = received->priority;
    return datagram.source.to_string() + " advertises VRID " + std::to_string(received->vrid) +
           " with priority " + std::to_string(received->priority);
}

std::string Narrator::tell_check(const core::CheckFinished& event) {
    const bool passed = event.outcome.passed;
    const auto& checks = configuration_->checks;
    const std::string name =
        event.check < checks.size() ? checks[event.check].name : std::to_string(event.check);
    const auto [known, fresh] = passed_.try_emplace(name, passed);
    if (!fresh && known->second == passed) {
        return {};
    }
    known->second = passed;
    return "check " + name + (passed ? " passed: " : " failed: ") + event.outcome.detail;
}

std::string Narrator::tell_service(const core::ServiceCommandFinished& event) const {
    const auto& services = configuration_->services;
    const std::string name = event.service < services.size() ? services[event.service].name
                                                             : std::to_string(event.service);
    return "service " + name + ": its command " + (event.done ? "ended" : "failed") +
           (event.detail.empty() ? "" : ": " + event.detail);
}

}  // namespace understudy::record
