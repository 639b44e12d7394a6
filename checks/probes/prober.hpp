// The prober: the process without rights that asks the network, and reads what strangers answer.
#pragma once

#include <string>
#include <vector>

#include "checks/settings.hpp"

namespace understudy::checks {

// Whom it becomes, if it may change users at all.
struct ProberUser {
    bool changes = false;
    unsigned uid = 0;
    unsigned gid = 0;
};

// Runs in a process of its own, which does not come back from it: opens what needs rights (raw
// sockets, credential files), gives up every right, and then answers orders on `channel` until the
// other side is gone. If a right stays, the process ends with status 1.
[[noreturn]] void run_prober(const std::vector<CheckSettings>& checks, int channel,
                             const ProberUser& user);

}  // namespace understudy::checks
