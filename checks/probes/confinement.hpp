// What the prober can no longer do once it talks to servers, even if one of them takes it over.
//
// File permissions and capabilities are not enough: in the plain unit the prober has the user of
// the agent, which owns the runtime directory and may command the agent, signal it, and trace the
// runner. A seccomp filter takes that away.
#pragma once

#include <string>

namespace understudy::checks {

// For all threads of this process, and for good. Afterwards it can read files, use TCP, UDP and
// ICMP over IPv4 and IPv6, use the descriptors that it has, and start threads. Refused, most with
// EPERM, are:
//   - programs and child processes; signals to, limits of and memory of other processes;
//   - sockets of every family but AF_INET, AF_INET6 and AF_NETLINK: no control.sock, no D-Bus, no
//   packets;
//   - files that are opened for writing, created, removed, renamed, or given other owners, modes or
//   times;
//   - mounts, namespaces, keys, BPF, io_uring, performance counters, kernel modules.
// Needs no right: it sets PR_SET_NO_NEW_PRIVS. Returns an empty text, or what failed.
std::string confine_prober();

}  // namespace understudy::checks
