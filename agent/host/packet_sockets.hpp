// The packet sockets of the heartbeat, and how they come through its sandbox.
//
// understudyd.service may not open packet sockets: with one, whoever takes the agent over could
// read all traffic of the machine. Outside of the sandbox, `understudyd --open-sockets`
// (ExecStartPre=) opens what the agent and its probers need, with filters that nobody can take off
// again, and leaves them with the service manager (sd_pid_notify_with_fds(3), FDSTORE=1), which
// hands them to the agent (sd_listen_fds(3)). An agent that is started without its unit opens its
// own.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "agent/host/file_descriptor.hpp"
#include "checks/processes/raw_descriptors.hpp"

namespace understudy::host {

struct PacketSockets {
    FileDescriptor frames;  // sends frames on any link, and receives nothing
    FileDescriptor owners;  // see owner_socket.hpp
};

// Probers take these sets in turn: a reload starts another prober while the former one finishes
// what it has begun, and two must not read each other's answers.
inline constexpr std::size_t prober_sets = 4;
using ProberSockets = std::array<checks::RawDescriptors, prober_sets>;
// With -1 for those that are not open.
std::vector<int> all_of(const ProberSockets& sockets);

struct HandedSockets {
    PacketSockets heartbeat;
    ProberSockets probers;  // closed by nobody: they are the runner's
};

// What the service manager has handed over; nothing is open without it. Closes what it does not
// know, and forgets the variables that told of it. Once, before there are threads.
HandedSockets take_handed_sockets();

// Opens what has not been handed over. Throws std::runtime_error.
PacketSockets open_packet_sockets(PacketSockets handed);

// In ExecStartPre=: replaces what the service manager keeps for the unit. Empty, or what failed.
// Without IPv6 in the kernel the sockets for it are left out.
std::string leave_sockets_with_manager();

}  // namespace understudy::host
