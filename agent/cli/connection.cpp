#include "agent/cli/connection.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/control/messages.hpp"

namespace understudy::cli {

namespace {

std::string reason_of(int error, const std::string& path) {
    switch (error) {
        case ENOENT:
            return "no agent answers: there is no " + path;
        case ECONNREFUSED:
            return "no agent answers on " + path;
        case EACCES:
        case EPERM:
            return "permission denied: root and the group understudy may use " + path;
        default:
            return "no agent answers on " + path + ": " + std::strerror(error);
    }
}

}  // namespace

std::expected<Connection, std::string> Connection::open(const std::filesystem::path& runtime_dir) {
    const std::string path = (runtime_dir / "control.sock").string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return std::unexpected("the path of the control socket is too long: " + path);
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    Connection connection{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (connection.fd_ < 0 ||
        connect(connection.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
        return std::unexpected(reason_of(errno, path));
    }
    return connection;
}

Connection::~Connection() {
    if (fd_ >= 0) {
        close(fd_);
    }
}

Connection::Connection(Connection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), input_(std::move(other.input_)) {}

bool Connection::send(const std::string& line) const {
    const std::string text = line + '\n';
    std::size_t sent = 0;
    while (sent < text.size()) {
        const ssize_t size = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (size < 0 && errno != EINTR) {
            return false;
        }
        sent += size > 0 ? static_cast<std::size_t>(size) : 0;
    }
    return true;
}

std::optional<std::string> Connection::receive(std::optional<std::chrono::milliseconds> patience) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + patience.value_or(std::chrono::milliseconds{0});
    while (true) {
        if (const auto end = input_.find('\n'); end != std::string::npos) {
            std::string line = input_.substr(0, end);
            input_.erase(0, end + 1);
            return line;
        }
        if (input_.size() > control::longest_response) {
            return std::nullopt;
        }
        int wait = -1;
        if (patience) {
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
            wait = static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
        }
        pollfd waiting{fd_, POLLIN, 0};
        const int ready = poll(&waiting, 1, wait);
        if (ready == 0) {
            return std::nullopt;
        }
        std::array<char, 64 * 1024> chunk{};
        const ssize_t size = ready > 0 ? read(fd_, chunk.data(), chunk.size()) : -1;
        if (size == 0 || (size < 0 && errno != EINTR)) {
            return std::nullopt;
        }
        if (size > 0) {
            input_.append(chunk.data(), static_cast<std::size_t>(size));
        }
    }
}

}  // namespace understudy::cli
