#include "agent/host/kernel_monitor.hpp"

#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include <cerrno>
#include <span>

#include "agent/host/kernel_messages.hpp"
#include "base/system_error.hpp"

namespace understudy::host {

namespace {

constexpr int monitor_receive_buffer = 8 * 1024 * 1024;
// Messages taken from the socket in one go, so that a storm of changes does not keep the loop.
constexpr int most_messages_a_round = 64;
// Of those that are too old to be looked at: each takes a microsecond.
constexpr int most_discarded_a_round = 4096;

}  // namespace

void KernelMonitor::CloseSocket::operator()(nl_sock* socket) const {
    nl_socket_free(socket);
}

KernelMonitor::KernelMonitor() : changes_(nl_socket_alloc()), questions_(nl_socket_alloc()) {
    for (nl_sock* socket : {changes_.get(), questions_.get()}) {
        if (socket == nullptr || nl_connect(socket, NETLINK_ROUTE) < 0) {
            throw_system_error("cannot open a netlink socket");
        }
    }
    const int fd = nl_socket_get_fd(changes_.get());
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &monitor_receive_buffer,
                   sizeof monitor_receive_buffer) < 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &monitor_receive_buffer,
                   sizeof monitor_receive_buffer);
    }
    nl_socket_set_nonblocking(changes_.get());
    if (nl_socket_add_memberships(changes_.get(), RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
                                  RTNLGRP_IPV6_IFADDR, 0) < 0) {
        throw_system_error("cannot join the netlink groups of links and addresses");
    }
}

KernelMonitor::~KernelMonitor() = default;

int KernelMonitor::fd() const {
    return nl_socket_get_fd(changes_.get());
}

void KernelMonitor::dump(int type, const EventSink& sink) {
    rtgenmsg everything{};
    everything.rtgen_family = AF_UNSPEC;
    if (nl_send_simple(questions_.get(), type, NLM_F_DUMP, &everything, sizeof everything) < 0) {
        throw_system_error("cannot ask for the interfaces and addresses over netlink");
    }
    const int fd = nl_socket_get_fd(questions_.get());
    alignas(nlmsghdr) char buffer[64 * 1024];
    while (true) {
        const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return;
        }
        if (report_messages(std::as_bytes(std::span{buffer}).first(static_cast<std::size_t>(size)),
                            sink)) {
            return;
        }
    }
}

void KernelMonitor::observe_all(const EventSink& sink) {
    sink(core::ObservationStarted{});
    dump(RTM_GETLINK, sink);
    dump(RTM_GETADDR, sink);
    sink(core::ObservationComplete{});
}

bool KernelMonitor::read_events(const EventSink& sink) {
    alignas(nlmsghdr) char buffer[64 * 1024];
    bool complete = true;
    for (int round = 0; round < (complete ? most_messages_a_round : most_discarded_a_round);
         ++round) {
        const ssize_t size = recv(fd(), buffer, sizeof buffer, MSG_DONTWAIT);
        if (size < 0 && errno == ENOBUFS) {
            complete = false;
        } else if (size <= 0) {
            break;
        } else if (complete) {
            report_messages(std::as_bytes(std::span{buffer}).first(static_cast<std::size_t>(size)),
                            sink);
        }
    }
    return complete;
}

}  // namespace understudy::host
