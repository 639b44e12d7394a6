// Nodes with a check and a service, on a virtual LAN.
#pragma once

#include <gmock/gmock.h>

#include "tests/sim/virtual_lan.hpp"

namespace understudy {

using namespace std::chrono_literals;
using sim::VirtualHost;
using sim::VirtualLan;
using sim::web;

inline const std::string vip = "192.0.2.10/24";

inline checks::CheckSettings check(const std::string& name) {
    checks::CheckSettings settings;
    settings.name = name;
    settings.type = "http";
    settings.question = checks::Http{};
    settings.interval = 500ms;
    settings.fast_interval = 50ms;
    settings.rise = 2;
    settings.fall = 2;
    return settings;
}

// A VIP with the service "haproxy", which is up while the check "frontend" is.
inline core::Configuration served(vrrp::Priority priority, bool startable) {
    core::Configuration configuration = web(priority);
    configuration.checks.push_back(check("frontend"));
    core::ServiceSettings service;
    service.name = "haproxy";
    service.checks = {"frontend"};
    service.unit = startable ? "haproxy.service" : "";
    service.start_timeout = 5s;
    configuration.services.push_back(service);
    configuration.vips.front().service = "haproxy";
    return configuration;
}

class Services : public testing::Test {
protected:
    bool active(VirtualHost& host, Duration limit) {
        return lan.run_until([&] { return host.state() == "active"; }, limit);
    }
    bool reaches(VirtualHost& host, const std::string& state, Duration limit) {
        return lan.run_until([&] { return host.state() == state; }, limit);
    }
    std::string all_reasons(VirtualHost& host) {
        std::string text;
        for (const std::string& reason : host.why()) {
            text += reason + '\n';
        }
        return text;
    }
    // lb1 is active with a service that runs on one node only, lb2 waits.
    void start_one_node_pair() {
        for (VirtualHost* host : {&lb1, &lb2}) {
            core::Configuration configuration = served(host == &lb1 ? 150 : 100, true);
            configuration.services.front().stop_on_release = true;
            configuration.services.front().standby = core::Standby::cold;
            host->start(configuration);
            host->kill_service("haproxy");
        }
        ASSERT_TRUE(active(lb1, 20s));
        lan.run_for(5s);
    }
    // Nobody holds the address together with somebody else for longer than a handover.
    void never_held_twice() {
        lan.after_step = [this] {
            if (lan.holders(vip).size() < 2) {
                twice_.reset();
                return;
            }
            twice_ = twice_.value_or(lan.now());
            ASSERT_LE(lan.now() - *twice_, 5ms);
        };
    }

    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    VirtualHost& lb2 = lan.add("lb2");
    VirtualHost& lb3 = lan.add("lb3");
    std::optional<TimePoint> twice_;
};

}  // namespace understudy
