// The history as text, for whoever has to understand a finding.
#pragma once

#include <cstdio>
#include <string>

#include "agent/core/node.hpp"
#include "base/overloaded.hpp"

namespace understudy::fuzz {

inline std::string at(core::InterfaceIndex index, const IpPrefix& prefix) {
    return ' ' + prefix.to_string() + " on " + std::to_string(index);
}

inline std::string in_words(const core::Event& event) {
    return std::visit(
        Overloaded{
            [](const core::TimePassed&) { return std::string{"time passed"}; },
            [](const core::StopRequested&) { return std::string{"stop"}; },
            [](const core::LinkSeen& e) {
                return "link " + std::to_string(e.index) + ' ' + e.name + (e.up ? " up" : " down");
            },
            [](const core::LinkGone& e) { return "link gone " + std::to_string(e.index); },
            [](const core::AddressSeen& e) {
                return (e.ours ? "ours" : "foreign") + at(e.index, e.prefix);
            },
            [](const core::AddressGone& e) { return "gone" + at(e.index, e.prefix); },
            [](const core::AddressRefused& e) { return "refused" + at(e.index, e.prefix); },
            [](const core::DatagramReceived& e) {
                const auto received = vrrp::decode(e.datagram, 0);
                return "datagram from " + e.datagram.source.to_string() +
                       (received ? ", priority " + std::to_string(received->priority) : ", bad");
            },
            [](const core::CommandReceived& e) {
                return "request " + std::to_string(e.request.index());
            },
            [](const core::CheckFinished& e) {
                return "check " + std::to_string(e.check) + ": " + std::to_string(e.outcome.passed);
            },
            [](const core::ConfigurationChanged& e) {
                std::string text = "reload:";
                for (const core::VipSettings& vip : e.configuration->vips) {
                    text += ' ' + vip.name + " (" + std::to_string(vip.priority) + ')';
                    for (const core::VirtualAddress& address : vip.addresses) {
                        text += ' ' + address.prefix.to_string() + '@' + address.interface;
                    }
                }
                return text;
            },
            [&](const auto&) { return "event " + std::to_string(event.index()); },
        },
        event);
}

inline std::string in_words(const core::Action& action) {
    return std::visit(
        Overloaded{
            [](const core::SendAdvert& a) { return "advert from " + a.source.to_string(); },
            [](const core::Announce& a) {
                return "announce " + a.address.to_string() + " on " + std::to_string(a.interface);
            },
            [](const core::AddAddress& a) { return "add" + at(a.interface, a.prefix); },
            [](const core::RenewAddress& a) { return "renew" + at(a.interface, a.prefix); },
            [](const core::RemoveAddress& a) { return "remove" + at(a.interface, a.prefix); },
            [](const core::Log& a) { return "log " + a.text; },
            [](const core::Publish& a) {
                return a.event.vip + ": " + std::string{control::name_of(a.event.from)} + " -> " +
                       std::string{control::name_of(a.event.to)} + ": " + a.event.cause;
            },
            [&](const auto&) { return "action " + std::to_string(action.index()); },
        },
        action);
}

inline void trace(TimePoint now, const core::Event& event) {
    std::fprintf(stderr, "%.6f %s\n", static_cast<double>(now.time_since_epoch().count()) / 1e6,
                 in_words(event).c_str());
}
inline void trace(const core::Outbox& out) {
    for (const core::Action& action : out.actions) {
        std::fprintf(stderr, "    %s\n", in_words(action).c_str());
    }
}

}  // namespace understudy::fuzz
