// What the kernel has: links and addresses, at once and as they change (rtnetlink, through libnl).
//
// Sees the network namespace that the process is in. Decides nothing.
#pragma once

#include <memory>

#include "agent/host/event_sink.hpp"

struct nl_sock;

namespace understudy::host {

// IFA_PROTO of every address that understudy adds (Linux 5.18 or later): how a restarted agent, and
// `understudyd --release`, know their own from everybody else's. The kernel has names for 1 to 3
// only.
inline constexpr unsigned char address_protocol = 0x55;

class KernelMonitor {
public:
    // Subscribes to changes. Throws std::runtime_error if the kernel gives no netlink socket.
    KernelMonitor();
    ~KernelMonitor();
    KernelMonitor(const KernelMonitor&) = delete;
    KernelMonitor& operator=(const KernelMonitor&) = delete;

    // Readable when something has changed.
    int fd() const;
    // ObservationStarted, everything there is, ObservationComplete. Waits for the kernel, which may
    // be busy for others: not in the loop, but in any other thread.
    void observe_all(const EventSink& sink);
    // What has changed since; never blocks. False: some of it was lost, so everything has to be
    // read again. What still waits to be read is older than that, and is left out.
    bool read_events(const EventSink& sink);

private:
    void dump(int type, const EventSink& sink);

    struct CloseSocket {
        void operator()(nl_sock* socket) const;
    };
    std::unique_ptr<nl_sock, CloseSocket> changes_;
    std::unique_ptr<nl_sock, CloseSocket> questions_;
};

}  // namespace understudy::host
