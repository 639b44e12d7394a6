// The interfaces: are they there, do they carry an advertisement, and who else configures them.
#include <algorithm>

#include "agent/doctor/judge.hpp"
#include "vrrp/advertisement.hpp"

namespace understudy::doctor {

namespace {

using core::VipSettings;

std::size_t advertised(const VipSettings& vip, Family family) {
    return static_cast<std::size_t>(
        std::ranges::count_if(vip.addresses, [&](const core::VirtualAddress& address) {
            return address.advertised && address.prefix.address.family() == family;
        }));
}

// RFC 9568 5.2.5: an advertisement is never fragmented.
void judge_mtu(const InterfaceFacts& interface, const VipSettings& vip, Findings& findings) {
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        const std::size_t count = advertised(vip, family);
        if (count == 0) {
            continue;
        }
        const std::size_t header = family == Family::ipv4 ? 20 : 40;
        const std::size_t size = header + vrrp::encoded_size(vip.version, family, count);
        if (size > interface.mtu) {
            findings.push_back({Severity::problem, interface.name + " MTU",
                                std::to_string(interface.mtu) + " bytes; an advertisement of VIP " +
                                    vip.name + " with its " + std::to_string(count) +
                                    " addresses has " + std::to_string(size),
                                "advertisements are not fragmented: the peers would hear nothing",
                                "ip link set " + interface.name + " mtu " + std::to_string(size) +
                                    ", on all nodes; or write some addresses as extra_address"});
        }
    }
}

bool judge_link(const InterfaceFacts& interface, Findings& findings) {
    const std::string& name = interface.name;
    if (!interface.exists) {
        findings.push_back({Severity::problem, name, "there is no such interface",
                            "its VIPs are in fault until it appears",
                            "ip link shows the names; change `interface` in the configuration"});
    } else if (!interface.up) {
        findings.push_back({Severity::problem, name, "the interface is down",
                            "its VIPs are in fault until it is up", "ip link set " + name + " up"});
    } else if (!interface.carrier) {
        findings.push_back({Severity::problem, name, "the interface has no carrier",
                            "its VIPs are in fault until there is one",
                            "look at the cable, the switch port, the bond or the other end"});
    }
    return interface.exists && interface.up && interface.carrier;
}

// An address with a lease looks like one from DHCP, so that "static" does not keep it.
void judge_networkd(const InterfaceFacts& interface, Findings& findings) {
    const std::string& keep = interface.keep_configuration;
    if (interface.network_file.empty() || keep == "yes" || keep == "true") {
        return;
    }
    findings.push_back(
        {Severity::warning, interface.name + " systemd-networkd",
         interface.network_file + (keep.empty() ? " has no KeepConfiguration=yes"
                                                : " has KeepConfiguration=" + keep + ", not yes"),
         "when networkd starts again, as at its upgrade, it removes all addresses of the interface "
         "for a moment, also this node's own: nobody has the VIP meanwhile",
         "in " + interface.network_file +
             ".d/understudy.conf: [Network] KeepConfiguration=yes; then systemctl restart "
             "systemd-networkd (networkctl reload would configure the interface anew)"});
}

// It has no setting like networkd's; and an interface that it manages is an ordinary one.
void judge_network_manager(const InterfaceFacts& interface, Findings& findings) {
    if (interface.network_manager.empty()) {
        return;
    }
    findings.push_back(
        {Severity::hint, interface.name + " NetworkManager",
         "it manages the interface (connection " + interface.network_manager + ")",
         "when the connection is activated again, it removes all addresses for a moment, also this "
         "node's own: nobody has the VIP meanwhile",
         "understudy maintenance on before nmcli connection up, and off afterwards"});
}

bool sends_multicast(const Facts& facts, const std::string& interface, Family family) {
    return facts.configuration &&
           std::ranges::any_of(facts.configuration->vips, [&](const VipSettings& vip) {
               return vip.interface == interface && !vip.is_unicast() && vip.has_family(family);
           });
}

// What is sent to 224.0.0.0/24 Linux bridges pass to all ports; in IPv6 only ff02::1 is such.
void judge_multicast(const Facts& facts, const InterfaceFacts& interface, Findings& findings) {
    const bool v4 = sends_multicast(facts, interface.name, Family::ipv4);
    const bool v6 = sends_multicast(facts, interface.name, Family::ipv6);
    if (!interface.multicast && (v4 || v6)) {
        findings.push_back({Severity::problem, interface.name + " multicast",
                            "the interface does not do multicast",
                            "advertisements go to a multicast group",
                            "ip link set " + interface.name +
                                " multicast on; or unicast_peer in the configuration"});
    }
    const auto& bridge = interface.bridge;
    if (bridge && bridge->snooping && !bridge->querier && v6) {
        findings.push_back(
            {Severity::warning, bridge->name + " multicast_snooping",
             "the bridge looks at multicast memberships, and asks nobody for them",
             "without a querier it forgets who wants ff02::12 and stops passing advertisements",
             "ip link set " + bridge->name + " type bridge mcast_querier 1, or mcast_snooping 0"});
    }
}

}  // namespace

void judge_interfaces(const Facts& facts, Findings& findings) {
    if (!facts.configuration) {
        return;
    }
    for (const InterfaceFacts& interface : facts.interfaces) {
        const std::size_t before = findings.size();
        if (judge_link(interface, findings)) {
            judge_multicast(facts, interface, findings);
            for (const VipSettings& vip : facts.configuration->vips) {
                if (vip.interface == interface.name) {
                    judge_mtu(interface, vip, findings);
                }
            }
        }
        if (interface.exists) {
            judge_networkd(interface, findings);
            judge_network_manager(interface, findings);
        }
        if (findings.size() == before) {
            findings.push_back({Severity::ok,
                                interface.name,
                                "up, with carrier, MTU " + std::to_string(interface.mtu),
                                {},
                                {}});
        }
    }
}

}  // namespace understudy::doctor
