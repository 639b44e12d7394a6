// The runner: the small process that keeps the rights which the heartbeat gives up. It starts the
// prober, and whatever is run for other people: script checks, service commands, systemd units.
//
// It reads nothing from strangers. If it dies, its spare takes its place (spare_runner.hpp). If
// both die at once, the agent goes on without checks by script and without cold starts, and says
// so; nothing else in the agent may start programs.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/core/configuration.hpp"
#include "agent/host/file_descriptor.hpp"
#include "agent/host/packet_sockets.hpp"

namespace understudy::host {

// The configuration names what this host does not have: another start does not help.
struct ConfigurationError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct RunnerEnds {
    FileDescriptor runner;      // orders to it, and its reports
    FileDescriptor prober;      // to whichever prober is alive
    bool changes_user = false;  // whether it can run something as another user
    FileDescriptor text;        // of the configuration, as it was sent
};

// The text of a configuration, as it is sent to the runner (OrderKind::configure): after a zero
// byte there follow the numbers of its checks, then those of its services, in their order, divided
// by blanks. Not open, and `error` says why: it cannot be written down, or there is no memory for
// it.
FileDescriptor text_for_runner(const core::Configuration& configuration, std::string& error);
bool append_numbers(const FileDescriptor& text, const std::vector<std::uint32_t>& numbers);

// Executes this program once more, as the runner, and passes on the rights that it needs and no
// others: a sandbox may allow nobody to give up rights, but what is not passed on is not there.
// Checks and services are numbered from 0. `sockets` are for the probers, and are closed here.
// Before there are threads, and before the rights of this process are dropped. Throws
// ConfigurationError without script_user, and std::runtime_error for what is refused.
RunnerEnds start_runner(const core::Configuration& configuration, const ProberSockets& sockets);

// In that process: `arguments` are those that start_runner() gives to `understudyd --runner`.
// Returns what to exit with.
int run_runner(const std::string& arguments);

}  // namespace understudy::host
