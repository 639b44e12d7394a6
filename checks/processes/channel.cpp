#include "checks/processes/channel.hpp"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/system_error.hpp"
#include "checks/processes/wire.hpp"

namespace understudy::checks {

namespace {

constexpr int messages_at_once = 64;  // then other events have their turn
// A thousand outcomes may come together.
constexpr int buffer_size = 1 << 20;

// Room for one descriptor.
struct alignas(cmsghdr) FileMessage : std::array<std::byte, CMSG_SPACE(sizeof(int))> {};

// As recv(2); a descriptor that comes along is put into `file`.
ssize_t receive(int fd, std::span<std::byte> buffer, int& file) {
    iovec part{buffer.data(), buffer.size()};
    FileMessage control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
    for (cmsghdr* header = size < 0 ? nullptr : CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
            std::memcpy(&file, CMSG_DATA(header), sizeof file);
        }
    }
    return size;
}

}  // namespace

std::pair<int, int> make_channel() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw_system_error("cannot create a socket pair");
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
                                   if (listening_) {
                                       wait();
                                   }
                               } else {
                                   closed_();
                               }
                           });
}

bool Channel::read() {
    for (int i = 0; i < messages_at_once && listening_; ++i) {
        const ssize_t size = receive(descriptor_.native_handle(), buffer_, file_);
        if (size < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        if (size == 0) {
            return false;
        }
        if (static_cast<std::size_t>(size) <= buffer_.size()) {  // longer: none of ours
            packet_(std::span{buffer_}.first(static_cast<std::size_t>(size)));
        }
        if (file_ >= 0) {  // nobody wanted it
            ::close(take_file());
        }
    }
    return true;
}

bool Channel::try_send(std::span<const std::byte> packet) {
    return ::send(descriptor_.native_handle(), packet.data(), packet.size(),
                  MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

bool send_with_file(int channel, std::span<const std::byte> packet, int file) {
    iovec part{const_cast<std::byte*>(packet.data()), packet.size()};
    FileMessage control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof file);
    std::memcpy(CMSG_DATA(header), &file, sizeof file);
    return sendmsg(channel, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
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
