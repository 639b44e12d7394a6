#include "tests/unit/cli/fake_agent.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

#include "base/ensure.hpp"

namespace understudy::cli {

namespace {

// False: the test is over.
bool readable(int fd, int stop_fd) {
    std::array<pollfd, 2> waiting = {{{fd, POLLIN, 0}, {stop_fd, POLLIN, 0}}};
    poll(waiting.data(), waiting.size(), -1);
    return waiting[1].revents == 0;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
    std::string form = "/tmp/understudy-cli-XXXXXX";
    ensure(mkdtemp(form.data()) != nullptr, "a temporary directory");
    path_ = form;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string FakeAgent::Client::read_line() {
    while (true) {
        if (const auto end = input_.find('\n'); end != std::string::npos) {
            std::string line = input_.substr(0, end);
            input_.erase(0, end + 1);
            return line;
        }
        std::array<char, 4096> chunk{};
        const ssize_t size =
            readable(fd_, stop_fd_) ? read(fd_, chunk.data(), chunk.size()) : ssize_t{0};
        if (size <= 0) {
            return {};
        }
        input_.append(chunk.data(), static_cast<std::size_t>(size));
    }
}

void FakeAgent::Client::write(const std::string& text) const {
    std::size_t sent = 0;
    while (sent < text.size()) {
        const ssize_t size = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (size <= 0) {
            return;
        }
        sent += static_cast<std::size_t>(size);
    }
}

void FakeAgent::Client::wait_until_gone() const {
    std::array<char, 4096> chunk{};
    while (readable(fd_, stop_fd_) && read(fd_, chunk.data(), chunk.size()) > 0) {
    }
}

FakeAgent::FakeAgent(Script script) : script_(std::move(script)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = (directory_.path() / "control.sock").string();
    std::memcpy(address.sun_path, path.data(), path.size());
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ensure(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
           "bind");
    ensure(listen(listener_, 8) == 0, "listen");
    std::array<int, 2> pipe{};
    ensure(pipe2(pipe.data(), O_CLOEXEC) == 0, "pipe");
    stop_read_ = pipe[0];
    stop_write_ = pipe[1];
    thread_ = std::thread([this] { serve(); });
}

FakeAgent::~FakeAgent() {
    close(stop_write_);
    thread_.join();
    close(stop_read_);
    close(listener_);
}

void FakeAgent::serve() {
    // A SIGINT of a test is meant for the client's thread.
    sigset_t all{};
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    while (readable(listener_, stop_read_)) {
        const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        Client client(fd, stop_read_);
        script_(client);
        close(fd);
    }
}

}  // namespace understudy::cli
