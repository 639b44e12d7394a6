#include "checks/probes/dns_client.hpp"

#include <ares.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <list>
#include <map>
#include <new>
#include <utility>

#include "checks/probes/random_bytes.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

using boost::asio::posix::stream_descriptor;
using Error = boost::system::error_code;

// What arrives whole over any path (DNS flag day 2020); c-ares cuts what is longer.
constexpr int edns_size = 1232;
constexpr std::size_t plain_size = 512;  // RFC 1035 4.2.1
// As often as a question can be repeated within the longest time limit of a check, an hour.
constexpr int most_repetitions = 14;
// A connection is given up for the next server after this; if there is no other, it is waited for.
constexpr auto tcp_limit = std::chrono::milliseconds{1500};
constexpr auto no_limit = std::chrono::milliseconds{std::chrono::hours{1}};

// `error`: the last one that a socket had, and whether it was one of TCP.
std::string words_for(int status, int error, bool by_tcp) {
    switch (status) {
        case ARES_ECONNREFUSED:
            if (error == 0) {
                return "every name server answers SERVFAIL, NOTIMP or REFUSED";
            }
            return error == ECONNREFUSED && !by_tcp
                       ? "port unreachable"
                       : plain(Error{error, boost::system::system_category()});
        case ARES_ESERVFAIL:
            return "there is no name server";
        case ARES_ETIMEOUT:
            return "no name server answers";
        case ARES_EBADNAME:
            return "not a domain name";
        default:
            return ares_strerror(status);
    }
}

bool is_truncated(std::span<const std::byte> message, std::size_t limit) {
    constexpr auto tc = std::byte{0x02};
    return message.size() >= limit || (message.size() > 2 && (message[2] & tc) != std::byte{});
}

}  // namespace

// One c-ares channel for UDP, and one for TCP when it is needed: c-ares itself would go over to TCP
// with the time limit of a datagram.
class DnsClient::Channel : public std::enable_shared_from_this<DnsClient::Channel> {
public:
    Channel(boost::asio::io_context& context, Settings settings)
        : context_(context), settings_(std::move(settings)), timer_(context) {}
    ~Channel() { close(); }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    void ask(const std::string& name, int type, Done done);
    void close();
    bool asks_by_tcp() const { return tcp_.handle != nullptr; }
    std::optional<Server> heard() const { return heard_; }

private:
    struct Side {
        explicit Side(Channel* owner) : channel(owner) {}
        Channel* channel;
        ares_channel handle = nullptr;
    };
    struct Question {
        Channel* channel = nullptr;
        std::vector<unsigned char> query;
        std::uint16_t id = 0;
        Done done;
        bool by_tcp = false;
        std::optional<int> status;  // it has ended
        std::vector<std::byte> message;
    };
    struct Socket {
        explicit Socket(boost::asio::io_context& context) : descriptor(context) {}
        stream_descriptor descriptor;
        ares_channel side = nullptr;
        bool is_stream = false;
        bool wants[2] = {false, false};    // to read, to write
        bool waiting[2] = {false, false};  // the loop has been asked to
        std::uint64_t number = 0;          // descriptors are used again
    };

    ares_channel open(Side& side, bool by_tcp);
    std::vector<ares_addr_port_node> server_nodes() const;
    void send(Question& question);
    void wait(int fd, Socket& socket);
    void ready(int fd, std::uint64_t number, bool writable);
    void settle();
    void arm();
    void tell();
    template <class Result>
    Result note(Result result);

    static void on_answer(void* question, int status, int timeouts, unsigned char* data, int size);
    static void on_interest(void* side, ares_socket_t fd, int reads, int writes);
    static ares_socket_t on_open(int family, int type, int protocol, void* side);
    static int on_close(ares_socket_t fd, void* side);
    static int on_connect(ares_socket_t fd, const sockaddr* to, ares_socklen_t size, void* side);
    static ares_ssize_t on_receive(ares_socket_t fd, void* data, std::size_t size, int flags,
                                   sockaddr* from, ares_socklen_t* from_size, void* side);
    static ares_ssize_t on_send(ares_socket_t fd, const iovec* parts, int count, void* side);
    static constexpr ares_socket_functions functions{on_open, on_close, on_connect, on_receive,
                                                     on_send};

    boost::asio::io_context& context_;
    Settings settings_;
    boost::asio::steady_timer timer_;
    Side udp_{this};
    Side tcp_{this};
    std::map<int, Socket> sockets_;
    std::uint64_t last_number_ = 0;
    std::list<Question> questions_;
    std::optional<Server> heard_;
    int last_error_ = 0;  // of a socket
    bool closed_ = false;
};

ares_channel DnsClient::Channel::open(Side& side, bool by_tcp) {
    if (side.handle != nullptr) {
        return side.handle;
    }
    const auto patience = settings_.servers.size() > 1 ? tcp_limit : no_limit;
    // Of a single server c-ares would ask the same again, and at once, as often as it may.
    const bool takes_errors = settings_.takes_errors || settings_.servers.size() == 1;
    char lookups[] = "b";
    ares_options options{};
    // A truncated answer is wanted: it decides about TCP.
    options.flags = ARES_FLAG_IGNTC | (by_tcp ? ARES_FLAG_USEVC : 0) |
                    (settings_.by_edns ? ARES_FLAG_EDNS : 0) |
                    (takes_errors ? ARES_FLAG_NOCHECKRESP : 0);
    options.timeout = static_cast<int>((by_tcp ? patience : settings_.repeat_after).count());
    options.tries = by_tcp ? 1 : most_repetitions;
    options.ndots = 1;
    options.ednspsz = edns_size;
    options.lookups = lookups;
    options.sock_state_cb = on_interest;
    options.sock_state_cb_data = &side;
    // With all of these c-ares reads no file.
    constexpr int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
                          ARES_OPT_EDNSPSZ | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB |
                          ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_SORTLIST |
                          ARES_OPT_NOROTATE;
    if (ares_init_options(&side.handle, &options, given) != ARES_SUCCESS) {
        throw std::bad_alloc{};
    }
    ares_set_socket_functions(side.handle, &functions, &side);
    std::vector<ares_addr_port_node> nodes = server_nodes();
    for (std::size_t i = 1; i < nodes.size(); ++i) {
        nodes[i - 1].next = &nodes[i];
    }
    ares_set_servers_ports(side.handle, nodes.empty() ? nullptr : nodes.data());
    return side.handle;
}

std::vector<ares_addr_port_node> DnsClient::Channel::server_nodes() const {
    std::vector<ares_addr_port_node> nodes;
    for (const Server& server : settings_.servers) {
        ares_addr_port_node& node = nodes.emplace_back();
        node.family = server.address().is_v4() ? AF_INET : AF_INET6;
        node.udp_port = node.tcp_port = server.port();
        if (server.address().is_v4()) {
            const auto bytes = server.address().to_v4().to_bytes();
            std::memcpy(&node.addr.addr4, bytes.data(), bytes.size());
        } else {
            const auto bytes = server.address().to_v6().to_bytes();
            std::memcpy(&node.addr.addr6, bytes.data(), bytes.size());
        }
    }
    return nodes;
}

void DnsClient::Channel::ask(const std::string& name, int type, Done done) {
    Question& question = questions_.emplace_back();
    question.channel = this;
    question.id = random_value<std::uint16_t>();
    question.done = std::move(done);
    question.by_tcp = settings_.by_tcp;
    unsigned char* query = nullptr;
    int size = 0;
    const int status = ares_create_query(name.c_str(), ns_c_in, type, question.id, 1, &query, &size,
                                         settings_.by_edns ? edns_size : 0);
    if (status != ARES_SUCCESS || settings_.servers.empty()) {
        question.status = status == ARES_SUCCESS ? ARES_ESERVFAIL : status;
        ares_free_string(query);
    } else {
        question.query.assign(query, query + size);
        ares_free_string(query);
        send(question);
    }
    arm();
}

void DnsClient::Channel::send(Question& question) {
    question.status.reset();
    const ares_channel side = open(question.by_tcp ? tcp_ : udp_, question.by_tcp);
    ares_send(side, question.query.data(), static_cast<int>(question.query.size()), on_answer,
              &question);
}

// c-ares forbids destroying a channel in this callback, so tell() delivers the answer later.
void DnsClient::Channel::on_answer(void* question, int status, int, unsigned char* data, int size) {
    auto& asked = *static_cast<Question*>(question);
    asked.status = status;
    const auto bytes = std::as_bytes(std::span{data, static_cast<std::size_t>(size)});
    asked.message.assign(bytes.begin(), bytes.end());
}

void DnsClient::Channel::tell() {
    for (auto next = questions_.begin(); next != questions_.end() && !closed_;) {
        const auto place = next++;
        if (!place->status) {
            continue;
        }
        const std::size_t limit = settings_.by_edns ? std::size_t{edns_size} : plain_size;
        if (!place->by_tcp && *place->status == ARES_SUCCESS &&
            is_truncated(place->message, limit)) {
            place->by_tcp = true;
            send(*place);
            arm();
            continue;
        }
        std::list<Question> ended;
        ended.splice(ended.begin(), questions_, place);
        const Question& question = ended.front();
        Answer answer{"", question.message, question.id};
        if (*question.status != ARES_SUCCESS) {
            answer = {words_for(*question.status, last_error_, question.by_tcp), {}, question.id};
        }
        question.done(answer);
        next = questions_.begin();  // `done` may have asked something
    }
}

void DnsClient::Channel::close() {
    closed_ = true;
    timer_.cancel();
    for (Side* side : {&udp_, &tcp_}) {
        if (side->handle != nullptr) {
            ares_destroy(std::exchange(side->handle, nullptr));
        }
    }
    questions_.clear();
}

// --- the loop ------------------------------------------------------------------------------------

// Wakes for the next repetition, or at once if an answer waits to be delivered.
void DnsClient::Channel::arm() {
    if (closed_) {
        return;
    }
    std::optional<std::chrono::milliseconds> wait;
    for (const Side* side : {&udp_, &tcp_}) {
        timeval time{};
        if (side->handle != nullptr && ares_timeout(side->handle, nullptr, &time) != nullptr) {
            const auto one =
                std::chrono::milliseconds{time.tv_sec * 1000 + time.tv_usec / 1000 + 1};
            wait = std::min(wait.value_or(one), one);
        }
    }
    const auto has_ended = [](const Question& question) { return question.status.has_value(); };
    if (std::ranges::any_of(questions_, has_ended)) {
        wait = std::chrono::milliseconds{0};
    }
    if (!wait) {
        return;
    }
    timer_.expires_after(*wait);
    timer_.async_wait([weak = weak_from_this()](const Error& error) {
        const auto self = weak.lock();
        if (!self || error || self->closed_) {
            return;
        }
        for (const Side* side : {&self->udp_, &self->tcp_}) {
            if (side->handle != nullptr) {
                ares_process_fd(side->handle, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
            }
        }
        self->settle();
    });
}

void DnsClient::Channel::settle() {
    tell();
    arm();
}

void DnsClient::Channel::wait(int fd, Socket& socket) {
    for (const bool writes : {false, true}) {
        if (!socket.wants[writes] || socket.waiting[writes]) {
            continue;
        }
        socket.waiting[writes] = true;
        socket.descriptor.async_wait(
            writes ? stream_descriptor::wait_write : stream_descriptor::wait_read,
            [weak = weak_from_this(), fd, number = socket.number, writes](const Error& error) {
                const auto self = weak.lock();
                if (self && !error && !self->closed_) {
                    self->ready(fd, number, writes);
                }
            });
    }
}

void DnsClient::Channel::ready(int fd, std::uint64_t number, bool writable) {
    const auto is_same = [&] {
        const auto found = sockets_.find(fd);
        return found != sockets_.end() && found->second.number == number;
    };
    if (!is_same()) {
        return;
    }
    Socket& socket = sockets_.at(fd);
    socket.waiting[writable] = false;
    ares_process_fd(socket.side, writable ? ARES_SOCKET_BAD : fd, writable ? fd : ARES_SOCKET_BAD);
    if (is_same()) {
        wait(fd, sockets_.at(fd));
    }
    settle();
}

void DnsClient::Channel::on_interest(void* side, ares_socket_t fd, int reads, int writes) {
    Channel& self = *static_cast<Side*>(side)->channel;
    const auto found = self.sockets_.find(fd);
    if (found != self.sockets_.end() && !self.closed_) {
        found->second.wants[0] = reads != 0;
        found->second.wants[1] = writes != 0;
        self.wait(fd, found->second);
    }
}

// The result of a system call; why it failed is remembered.
template <class Result>
Result DnsClient::Channel::note(Result result) {
    if (result < 0 && errno != EAGAIN && errno != EINPROGRESS) {
        last_error_ = errno;
    }
    return result;
}

// --- sockets -------------------------------------------------------------------------------------

ares_socket_t DnsClient::Channel::on_open(int family, int type, int protocol, void* side) {
    const Side& from = *static_cast<Side*>(side);
    Channel& self = *from.channel;
    const int fd = ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (self.note(fd) < 0) {
        return ARES_SOCKET_BAD;
    }
    Socket& socket = self.sockets_.emplace(fd, self.context_).first->second;
    Error error;
    socket.descriptor.assign(fd, error);
    if (error) {
        self.sockets_.erase(fd);
        ::close(fd);
        return ARES_SOCKET_BAD;
    }
    socket.side = from.handle;
    socket.is_stream = type == SOCK_STREAM;
    socket.number = ++self.last_number_;
    return fd;
}

int DnsClient::Channel::on_close(ares_socket_t fd, void* side) {
    static_cast<Side*>(side)->channel->sockets_.erase(fd);
    return 0;
}

// c-ares knows no zones of link-local addresses.
int DnsClient::Channel::on_connect(ares_socket_t fd, const sockaddr* to, ares_socklen_t size,
                                   void* side) {
    Channel& self = *static_cast<Side*>(side)->channel;
    Server server;
    if (size > server.capacity()) {
        errno = EINVAL;
        return -1;
    }
    std::memcpy(server.data(), to, size);
    server.resize(size);
    if (server.address().is_v6()) {
        const auto bytes = server.address().to_v6().to_bytes();
        for (const Server& known : self.settings_.servers) {
            if (known.address().is_v6() && known.address().to_v6().to_bytes() == bytes) {
                server = known;
            }
        }
    }
    return self.note(::connect(fd, server.data(), static_cast<socklen_t>(server.size())));
}

ares_ssize_t DnsClient::Channel::on_receive(ares_socket_t fd, void* data, std::size_t size,
                                            int flags, sockaddr* from, ares_socklen_t* from_size,
                                            void* side) {
    Channel& self = *static_cast<Side*>(side)->channel;
    const ares_ssize_t received = self.note(::recvfrom(fd, data, size, flags, from, from_size));
    const auto found = self.sockets_.find(fd);
    if (found == self.sockets_.end() || found->second.is_stream || received < 0) {
        return received;
    }
    if (received == 0) {  // an empty datagram is no end, as c-ares has it
        errno = EAGAIN;
        return -1;
    }
    if (from != nullptr && *from_size <= Server{}.capacity()) {
        Server server;
        std::memcpy(server.data(), from, *from_size);
        server.resize(*from_size);
        self.heard_ = server;
    }
    return received;
}

ares_ssize_t DnsClient::Channel::on_send(ares_socket_t fd, const iovec* parts, int count,
                                         void* side) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = static_cast<std::size_t>(count);
    return static_cast<Side*>(side)->channel->note(::sendmsg(fd, &message, MSG_NOSIGNAL));
}

DnsClient::DnsClient(boost::asio::io_context& context, Settings settings)
    : channel_(std::make_shared<Channel>(context, std::move(settings))) {}

DnsClient::~DnsClient() {
    channel_->close();
}

void DnsClient::ask(const std::string& name, int type, Done done) {
    channel_->ask(name, type, std::move(done));
}

bool DnsClient::asks_by_tcp() const {
    return channel_->asks_by_tcp();
}

std::optional<DnsClient::Server> DnsClient::heard() const {
    return channel_->heard();
}

}  // namespace understudy::checks
