#include "agent/client/connection.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "agent/control/messages.hpp"
#include "base/system_error.hpp"

namespace understudy::client {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Deadline = std::optional<Clock::time_point>;

std::string reason_of(int error, const std::string& path) {
    switch (error) {
        case ENOENT:
            return "no agent answers: there is no " + path;
        case EACCES:
        case EPERM:
            return "permission denied: root and the group understudy may ask (" + path + ")";
        case ENAMETOOLONG:
            return "no agent answers: the path of the control socket is too long: " + path;
        case EAGAIN:
            return "no agent answers on " + path + ": it has stopped taking clients";
        default:
            return system_error_text("no agent answers on " + path, error);
    }
}

// For poll(2): rounded up, so that a wait never ends before its time and spins.
int milliseconds_to(const Deadline& deadline) {
    if (!deadline) {
        return -1;
    }
    const auto left = std::chrono::ceil<milliseconds>(*deadline - Clock::now()).count();
    constexpr milliseconds::rep longest = 3'600'000;
    return static_cast<int>(std::clamp<milliseconds::rep>(left, 0, longest));
}

Deadline deadline_in(std::optional<milliseconds> patience) {
    return patience ? Deadline{Clock::now() + *patience} : std::nullopt;
}

// Nothing once `fd` is ready.
std::optional<Trouble> wait_for(int fd, short event, const Deadline& deadline,
                                Disturbance disturbance) {
    while (true) {
        std::array<pollfd, 2> waiting = {{{fd, event, 0}, {disturbance.fd, disturbance.event, 0}}};
        const int ready = poll(waiting.data(), waiting.size(), milliseconds_to(deadline));
        if (ready < 0 && errno != EINTR) {
            return Trouble::gone;
        }
        if (ready > 0 && waiting[0].revents != 0) {
            return std::nullopt;
        }
        if (ready > 0) {
            return Trouble::disturbed;
        }
        if (deadline && Clock::now() >= *deadline) {
            return Trouble::silent;
        }
    }
}

// 0, or the error. A local socket whose queue is full is never "in progress", so it is tried again.
int connect_by(int fd, const sockaddr_un& address, const Deadline& deadline) {
    constexpr milliseconds pause{20};
    while (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
        const int error = errno;
        const bool busy = error == EAGAIN || error == EINTR;
        if (!busy || milliseconds_to(deadline) == 0) {
            return error;
        }
        std::this_thread::sleep_for(pause);
    }
    return 0;
}

}  // namespace

std::string in_words(Trouble trouble) {
    switch (trouble) {
        case Trouble::silent:
            return "the agent does not answer";
        case Trouble::gone:
            return "the agent has gone";
        case Trouble::too_long:
            return "the agent's answer is too long";
        case Trouble::disturbed:
            return "interrupted";
    }
    return {};
}

int Connection::connect_to(const std::string& path, milliseconds patience) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return ENAMETOOLONG;
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    return connect_by(fd_, address, deadline_in(patience));
}

std::expected<Connection, std::string> Connection::open(const std::filesystem::path& runtime_dir,
                                                        milliseconds patience,
                                                        control::Access access) {
    Connection connection{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (connection.fd_ < 0) {
        return std::unexpected(system_error_text("cannot open a socket"));
    }
    std::string path = (runtime_dir / "status.sock").string();
    int error = ENOENT;
    if (access == control::Access::questions) {
        error = connection.connect_to(path, patience);
    }
    // An older agent has only the other one; and who may command may ask.
    if (error == ENOENT || error == EACCES || error == EPERM) {
        path = (runtime_dir / "control.sock").string();
        error = connection.connect_to(path, patience);
    }
    if (error != 0) {
        return std::unexpected(reason_of(error, path));
    }
    return connection;
}

Connection::~Connection() {
    if (fd_ >= 0) {
        close(fd_);
    }
}

Connection::Connection(Connection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      input_(std::move(other.input_)),
      searched_(other.searched_) {}

std::expected<void, Trouble> Connection::send(const std::string& line, milliseconds patience) {
    const Deadline deadline = deadline_in(patience);
    const std::string text = line + '\n';
    std::size_t sent = 0;
    while (sent < text.size()) {
        if (const auto trouble = wait_for(fd_, POLLOUT, deadline, {})) {
            return std::unexpected(*trouble);
        }
        const ssize_t size = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (size < 0 && errno != EINTR && errno != EAGAIN) {
            return std::unexpected(Trouble::gone);
        }
        sent += size > 0 ? static_cast<std::size_t>(size) : 0;
    }
    return {};
}

std::optional<std::string> Connection::take_line() {
    const auto end = input_.find('\n', searched_);
    if (end == std::string::npos) {
        searched_ = input_.size();
        return std::nullopt;
    }
    std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    searched_ = 0;
    return line;
}

std::expected<std::string, Trouble> Connection::receive(std::optional<milliseconds> patience,
                                                        Disturbance disturbance) {
    const Deadline deadline = deadline_in(patience);
    while (true) {
        if (auto line = take_line()) {
            return std::move(*line);
        }
        if (input_.size() > control::longest_response) {
            return std::unexpected(Trouble::too_long);
        }
        if (const auto trouble = wait_for(fd_, POLLIN, deadline, disturbance)) {
            return std::unexpected(*trouble);
        }
        // An agent that sends without end and without a line must not hold us past the deadline.
        if (deadline && Clock::now() >= *deadline + std::chrono::seconds{1}) {
            return std::unexpected(Trouble::silent);
        }
        std::array<char, 64 * 1024> chunk{};
        const ssize_t size = read(fd_, chunk.data(), chunk.size());
        if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN)) {
            return std::unexpected(Trouble::gone);
        }
        if (size > 0) {
            input_.append(chunk.data(), static_cast<std::size_t>(size));
        }
    }
}

}  // namespace understudy::client
