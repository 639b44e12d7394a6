// Raw sockets of a prober. A process with CAP_NET_RAW opens them and passes them on.
#pragma once

namespace understudy::checks {

// Close-on-exec, and never blocking. -1: not open; errno says why.
struct RawDescriptors {
    int echo_v4 = -1;
    int echo_v6 = -1;  // also for Neighbour Discovery
    int arp = -1;      // lets answers through and nothing else, for good
};
int open_echo_v4();
int open_echo_v6();
int open_arp();

}  // namespace understudy::checks
