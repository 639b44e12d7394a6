// What a configuration names that has to be on the machine it runs on: interfaces, source
// addresses, programs, users, units, files; and that the user who needs a program or a file may
// run or read it.
#pragma once

#include <functional>
#include <string>

#include "agent/config/access.hpp"
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
    // Empty, or what keeps the user from the file, see access.hpp. If there is no such user, only
    // what keeps every user from it.
    std::function<std::string(const std::string& path, Use use, const std::string& user)>
        trouble_with;
    // Of the agent's unit.
    std::string agent_user = "root";
    bool agent_changes_user = true;  // it may start programs as other users
};

// This one. Units are looked for where systemd looks for their files; the service manager is not
// asked.
Machine this_machine();

// Everything that is missing is an error, at the line that names it.
Diagnostics compare_with_machine(const NodeFile& node, const Machine& machine);

}  // namespace understudy::config
