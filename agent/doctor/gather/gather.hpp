// Looks at the host: facts for judge.hpp. Changes nothing; sends nothing.
#pragma once

#include <string>
#include <vector>

#include "agent/doctor/facts.hpp"

namespace understudy::doctor {

// Everything but what the agent says: that is asked over its socket, by the client. Listens for a
// few advertisement intervals, at most 5 s.
Facts gather(const std::string& file, const std::string& runtime_dir);

// The parts.
void gather_agent_process(AgentFacts& agent);
HostFacts gather_host(const std::string& runtime_dir);
std::vector<InterfaceFacts> gather_interfaces(const core::Configuration& configuration);
std::vector<AddressFacts> gather_addresses();
std::vector<control::HostNetwork::Route> gather_routes();
// `root`: where etc, run and lib are.
std::vector<FlushingUnit> gather_flushing_units(const std::string& root = "/");
FirewallFacts gather_firewall();
ListeningFacts gather_listening(const core::Configuration& configuration,
                                const std::vector<AddressFacts>& own);

// The connection of an interface that NetworkManager manages; empty otherwise.
std::string connection_of(const std::string& interface);
// Numbers of the processes of this name in this network namespace, but for children of one of that
// name.
std::vector<int> processes_here(const std::string& name);
// The content of a small file; empty if it cannot be read.
std::string content_of(const std::string& path);
// Of "KEY=value" lines (or with another separator), the last one; empty if there is none.
std::string value_in(const std::string& text, const std::string& key, char separator = '=');

}  // namespace understudy::doctor
