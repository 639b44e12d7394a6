#include "agent/web/http_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
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

// Without what would have the answer sent in pieces: one request can ask for thousands of them, all
// of the same bytes, and the library puts together the sum.
std::string without_ranges(std::string_view head) {
    constexpr std::string_view unwanted = "range:";
    std::string kept;
    while (!head.empty()) {
        const std::string_view line = head.substr(0, head.find('\n') + 1);
        const std::string_view whole = line.empty() ? head : line;
        if (whole.size() < unwanted.size() ||
            strncasecmp(whole.data(), unwanted.data(), unwanted.size()) != 0) {
            kept += whole;
        }
        head.remove_prefix(whole.size());
    }
    return kept;
}

using GetName = int (*)(int, sockaddr*, socklen_t*);

// As a number; empty if there is none.
std::string address_by(GetName get_name, int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (get_name(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
        return {};
    }
    const void* bytes =
        storage.ss_family == AF_INET6
            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr)
            : &reinterpret_cast<const sockaddr_in&>(storage).sin_addr;
    return inet_ntop(storage.ss_family, bytes, text.data(), text.size()) != nullptr ? text.data()
                                                                                    : "";
}

// One connection as the library sees it. What is over a bound looks like an end to it.
class BoundedStream : public httplib::Stream {
public:
    BoundedStream(int fd, std::string client, Connections& connections)
        : fd_(fd),
          client_(std::move(client)),
          connections_(connections),
          deadline_(Clock::now() + request_patience) {}

    bool is_readable() const override { return !unread_.empty() || !over_; }
    // The library looks here before it writes: an answer is under way.
    bool is_writable() const override { return !over_; }

    ssize_t read(char* data, std::size_t size) override {
        if (!std::exchange(has_head_, true) && !read_head()) {
            return -1;
        }
        if (unread_.empty() && !fill()) {
            return -1;
        }
        const std::size_t given = unread_.copy(data, size);
        unread_.erase(0, given);
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

    void get_remote_ip_and_port(std::string& address, int&) const override { address = client_; }
    void get_local_ip_and_port(std::string& address, int&) const override {
        address = address_by(&getsockname, fd_);
    }
    socket_t socket() const override { return fd_; }

private:
    // Whole, or as much of it as there may be.
    bool read_head() {
        while (unread_.find("\n\r\n") == unread_.npos && unread_.find("\n\n") == unread_.npos) {
            if (!fill()) {
                break;
            }
        }
        unread_ = without_ranges(unread_);
        return !unread_.empty();
    }

    bool fill() {
        if (over_ || total_ >= most_request_bytes || !wait_for(fd_, POLLIN, deadline_)) {
            over_ = over_ || total_ < most_request_bytes;
            return false;
        }
        std::array<char, 4096> chunk{};
        const ssize_t size = recv(fd_, chunk.data(), chunk.size(), MSG_DONTWAIT);
        if (size <= 0) {
            over_ = true;
            return false;
        }
        total_ += static_cast<std::size_t>(size);
        unread_.append(chunk.data(), static_cast<std::size_t>(size));
        return true;
    }

    int fd_;
    std::string client_;
    Connections& connections_;
    Clock::time_point deadline_;
    std::string unread_;
    std::size_t total_ = 0;
    bool has_head_ = false;
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

std::string counted_as(const std::string& address) {
    constexpr std::string_view mapped = "::ffff:";
    if (address.starts_with(mapped) && address.find('.') != address.npos) {
        return counted_as(address.substr(mapped.size()));
    }
    if (address.starts_with("127.") || address == "::1") {
        return {};
    }
    in6_addr bytes{};
    if (inet_pton(AF_INET6, address.c_str(), &bytes) != 1) {
        return address;
    }
    std::fill(std::begin(bytes.s6_addr) + 8, std::end(bytes.s6_addr), std::uint8_t{0});
    std::array<char, INET6_ADDRSTRLEN> network{};
    return inet_ntop(AF_INET6, &bytes, network.data(), network.size());
}

bool Connections::add(int fd, const std::string& client) {
    const std::lock_guard lock(mutex_);
    const auto of_client = std::ranges::count_if(
        open_, [&](const auto& each) { return !client.empty() && each.second.client == client; });
    if (static_cast<std::size_t>(of_client) >= most_connections_of_an_address &&
        !end_oldest(client)) {
        return false;
    }
    open_[fd] = {++last_, client, true};
    if (ended_) {
        shutdown(fd, SHUT_RDWR);
    }
    return true;
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
    if (open_.size() >= most_connections) {
        end_oldest("");
    }
}

bool Connections::end_oldest(const std::string& client) {
    const auto oldest = std::ranges::min_element(open_, {}, [&](const auto& each) {
        const bool meant = each.second.asking && (client.empty() || each.second.client == client);
        return meant ? each.second.number : std::numeric_limits<std::uint64_t>::max();
    });
    if (oldest == open_.end() || !oldest->second.asking ||
        (!client.empty() && oldest->second.client != client)) {
        return false;
    }
    shutdown(oldest->first, SHUT_RDWR);
    oldest->second.asking = false;  // the next newcomer ends another one
    return true;
}

void Connections::end_all() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    for (const auto& [fd, state] : open_) {
        shutdown(fd, SHUT_RDWR);
    }
}

// --- HttpServer ----------------------------------------------------------------------------------

HttpServer::HttpServer(const AllowedHosts& hosts) : hosts_(hosts) {
    new_task_queue = [this] { return new Workers(connections_); };
    set_payload_max_length(0);
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
        const std::string host = request.get_header_value("Host");
        if (!hosts_.allow(host, request.local_addr)) {
            response.status = 421;
            response.set_content(
                "this is not the server of that Host; another name of it is given "
                "by understudy serve --host NAME\n",
                "text/plain; charset=utf-8");
            return HandlerResponse::Handled;
        }
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
    const std::string client = address_by(&getpeername, fd);
    if (!connections_.add(fd, counted_as(client))) {
        close(fd);  // not politely: it keeps a thread
        return false;
    }
    bool done = false;
    {
        BoundedStream stream{fd, client, connections_};
        bool closed = false;
        done = process_request(stream, true, closed, nullptr);
    }
    connections_.remove(fd);
    close_politely(fd);
    return done;
}

}  // namespace understudy::web
