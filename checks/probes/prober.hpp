// The prober: the process without rights that asks the network, and reads what strangers answer.
#pragma once

#include <cstdint>
#include <map>

#include "checks/probes/raw_sockets.hpp"
#include "checks/settings.hpp"

namespace understudy::checks {

// Whom it becomes, if it may change users at all.
struct ProberUser {
    bool changes = false;
    unsigned uid = 0;
    unsigned gid = 0;
};

// What it is made with. Numbers of checks are those of the orders.
struct ProberTask {
    std::map<std::uint32_t, CheckSettings> checks;
    std::uint32_t configuration = 0;  // the number of the one that they are from
    ProberUser user;
    RawDescriptors sockets;  // what it need not open
};

// Runs in a process of its own, which does not come back from it: opens what needs rights (raw
// sockets, credential files), gives up every right, and then answers orders on `channel` until the
// other side is gone. If a right stays, the process ends with status 1.
//
// When it is retired, it writes the number of the next configuration to `retired`, finishes what it
// has begun, and ends with status 0; orders that come after that are left to the next prober.
[[noreturn]] void run_prober(const ProberTask& task, int channel, int retired);

}  // namespace understudy::checks
