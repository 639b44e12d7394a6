#include "agent/host/local_routes.hpp"

#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "agent/host/boot_clock.hpp"
#include "agent/host/kernel_messages.hpp"

namespace understudy::host {

namespace {

// What the kernel says of IPv6 routes from now on. Not open if there is none to be had.
FileDescriptor listen_to_routes() {
    FileDescriptor routes{
        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)};
    constexpr int size = 4 * 1024 * 1024;
    setsockopt(routes.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_IPV6_ROUTE;
    if (bind(routes.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
        routes.reset();
    }
    return routes;
}

}  // namespace

void LocalRoutes::expect(const IpAddress& address) {
    if (boot_now() < quiet_until_) {
        return;
    }
    if (!socket_.is_open()) {
        socket_ = listen_to_routes();
    }
    if (socket_.is_open()) {
        expected_.insert(address);
    }
}

void LocalRoutes::wait() {
    if (const TimePoint begun = boot_now(); !read_until(begun + longest_wait)) {
        quiet_until_ = begun + pause;
    }
    expected_.clear();
    socket_.reset();
}

// Whether nothing is expected any more.
bool LocalRoutes::read_until(TimePoint deadline) {
    alignas(nlmsghdr) std::byte datagram[16 * 1024];
    while (!expected_.empty()) {
        const ssize_t size = recv(socket_.get(), datagram, sizeof datagram, 0);
        if (size >= 0) {
            report_local_routes({datagram, static_cast<std::size_t>(size)},
                                [&](const IpAddress& address) { expected_.erase(address); });
            continue;
        }
        const Duration left = deadline - boot_now();
        if ((errno != EAGAIN && errno != EINTR) || left <= Duration::zero()) {
            return false;
        }
        const timespec time{0, std::chrono::duration_cast<std::chrono::nanoseconds>(left).count()};
        pollfd readable{socket_.get(), POLLIN, 0};
        ppoll(&readable, 1, &time, nullptr);
    }
    return true;
}

}  // namespace understudy::host
