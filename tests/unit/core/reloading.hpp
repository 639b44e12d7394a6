// Real Nodes on a virtual LAN, of which lb1 is given another configuration while it works.
#pragma once

#include <gmock/gmock.h>

#include "agent/core/reload.hpp"
#include "tests/sim/virtual_lan.hpp"

namespace understudy {

using namespace std::chrono_literals;
using control::DoneResponse;
using control::ErrorResponse;
using core::Configuration;
using sim::VirtualHost;
using sim::VirtualLan;
using sim::web;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

inline const std::string vip = "192.0.2.10/24";
inline const std::string second = "192.0.2.11/24";

inline core::VirtualAddress address(const std::string& prefix) {
    return {*IpPrefix::parse(prefix), "eth0", true, false};
}

// Another VIP beside "web".
inline core::VipSettings mail(vrrp::Priority priority) {
    core::VipSettings settings = web(priority).vips.front();
    settings.name = "mail";
    settings.vrid = 52;
    settings.addresses = {address("192.0.2.20/24")};
    return settings;
}

inline checks::CheckSettings check(const std::string& name, Duration interval = 500ms) {
    checks::CheckSettings settings;
    settings.name = name;
    settings.type = "http";
    settings.question = checks::Http{};
    settings.interval = interval;
    settings.fast_interval = 50ms;
    settings.rise = 2;
    settings.fall = 2;
    return settings;
}

inline Configuration tracking(vrrp::Priority priority) {
    Configuration configuration = web(priority);
    configuration.checks = {check("gateway")};
    configuration.vips.front().tracks = {{"gateway", std::nullopt}};
    return configuration;
}

inline Configuration served(vrrp::Priority priority) {
    Configuration configuration = web(priority);
    configuration.checks = {check("frontend")};
    core::ServiceSettings service;
    service.name = "haproxy";
    service.checks = {"frontend"};
    service.unit = "haproxy.service";
    service.start_timeout = 5s;
    configuration.services = {service};
    configuration.vips.front().service = "haproxy";
    return configuration;
}

inline std::string name_of(const core::Action& action) {
    if (const auto* add = std::get_if<core::AddAddress>(&action)) {
        return "add " + add->prefix.to_string();
    }
    if (const auto* remove = std::get_if<core::RemoveAddress>(&action)) {
        return "remove " + remove->prefix.to_string();
    }
    if (const auto* renew = std::get_if<core::RenewAddress>(&action)) {
        return "renew " + renew->prefix.to_string();
    }
    if (const auto* announce = std::get_if<core::Announce>(&action)) {
        return "announce " + announce->address.to_string();
    }
    return std::holds_alternative<core::SendAdvert>(action) ? "advert"
           : std::holds_alternative<core::RunCheck>(action) ? "run"
           : std::holds_alternative<core::Publish>(action)  ? "state"
                                                            : "other";
}

class Reload : public testing::Test {
protected:
    Reload() {
        lb1.recorder = [this](TimePoint, const core::Event& event, const core::Outbox& out) {
            if (std::holds_alternative<core::ConfigurationChanged>(event)) {
                decided.clear();
                std::ranges::transform(out.actions, std::back_inserter(decided), name_of);
            }
        };
    }
    void start(const Configuration& first, const Configuration& other) {
        lb1.start(first);
        lb2.start(other);
        ASSERT_TRUE(reaches(lb1, "active", 60s));
        lan.run_for(10s + 300ms);
    }
    // lb1 gives "mail" away, and `second` with it; the kernel tells of it 50 ms later.
    void lose_second_slowly(const Configuration& first, const Configuration& other) {
        start(first, other);
        lb1.slow_down_kernel(50ms);
        lb1.send(control::FailoverRequest{"mail", 10s});
        ASSERT_TRUE(lan.run_until([&] { return !lb1.holds(second); }, 1s));
    }
    bool reaches(VirtualHost& host, const std::string& state, Duration limit = 10s) {
        return lan.run_until([&] { return host.state() == state; }, limit);
    }
    // No second of lb1 passes without an advertisement, and nothing changes its state.
    void undisturbed(Duration duration) {
        lan.adverts.clear();
        const auto events = lb1.events().size();
        const TimePoint begin = lan.now();
        lan.run_for(duration);
        TimePoint last = begin;
        for (const auto& advert : lan.adverts) {
            EXPECT_EQ(advert.from, "lb1");
            EXPECT_LE(advert.at - last, 1s);
            last = advert.at;
        }
        EXPECT_LE(lan.now() - last, 1s);
        EXPECT_EQ(lb1.events().size(), events);
    }

    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    VirtualHost& lb2 = lan.add("lb2");
    std::vector<std::string> decided;  // on the last reload of lb1
};

}  // namespace understudy
