#include "checks/probes/channel.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

#include "checks/probes/wire.hpp"

namespace understudy::checks {

namespace {

constexpr int most_at_once = 64;  // then other events have their turn
// A thousand outcomes may come together.
constexpr int buffer_size = 1 << 20;

}  // namespace

std::pair<int, int> make_channel() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw std::runtime_error("the kernel gives no socket pair");
    }
    for (const int end : ends) {
        setsockopt(end, SOL_SOCKET, SO_SNDBUF, &buffer_size, sizeof buffer_size);
    }
    return {ends[0], ends[1]};
}

Channel::Channel(boost::asio::io_context& context, int fd)
    : descriptor_(context, fd), buffer_(std::max(longest_order, longest_report)) {}

void Channel::listen(Packet packet, Closed closed) {
    packet_ = std::move(packet);
    closed_ = std::move(closed);
    wait();
}

void Channel::wait() {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [this](const boost::system::error_code& error) {
                               if (error) {
                                   return;
                               }
                               if (read()) {
                                   wait();
                               } else {
                                   closed_();
                               }
                           });
}

bool Channel::read() {
    for (int i = 0; i < most_at_once; ++i) {
        const ssize_t size = recv(descriptor_.native_handle(), buffer_.data(), buffer_.size(),
                                  MSG_DONTWAIT | MSG_TRUNC);
        if (size < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        if (size == 0) {
            return false;
        }
        if (static_cast<std::size_t>(size) <= buffer_.size()) {  // longer: none of ours
            packet_(std::span{buffer_}.first(static_cast<std::size_t>(size)));
        }
    }
    return true;
}

bool Channel::try_send(std::span<const std::byte> packet) {
    return ::send(descriptor_.native_handle(), packet.data(), packet.size(),
                  MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

bool Channel::send(std::span<const std::byte> packet) {
    while (::send(descriptor_.native_handle(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

}  // namespace understudy::checks
