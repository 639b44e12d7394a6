// What an agent was told, in words; only what is worth to be told.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "agent/core/configuration.hpp"
#include "agent/core/event.hpp"

namespace understudy::record {

class Narrator {
public:
    // Must outlive this.
    explicit Narrator(const core::Configuration& configuration) : configuration_(&configuration) {}

    // Empty for what everybody expects: time passing, one more of the same advertisement.
    std::string tell(const core::Event& event);

private:
    std::string tell_link(const core::LinkSeen& event);
    std::string tell_datagram(const core::DatagramReceived& event);
    std::string tell_check(const core::CheckFinished& event);
    std::string tell_service(const core::ServiceCommandFinished& event) const;
    std::string name_of(core::InterfaceIndex interface) const;
    std::string name_of(const core::Listener& listener) const;

    const core::Configuration* configuration_;
    std::shared_ptr<const core::Configuration> reloaded_;  // the same, after a reload
    std::map<core::InterfaceIndex, std::string> links_;
    std::map<core::InterfaceIndex, bool> up_;
    std::map<std::tuple<core::InterfaceIndex, IpAddress, vrrp::Vrid>, vrrp::Priority> heard_;
    std::map<std::string, bool> passed_;  // by check
};

}  // namespace understudy::record
