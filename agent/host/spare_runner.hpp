// What becomes of the agent when the runner dies. The heartbeat has given up the rights that a
// runner needs and cannot start another. So each runner keeps a spare: a process with what it was
// started with, which waits for its death, takes its place after a pause, and gets a spare itself.
// Only the death of both at once is for ever.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "agent/host/packet_sockets.hpp"
#include "base/time.hpp"

namespace understudy::host {

// What a runner leaves to its spare.
struct RunnerPlace {
    int orders = -1;
    int probers_end = -1;
    int prober_program = -1;
    ProberSockets sockets;
    TimePoint started{};
    Duration pause = std::chrono::milliseconds{200};  // before the next one starts

    std::vector<int> descriptors() const;
};

// The process, or -1 (errno says why). It is a child of this process's parent, the heartbeat, and
// ends with it. `take_over` is called there when this process is dead, with the place as the next
// runner has it.
pid_t start_spare(const RunnerPlace& place, const std::function<void(RunnerPlace)>& take_over);

// Closes all descriptors but the standard ones and `kept`; -1 is none.
void keep_only_descriptors(std::vector<int> kept);

}  // namespace understudy::host
