#include "agent/web/http_server.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/system_error.hpp"

namespace understudy::web {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

bool wait_for(int fd, short event, Clock::time_point deadline) {
    while (true) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
        pollfd waiting{fd, event, 0};
        const int ready = poll(&waiting, 1, static_cast<int>(std::max<long>(left, 0)));
        if (ready > 0) {
            return true;
        }
        if (ready == 0 || errno != EINTR) {
            return false;
        }
    }
}

// One connection as the library sees it. What is over a bound looks like an end to it.
class BoundedStream : public httplib::Stream {
public:
    BoundedStream(int fd, Connections& connections)
        : fd_(fd), connections_(connections), deadline_(Clock::now() + request_patience) {}

    bool is_readable() const override { return read_from_ < filled_ || !over_; }
    // The library looks here before it writes: an answer is under way.
    bool is_writable() const override { return !over_; }

    ssize_t read(char* data, std::size_t size) override {
        if (read_from_ == filled_ && !fill()) {
            return -1;
        }
        const std::size_t given = std::min(size, filled_ - read_from_);
        std::memcpy(data, buffer_.data() + read_from_, given);
        read_from_ += given;
        return static_cast<ssize_t>(given);
    }

    ssize_t write(const char* data, std::size_t size) override {
        if (!std::exchange(answering_, true)) {
            connections_.has_asked(fd_);
        }
        std::size_t written = 0;
        while (written < size && !over_) {
            const ssize_t now =
                send(fd_, data + written, size - written, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (now > 0) {
                written += static_cast<std::size_t>(now);
            } else {
                over_ = (errno != EAGAIN && errno != EINTR) ||
                        !wait_for(fd_, POLLOUT, Clock::now() + write_patience);
            }
        }
        return over_ ? -1 : static_cast<ssize_t>(size);
    }

    void get_remote_ip_and_port(std::string&, int&) const override {}
    void get_local_ip_and_port(std::string&, int&) const override {}
    socket_t socket() const override { return fd_; }

private:
    bool fill() {
        if (over_ || total_ >= most_request_bytes || !wait_for(fd_, POLLIN, deadline_)) {
            over_ = over_ || total_ < most_request_bytes;
            return false;
        }
        const ssize_t size = recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (size <= 0) {
            over_ = true;
            return false;
        }
        total_ += static_cast<std::size_t>(size);
        read_from_ = 0;
        filled_ = static_cast<std::size_t>(size);
        return true;
    }

    int fd_;
    Connections& connections_;
    Clock::time_point deadline_;
    std::array<char, 4096> buffer_{};
    std::size_t read_from_ = 0;
    std::size_t filled_ = 0;
    std::size_t total_ = 0;
    bool answering_ = false;
    bool over_ = false;
};

// Closing with unread input would be a reset, and take the answer away from who still reads it.
void close_politely(int fd) {
    constexpr milliseconds longest{500};
    constexpr int most_reads = 16;
    shutdown(fd, SHUT_WR);
    const auto deadline = Clock::now() + longest;
    std::array<char, 4096> rest{};
    for (int i = 0; i < most_reads && wait_for(fd, POLLIN, deadline); ++i) {
        if (recv(fd, rest.data(), rest.size(), MSG_DONTWAIT) <= 0) {
            break;
        }
    }
    close(fd);
}

class Workers : public httplib::TaskQueue {
public:
    explicit Workers(Connections& connections)
        : connections_(connections), pool_(most_connections) {}
    void enqueue(std::function<void()> task) override {
        connections_.make_room();
        pool_.enqueue(std::move(task));
    }
    void shutdown() override { pool_.shutdown(); }

private:
    Connections& connections_;
    httplib::ThreadPool pool_;
};

}  // namespace

// --- Connections ---------------------------------------------------------------------------------

void Connections::add(int fd) {
    const std::lock_guard lock(mutex_);
    open_[fd] = {++last_, true};
    if (ended_) {
        shutdown(fd, SHUT_RDWR);
    }
}

void Connections::remove(int fd) {
    const std::lock_guard lock(mutex_);
    open_.erase(fd);
}

void Connections::has_asked(int fd) {
    const std::lock_guard lock(mutex_);
    if (const auto found = open_.find(fd); found != open_.end()) {
        found->second.asking = false;
    }
}

void Connections::make_room() {
    const std::lock_guard lock(mutex_);
    if (open_.size() < most_connections) {
        return;
    }
    const auto rank = [](const auto& each) {
        return each.second.asking ? each.second.number : std::numeric_limits<std::uint64_t>::max();
    };
    const auto oldest = std::ranges::min_element(open_, {}, rank);
    if (oldest->second.asking) {
        shutdown(oldest->first, SHUT_RDWR);
        oldest->second.asking = false;  // the next newcomer ends another one
    }
}

void Connections::end_all() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    for (const auto& [fd, state] : open_) {
        shutdown(fd, SHUT_RDWR);
    }
}

// --- HttpServer ----------------------------------------------------------------------------------

HttpServer::HttpServer() {
    new_task_queue = [this] { return new Workers(connections_); };
    set_payload_max_length(0);
    set_pre_routing_handler([](const httplib::Request& request, httplib::Response& response) {
        if (request.method == "GET" || request.method == "HEAD") {
            return HandlerResponse::Unhandled;
        }
        response.status = 405;
        response.set_header("Allow", "GET, HEAD");
        response.set_content("nothing can be changed here\n", "text/plain; charset=utf-8");
        return HandlerResponse::Handled;
    });
    // Not SO_REUSEPORT, the library's own choice: a second server on the port has to fail.
    set_socket_options([](socket_t fd) {
        const int yes = 1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
}

HttpServer::~HttpServer() {
    stop();
}

std::string HttpServer::bind(ListenAddress& address) {
    const std::string host = address.address.to_string();
    errno = 0;
    bool bound = false;
    if (address.port == 0) {
        const int port = bind_to_any_port(host);
        bound = port > 0;
        address.port = static_cast<std::uint16_t>(std::max(port, 0));
    } else {
        bound = bind_to_port(host, address.port);
    }
    const int error = errno;
    const std::string what = "cannot listen on " + address.to_string();
    return bound ? "" : error != 0 ? system_error_text(what, error) : what;
}

void HttpServer::start() {
    thread_ = std::thread([this] {
        listen_after_bind();
        has_ended_ = true;
    });
}

void HttpServer::stop() {
    if (!thread_.joinable()) {
        return;
    }
    while (!is_running() && !has_ended_) {  // a stop before the library has begun would be lost
        std::this_thread::yield();
    }
    connections_.end_all();
    httplib::Server::stop();
    thread_.join();
}

bool HttpServer::process_and_close_socket(socket_t fd) {
    connections_.add(fd);
    bool done = false;
    {
        BoundedStream stream{fd, connections_};
        bool closed = false;
        done = process_request(stream, true, closed, nullptr);
    }
    connections_.remove(fd);
    close_politely(fd);
    return done;
}

}  // namespace understudy::web
