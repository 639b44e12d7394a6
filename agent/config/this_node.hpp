// What a configuration names that has to be on the machine it runs on: interfaces, source
// addresses, programs, users, units, files.
#pragma once

#include <functional>
#include <string>

#include "agent/config/cluster.hpp"
#include "agent/config/diagnostic.hpp"
#include "base/ip_address.hpp"

namespace understudy::config {

// How the machine is asked.
struct Machine {
    std::function<bool(const std::string& name)> has_interface;
    std::function<bool(const IpAddress& address)> has_address;
    std::function<bool(const std::string& name)> has_user;
    std::function<bool(const std::string& name)> has_unit;
    // Empty, or what is wrong with it: "does not exist", "is not executable".
    std::function<std::string(const std::string& path)> trouble_with_program;
    std::function<std::string(const std::string& path)> trouble_with_file;
};

// This one. Units are looked for where systemd looks for their files; the service manager is not
// asked.
Machine this_machine();

// Everything that is missing is an error, at the line that names it.
Diagnostics compare_with_machine(const NodeFile& node, const Machine& machine);

}  // namespace understudy::config
