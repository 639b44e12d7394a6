#include "agent/host/service_notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

namespace understudy::host {

namespace {

// Three times what lies between two signs of life.
const std::string more_time = "EXTEND_TIMEOUT_USEC=15000000\n";

constexpr std::chrono::milliseconds retry_pause{500};

}  // namespace

ServiceNotify::ServiceNotify(boost::asio::io_context& io) : retry_(io) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    // Neither form is longer than the address; vsock: is for a whole virtual machine.
    if (path != nullptr && (*path == '/' || *path == '@') &&
        std::strlen(path) < sizeof sockaddr_un{}.sun_path) {
        socket_path_ = path;
    }
    std::uint64_t microseconds = 0;
    if (sd_watchdog_enabled(0, &microseconds) > 0) {
        life_sign_period_ = Duration{static_cast<Duration::rep>(microseconds / 2)};
    }
}

void ServiceNotify::ready() {
    if (!stopping_) {  // a reload may end after the stop has begun
        unsent_state_ = "READY=1\n";
        send();
    }
}

// sd_notify(3): Type=notify-reload wants to know since when.
void ServiceNotify::reloading() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const auto microseconds = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
    unsent_state_ = "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds) + '\n';
    send();
}

void ServiceNotify::stopping() {
    constexpr Duration often = std::chrono::seconds{5};
    stopping_ = true;
    life_sign_period_ = std::min(life_sign_period_.value_or(often), often);
    unsent_state_ = "STOPPING=1\n" + more_time;
    send();
}

void ServiceNotify::status(const std::string& text) {
    if (text != status_) {
        status_ = text;
        status_unsent_ = true;
        send();
    }
}

void ServiceNotify::alive() {
    life_sign_unsent_ = true;
    send();
}

void ServiceNotify::send() {
    if (socket_path_.empty() || try_send() || std::exchange(retry_is_set_, true)) {
        return;
    }
    retry_.expires_after(retry_pause);
    retry_.async_wait([this](const boost::system::error_code& error) {
        retry_is_set_ = false;
        if (!error) {
            send();
        }
    });
}

bool ServiceNotify::try_send() {
    std::string message = unsent_state_;
    if (life_sign_unsent_) {
        message += "WATCHDOG=1\n" + (stopping_ ? more_time : "");
    }
    if (status_unsent_) {
        message += "STATUS=" + status_ + '\n';
    }
    if (message.empty()) {
        return true;
    }
    if (!is_connected() ||
        ::send(socket_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        if (errno != EAGAIN) {
            socket_.reset();  // a restarted manager has a new socket
        }
        return false;
    }
    unsent_state_.clear();
    life_sign_unsent_ = false;
    status_unsent_ = false;
    return true;
}

bool ServiceNotify::is_connected() {
    if (socket_.is_open()) {
        return true;
    }
    socket_ = FileDescriptor{socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_path_.data(), socket_path_.size());
    std::size_t size = offsetof(sockaddr_un, sun_path) + socket_path_.size();
    if (address.sun_path[0] == '@') {
        address.sun_path[0] = '\0';  // abstract: exactly these bytes
    } else {
        ++size;
    }
    return connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(size)) == 0;
}

}  // namespace understudy::host
