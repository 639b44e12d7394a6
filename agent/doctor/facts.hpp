// What was seen on a host, as plain values: all that the judging functions know.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/diagnostic.hpp"
#include "agent/control/messages.hpp"
#include "agent/core/configuration.hpp"
#include "base/ip_address.hpp"
#include "vrrp/protocol.hpp"

namespace understudy::doctor {

struct BridgeFacts {
    std::string name;
    bool snooping = false;
    bool querier = false;
};

struct InterfaceFacts {
    std::string name;
    bool exists = false;
    bool up = false;
    bool carrier = false;
    bool multicast = false;
    unsigned mtu = 0;
    // The effective values of /proc/sys/net/ipv4|ipv6/conf: "arp_ignore", "disable_ipv6" ...
    std::map<std::string, int> settings;
    std::optional<BridgeFacts> bridge;  // the interface is one, or a port of it
    // The .network file that systemd-networkd has applied, and its KeepConfiguration.
    std::string network_file;
    std::string keep_configuration;
    std::string network_manager;  // its connection, if NetworkManager manages the interface
};

struct AddressFacts {
    std::string interface;
    IpPrefix prefix;
    bool ours = false;                  // carries the agent's protocol number
    std::optional<Duration> remaining;  // nothing: without a limit
};

// An advertisement that was heard, the last one of each sender.
struct HeardFacts {
    std::string interface;
    IpAddress source;
    vrrp::Vrid vrid = 0;
    unsigned version = 0;
    vrrp::Priority priority = 0;
    std::vector<IpAddress> addresses;
    unsigned count = 0;  // of advertisements
    bool valid = false;  // passed all checks of the protocol, for its own version
};

struct ListeningFacts {
    std::string trouble;  // why nobody listened
    Duration time{};
    TimePoint began{};  // UTC, as the times of the agent's status
    std::vector<HeardFacts> heard;
};

struct AgentFacts {
    bool answers = false;
    std::string trouble;  // why not
    std::string version;
    std::optional<control::StatusResponse> status;
    // Of a process of that name in this network namespace, whether it answers or not.
    std::optional<int> process;
    std::string missing_capabilities;
};

struct KeepalivedFacts {
    bool runs = false;
    std::vector<int> vrids;  // in its configuration, as far as that can be read
};

struct HostFacts {
    std::string kernel;                // "6.1.0-13-amd64"
    std::string missing_capabilities;  // of the doctor
    bool has_user = false;             // understudy, and its group
    bool has_group = false;
    bool may_command = false;              // root, or a member of the group
    std::optional<unsigned> runtime_mode;  // permissions of the runtime directory, if it is there
    std::optional<bool> clock_synchronised;
    KeepalivedFacts keepalived;
    std::string name;                       // of this machine
    std::vector<std::string> name_modules;  // of nsswitch.conf, that know hosts; in their order
};

// A unit that empties the whole rule set of nftables when it is started, stopped or reloaded.
struct FlushingUnit {
    std::string unit;
    std::string by;  // the line of the unit, or the line of the file that it loads
    bool enabled = false;
};

struct FirewallFacts {
    std::string trouble;  // why the rules could not be read
    std::string ruleset;  // nftables, as JSON
    // Lines of iptables-legacy-save, or nothing if those tables are not loaded.
    std::vector<std::string> legacy;
    std::vector<FlushingUnit> flushing;
};

struct Facts {
    std::string file;
    config::Diagnostics diagnostics;
    std::optional<core::Configuration> configuration;
    std::string runtime_dir;
    HostFacts host;
    AgentFacts agent;
    std::vector<InterfaceFacts> interfaces;           // those that the configuration names
    std::vector<AddressFacts> addresses;              // of the whole host, as the kernel lists them
    std::vector<control::HostNetwork::Route> routes;  // that the kernel has not made by itself
    FirewallFacts firewall;
    ListeningFacts listening;
};

}  // namespace understudy::doctor
