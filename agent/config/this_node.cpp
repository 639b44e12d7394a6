#include "agent/config/this_node.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <variant>

#include "agent/config/values.hpp"
#include "base/overloaded.hpp"

namespace understudy::config {

namespace {

// Where the keys of one section are.
class SectionPlaces {
public:
    SectionPlaces(const NodeFile& node, const std::map<std::string, KeyPlaces>& sections,
                  const std::string& name)
        : file_(node.file) {
        const auto found = sections.find(name);
        keys_ = found == sections.end() ? nullptr : &found->second;
    }
    Place of(const std::string& key) const {
        if (keys_ == nullptr) {
            return {file_, 1, 1};
        }
        const auto exact = keys_->find(key);
        return exact == keys_->end() ? keys_->at("") : exact->second;
    }

private:
    const std::string& file_;
    const KeyPlaces* keys_ = nullptr;
};

// The users that the agent's processes run as: understudyd(8), Processes and Rights.
struct Users {
    std::string agent;   // reads the configuration
    std::string loader;  // reads certificates and credentials, as the prober before it gives up
    std::string prober;  // looks at files and processes
    std::string runner;  // [agent] script_user: hooks, scripts, commands of services
};

bool runs_as_script_user(const core::Configuration& configuration) {
    return std::ranges::any_of(configuration.checks,
                               [](const checks::CheckSettings& check) {
                                   return std::holds_alternative<checks::Script>(check.question);
                               }) ||
           std::ranges::any_of(configuration.vips,
                               [](const core::VipSettings& vip) { return vip.hooks.any(); }) ||
           std::ranges::any_of(configuration.services, [](const core::ServiceSettings& service) {
               return !service.start.empty() || !service.stop.empty();
           });
}

Users users_of(const core::Configuration& configuration, const Machine& machine) {
    const std::string& script_user = configuration.agent.script_user;
    // Without the right to become script_user the agent does not start where it needs it.
    const bool changes_user = machine.agent_changes_user || runs_as_script_user(configuration);
    const bool has_unit = std::ranges::any_of(
        configuration.services,
        [](const core::ServiceSettings& service) { return !service.unit.empty(); });
    return {machine.agent_user, changes_user && has_unit ? "root" : machine.agent_user,
            changes_user ? script_user : machine.agent_user, script_user};
}

class MachineComparison {
public:
    MachineComparison(const NodeFile& node, const Machine& machine)
        : node_(node), machine_(machine), users_(users_of(node.configuration, machine)) {}

    Diagnostics run() {
        for (const std::string& path : files()) {
            const std::string trouble =
                machine_.trouble_with(std::filesystem::absolute(path), Use::read, users_.agent);
            if (!trouble.empty()) {
                diagnostics_.push_back({{path, 1, 1}, "this file " + trouble, Severity::error});
            }
        }
        for (const core::VipSettings& vip : node_.configuration.vips) {
            compare(vip);
        }
        for (const core::ServiceSettings& service : node_.configuration.services) {
            compare(service);
        }
        for (const checks::CheckSettings& check : node_.configuration.checks) {
            compare(check);
        }
        // Whoever runs them; without any, nobody becomes that user.
        const bool has_hooks = std::ranges::any_of(
            node_.configuration.vips, [](const core::VipSettings& vip) { return vip.hooks.any(); });
        if (has_hooks || !node_.configuration.checks.empty()) {
            const auto place = node_.agent.find("script_user");
            user(place == node_.agent.end() ? Place{node_.file, 1, 1} : place->second,
                 "script_user", node_.configuration.agent.script_user);
        }
        return std::move(diagnostics_);
    }

private:
    void complain(const Place& place, const std::string& key, const std::string& what) {
        if (said_.insert(key + ' ' + what).second) {
            diagnostics_.push_back({place, key + ": " + what, Severity::error});
        }
    }
    void interface(const Place& place, const std::string& key, const std::string& name) {
        if (!machine_.has_interface(name)) {
            complain(place, key, "there is no interface " + name + " on this machine");
        }
    }
    void source(const Place& place, const std::string& key, const std::optional<IpAddress>& from) {
        if (from && !machine_.has_address(*from)) {
            complain(place, key, from->to_string() + " is no address of this machine");
        }
    }
    void user(const Place& place, const std::string& key, const std::string& name) {
        if (!name.empty() && !machine_.has_user(name)) {
            complain(place, key, "there is no user " + name + " on this machine");
        }
    }
    void unit(const Place& place, const std::string& name) {
        if (!name.empty() && !machine_.has_unit(name)) {
            complain(place, "unit", "there is no unit file of " + name + " on this machine");
        }
    }
    void program(const Place& place, const std::string& key,
                 const std::vector<std::string>& command, const std::string& user) {
        if (!command.empty()) {
            use(place, key, command.front(), Use::execute, user);
        }
    }
    void secret(const Place& place, const std::string& key, const std::string& path) {
        use(place, key, path, Use::read, users_.loader);
    }
    void use(const Place& place, const std::string& key, const std::string& path, Use how,
             const std::string& user) {
        const std::string trouble = path.empty() ? "" : machine_.trouble_with(path, how, user);
        if (!trouble.empty()) {
            complain(place, key, path + ' ' + trouble);
        }
    }
    void tls(const SectionPlaces& places, const checks::TlsClient& client) {
        secret(places.of("ca"), "ca", client.ca);
        secret(places.of("certificate"), "certificate", client.certificate);
        secret(places.of("key"), "key", client.key);
    }
    // The file and what it includes, as far as something was written there.
    std::set<std::string> files() const {
        std::set<std::string> found{node_.file};
        const auto add = [&](const KeyPlaces& keys) {
            for (const auto& [_, place] : keys) {
                found.insert(place.file);
            }
        };
        add(node_.agent);
        for (const auto* sections : {&node_.places, &node_.services, &node_.checks}) {
            for (const auto& [_, keys] : *sections) {
                add(keys);
            }
        }
        return found;
    }

    void compare(const core::VipSettings& vip);
    void compare(const core::ServiceSettings& service);
    void compare(const checks::CheckSettings& check);

    const NodeFile& node_;
    const Machine& machine_;
    const Users users_;
    Diagnostics diagnostics_;
    std::set<std::string> said_;  // one missing interface, one message
};

void MachineComparison::compare(const core::VipSettings& vip) {
    const SectionPlaces places(node_, node_.places, vip.name);
    interface(places.of("interface"), "interface", vip.interface);
    for (const core::VirtualAddress& address : vip.addresses) {
        if (address.interface != vip.interface) {
            interface(places.of(address.advertised ? "address" : "extra_address"), "interface",
                      address.interface);
        }
    }
    for (const IpAddress& address : vip.unicast_sources) {
        source(places.of("unicast_source"), "unicast_source", address);
    }
    for (const IpAddress& address : vip.peers) {
        if (machine_.has_address(address)) {
            complain(places.of("peer"), "peer",
                     address.to_string() + " is an address of this machine");
        }
    }
    for (std::size_t kind = 0; kind < core::hook_kinds; ++kind) {
        const char* key = core::hook_names.at(kind);
        program(places.of(key), key, vip.hooks.commands.at(kind), users_.runner);
    }
}

void MachineComparison::compare(const core::ServiceSettings& service) {
    const SectionPlaces places(node_, node_.services, service.name);
    unit(places.of("unit"), service.unit);
    program(places.of("start"), "start", service.start, users_.runner);
    program(places.of("stop"), "stop", service.stop, users_.runner);
}

void MachineComparison::compare(const checks::CheckSettings& check) {
    const SectionPlaces places(node_, node_.checks, check.name);
    const auto from = [&](const auto& question) {
        source(places.of("source"), "source", question.source);
    };
    // A file, process or interface that a check looks for may be missing. The prober only has to be
    // able to look.
    std::visit(
        Overloaded{
            [&](const checks::Icmp& icmp) { from(icmp); },
            [&](const checks::Tcp& tcp) { from(tcp); }, [&](const checks::Udp& udp) { from(udp); },
            [&](const checks::Arp& arp) {
                interface(places.of("interface"), "interface", arp.interface);
            },
            [&](const checks::Tls& question) { tls(places, question.tls); },
            [&](const checks::Http& http) {
                tls(places, http.tls);
                secret(places.of("credentials_file"), "credentials_file", http.credentials_file);
            },
            [&](const checks::Url& url) {
                tls(places, url.tls);
                secret(places.of("credentials_file"), "credentials_file", url.credentials_file);
            },
            [&](const checks::Script& script) {
                program(places.of("command"), "command", script.command,
                        script.user.empty() ? users_.runner : script.user);
                user(places.of("user"), "user", script.user);
            },
            [&](const checks::Unit& question) { unit(places.of("unit"), question.name); },
            [&](const checks::Process& process) {
                use(places.of("pid_file"), "pid_file", process.pid_file, Use::read_if_there,
                    users_.prober);
            },
            [&](const checks::File& file) {
                use(places.of("path"), "path", file.path,
                    file.value_as_weight ? Use::read_if_there : Use::look, users_.prober);
            },
            [](const checks::Dns&) {}, [](const checks::Interface&) {}},
        check.question);
}

}  // namespace

Diagnostics compare_with_machine(const NodeFile& node, const Machine& machine) {
    return MachineComparison(node, machine).run();
}

}  // namespace understudy::config
