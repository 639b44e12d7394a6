// The runner: the small process that keeps the rights which the heartbeat gives up. It starts the
// prober, and whatever is run for other people: script checks, service commands, systemd units.
//
// It reads nothing from strangers. If it dies, the agent goes on without checks by script and
// without cold starts, and says so; nothing else in the agent may start programs.
#pragma once

#include <sys/types.h>

#include "agent/core/configuration.hpp"
#include "agent/host/file_descriptor.hpp"

namespace understudy::host {

struct RunnerEnds {
    FileDescriptor runner;  // orders to it, and its reports
    FileDescriptor prober;  // to whichever prober is alive
    pid_t pid = 0;
    bool changes_user = false;  // whether it can run something as another user
};

// What follows the text of a configuration that is sent to it (OrderKind::configure), after a zero
// byte: the numbers of its checks, then those of its services, in their order, divided by blanks.
// Until then they are numbered from 0.
//
// Forks it: before there are threads, and before the rights of this process are dropped. Throws
// std::runtime_error.
RunnerEnds start_runner(const core::Configuration& configuration);

}  // namespace understudy::host
