// Least privilege: what the heartbeat process needs, and nothing else.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "agent/core/configuration.hpp"

namespace understudy::host {

// Empty, or which of CAP_NET_ADMIN and CAP_NET_RAW this process lacks.
std::string missing_capability();

// Gives up every capability but those two, for good; and forbids to gain any by exec. Root without
// capabilities cannot chown: call it when the control socket exists. An error is a text.
std::string drop_privileges();

// Empty, or what the configuration asks for and this process may not do: run something as another
// user (`changes_user`: it may), look at the processes of other users.
std::string missing_right_for(const core::Configuration& configuration, bool changes_user);

// Throws std::runtime_error if that cannot be found out.
bool user_exists(const std::string& name);

// Whether this process may become another user.
bool may_change_user();

// The user that a prober becomes where that is permitted: understudy-prober, which the package
// makes, or else script_user. Nothing if there is neither.
struct Account {
    uid_t uid = 0;
    gid_t gid = 0;
};
std::optional<Account> account_of_prober(const std::string& script_user);

// In the runner: keeps CAP_SETUID, CAP_SETGID, CAP_KILL and CAP_NET_RAW of what there is, and
// becomes root where a service has a unit. Returns what failed.
std::string keep_runner_rights(const std::map<std::uint32_t, core::ServiceSettings>& services);
// The same for its spare, which knows no configuration.
std::string keep_spare_rights();
// In a process that executes the prober next: what there is of CAP_SETUID, CAP_SETGID and
// CAP_NET_RAW survives that, also where the user is not root.
void pass_on_prober_rights();

}  // namespace understudy::host
