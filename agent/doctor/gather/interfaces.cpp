#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>

#include "agent/doctor/gather/gather.hpp"
#include "agent/host/file_descriptor.hpp"
#include "agent/host/host_network.hpp"
#include "agent/host/kernel_monitor.hpp"

namespace understudy::doctor {

namespace {

namespace fs = std::filesystem;

int number_in(const std::string& path) {
    const std::string text = content_of(path);
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// /proc/sys/net is that of this process's network namespace.
int setting(const std::string& family, const std::string& interface, const std::string& key) {
    return number_in("/proc/sys/net/" + family + "/conf/" + interface + '/' + key);
}

std::map<std::string, int> settings_of(const std::string& interface) {
    std::map<std::string, int> settings;
    // For these, "all" and the interface's own together: the larger one counts.
    for (const char* key : {"arp_ignore", "arp_filter", "rp_filter", "promote_secondaries"}) {
        settings[key] = std::max(setting("ipv4", "all", key), setting("ipv4", interface, key));
    }
    for (const char* key : {"disable_ipv6", "addr_gen_mode"}) {
        settings[key] = setting("ipv6", interface, key);
    }
    return settings;
}

void read_link(InterfaceFacts& interface) {
    const host::FileDescriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ifreq request{};
    interface.name.copy(request.ifr_name, IFNAMSIZ - 1);
    if (ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) {
        return;
    }
    interface.exists = true;
    const auto flags = static_cast<unsigned>(request.ifr_flags);
    interface.up = (flags & IFF_UP) != 0;
    interface.carrier = (flags & IFF_RUNNING) != 0;
    interface.multicast = (flags & IFF_MULTICAST) != 0;
    if (ioctl(socket.get(), SIOCGIFMTU, &request) == 0) {
        interface.mtu = static_cast<unsigned>(request.ifr_mtu);
    }
}

// /sys may have been mounted in another network namespace: then it is not about this interface.
bool is_sysfs_of(const std::string& interface) {
    return number_in("/sys/class/net/" + interface + "/ifindex") ==
           static_cast<int>(if_nametoindex(interface.c_str()));
}

std::optional<BridgeFacts> bridge_of(const std::string& interface) {
    const fs::path base = "/sys/class/net";
    std::error_code error;
    std::string name;
    if (!is_sysfs_of(interface)) {
        return std::nullopt;
    }
    if (fs::exists(base / interface / "bridge", error)) {
        name = interface;
    } else if (const auto port = fs::read_symlink(base / interface / "brport/bridge", error);
               !error) {
        name = port.filename();
    } else {
        return std::nullopt;
    }
    const std::string folder = base / name / "bridge";
    return BridgeFacts{name, number_in(folder + "/multicast_snooping") > 0,
                       number_in(folder + "/multicast_querier") > 0};
}

// With all drop-ins: NAME.network.d/*.conf in each of the places, the last file by name counts.
std::string keep_configuration(const fs::path& file) {
    std::map<std::string, fs::path> drop_ins;
    for (const char* place :
         {"/usr/lib/systemd/network", "/run/systemd/network", "/etc/systemd/network"}) {
        std::error_code error;
        const fs::path folder = fs::path{place} / (file.filename().string() + ".d");
        for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
            drop_ins[entry.path().filename()] = entry.path();
        }
    }
    std::string value = value_in(content_of(file), "KeepConfiguration");
    for (const auto& [name, path] : drop_ins) {
        const std::string later = value_in(content_of(path), "KeepConfiguration");
        value = later.empty() ? value : later;
    }
    return value;
}

void read_managers(InterfaceFacts& interface, bool networkd, bool network_manager) {
    if (networkd) {
        const std::string index = std::to_string(if_nametoindex(interface.name.c_str()));
        const std::string state = content_of("/run/systemd/netif/links/" + index);
        interface.network_file = value_in(state, "NETWORK_FILE");
        interface.keep_configuration = keep_configuration(interface.network_file);
    }
    if (network_manager) {
        interface.network_manager = connection_of(interface.name);
    }
}

}  // namespace

std::vector<InterfaceFacts> gather_interfaces(const core::Configuration& configuration) {
    std::set<std::string> names;
    for (const core::VipSettings& vip : configuration.vips) {
        names.insert(vip.interface);
        for (const core::VirtualAddress& address : vip.addresses) {
            names.insert(address.interface);
        }
    }
    const bool networkd = !processes_here("systemd-network").empty();  // 15 characters count
    const bool network_manager = !processes_here("NetworkManager").empty();
    std::vector<InterfaceFacts> interfaces;
    for (const std::string& name : names) {
        InterfaceFacts interface;
        interface.name = name;
        read_link(interface);
        if (interface.exists) {
            interface.settings = settings_of(name);
            interface.bridge = bridge_of(name);
            read_managers(interface, networkd, network_manager);
        }
        interfaces.push_back(std::move(interface));
    }
    return interfaces;
}

std::vector<AddressFacts> gather_addresses() {
    std::map<core::InterfaceIndex, std::string> names;
    std::vector<AddressFacts> addresses;
    try {
        host::KernelMonitor monitor;
        monitor.observe_all([&](const core::Event& event) {
            if (const auto* link = std::get_if<core::LinkSeen>(&event)) {
                names[link->index] = link->name;
            } else if (const auto* address = std::get_if<core::AddressSeen>(&event)) {
                addresses.push_back(
                    {names[address->index], address->prefix, address->ours, address->remaining});
            }
        });
    } catch (const std::runtime_error&) {
        // Without netlink nothing is known; the interfaces will say so.
    }
    return addresses;
}

std::vector<control::HostNetwork::Route> gather_routes() {
    try {
        return host::read_host_network().routes;
    } catch (const std::runtime_error&) {
        return {};
    }
}

}  // namespace understudy::doctor
