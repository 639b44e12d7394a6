#include "checks/probes/icmp.hpp"

#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "checks/probes/handle.hpp"
#include "checks/probes/random_bytes.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

using boost::asio::ip::udp;
using boost::asio::posix::stream_descriptor;
using Error = boost::system::error_code;

constexpr auto echo_spacing = std::chrono::milliseconds{20};
constexpr std::size_t packet_size = 64;
constexpr ssize_t header_size = 8;
constexpr int answers_at_once = 64;

// Whether an entry of the error queue says that the request is lost. A redirect says the contrary:
// the router passed it on, and knows a shorter way.
bool tells_of_loss(const sock_extended_err& error) {
    if (error.ee_origin == SO_EE_ORIGIN_ICMP) {
        return error.ee_type == ICMP_DEST_UNREACH || error.ee_type == ICMP_TIME_EXCEEDED ||
               error.ee_type == ICMP_PARAMETERPROB;
    }
    return error.ee_origin == SO_EE_ORIGIN_ICMP6 && (error.ee_type & ICMP6_INFOMSG_MASK) == 0;
}

std::string words_of(int number) {
    return plain(Error{number, boost::system::system_category()});
}

std::uint16_t sequence_of(std::span<const std::byte> packet) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(packet[6]) << 8U |
                                      std::to_integer<unsigned>(packet[7]));
}

class IcmpSteps : public std::enable_shared_from_this<IcmpSteps> {
public:
    IcmpSteps(Resolver& resolver, RawSockets& raw, const Icmp& icmp, Finish finish)
        : context_(resolver.context()),
          raw_(raw),
          icmp_(icmp),
          finish_(std::move(finish)),
          lookup_(resolver),
          timer_(resolver.context()),
          sent_at_(icmp.count) {}

    void start() {
        lookup_.start(icmp_.target, icmp_.source, [this](const Lookup::Found& found) {
            const auto self = shared_from_this();  // finishing may end the attempt
            lookup_.cancel();                      // one address is enough
            resolved(found);
        });
    }
    void close() {
        finish_ = nullptr;
        lookup_.cancel();
        timer_.cancel();
        socket_.reset();
        if (identifier_) {
            raw_.ignore_echo(*std::exchange(identifier_, std::nullopt));
        }
    }
    std::string progress() const {
        if (!target_) {
            return lookup_.progress();
        }
        return whom() + ": " + std::to_string(answered_) + " of " + std::to_string(icmp_.count) +
               " answered, waiting for " + std::to_string(icmp_.count - answered_ - lost_) +
               (error_.empty() ? "" : " (" + error_ + ')');
    }

private:
    void resolved(const Lookup::Found& found) {
        if (!found.error.empty()) {
            end(failure(found.error));
            return;
        }
        address_ = found.addresses.front();
        target_ = without_zone(address_);
        timings_.lookup = watch_.elapsed();
        if (const std::string trouble = open(); !trouble.empty()) {
            end(failure(trouble));
            return;
        }
        send_next();
    }

    // "192.0.2.9", or "lb9 (192.0.2.9)" of a name.
    std::string whom() const {
        const std::string address = target_->to_string();
        return IpAddress::parse(icmp_.target) ? address : icmp_.target + " (" + address + ')';
    }

    // A ping socket, or a place among those who share the raw one.
    std::string open() {
        const bool v4 = target_->is_v4();
        const int fd = ::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6});
        if (fd >= 0) {
            socket_ = std::make_unique<stream_descriptor>(context_, fd);
            return connect(fd);
        }
        const std::string denied = words_of(errno);
        if (const std::string trouble = raw_.echo_trouble(target_->family()); !trouble.empty()) {
            return "neither a ping socket (" + denied + ") nor a raw one (" + trouble + ')';
        }
        identifier_ = raw_.expect_echo([weak = weak_from_this()](const EchoReply& reply) {
            const auto self = weak.lock();
            if (self && self->finish_ && reply.source == *self->target_) {
                self->answered(reply.sequence, reply.token);
            }
        });
        return {};
    }

    std::string connect(int fd) {
        const udp::endpoint to{address_, 0};
        const int on = 1;
        if (target_->is_v4()) {
            setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
        } else {
            setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
        }
        if (icmp_.source) {
            const udp::endpoint from{boost::asio::ip::make_address(icmp_.source->to_string()), 0};
            if (::bind(fd, from.data(), static_cast<socklen_t>(from.size())) != 0) {
                return "source " + icmp_.source->to_string() + ": " + words_of(errno);
            }
        }
        if (::connect(fd, to.data(), static_cast<socklen_t>(to.size())) != 0) {
            return whom() + ": " + words_of(errno);
        }
        receive();
        return {};
    }

    void send_next() {
        std::array<std::byte, packet_size> packet{};
        const int request = target_->is_v4() ? int{ICMP_ECHO} : int{ICMP6_ECHO_REQUEST};
        packet[0] = static_cast<std::byte>(request);
        const auto put = [&](std::size_t place, std::uint16_t value) {
            packet.at(place) = static_cast<std::byte>(value >> 8U);
            packet.at(place + 1) = static_cast<std::byte>(value & 0xffU);
        };
        put(4, identifier_.value_or(0));  // of a ping socket, the kernel sets it
        put(6, static_cast<std::uint16_t>(first_sequence_ + sent_));
        std::ranges::copy(token_, packet.begin() + header_size);
        if (target_->is_v4()) {
            put(2, internet_checksum(packet));
        }
        sent_at_[sent_++] = watch_.elapsed();
        const std::string error =
            socket_ ? send(packet)
                    : raw_.send_echo(*target_, icmp_.source ? &*icmp_.source : nullptr, packet);
        if (!finish_) {
            return;  // what was read from the error queue ended it
        }
        if (!error.empty()) {
            end(failure(whom() + ": " + error));
            return;
        }
        if (sent_ < icmp_.count) {
            timer_.expires_after(echo_spacing);
            timer_.async_wait([weak = weak_from_this()](const Error& cancelled) {
                const auto self = weak.lock();
                if (self && !cancelled && self->finish_) {
                    self->send_next();
                }
            });
        }
    }

    // An ICMP error to a former request makes the kernel refuse the next one, once.
    std::string send(std::span<const std::byte> packet) {
        constexpr int attempts = 2;
        int error = 0;
        for (int i = 0; i < attempts; ++i) {
            if (::send(socket_->native_handle(), packet.data(), packet.size(), MSG_NOSIGNAL) >= 0) {
                return {};
            }
            error = errno;
            if (!read_errors() || !finish_) {
                break;
            }
        }
        return words_of(error);
    }

    void receive() {
        socket_->async_wait(stream_descriptor::wait_read,
                            [weak = weak_from_this()](const Error& error) {
                                const auto self = weak.lock();
                                if (self && !error && self->finish_) {
                                    self->read();
                                }
                            });
    }

    void read() {
        read_errors();
        for (int i = 0; i < answers_at_once && finish_; ++i) {
            std::array<std::byte, 2048> buffer{};
            udp::endpoint from;
            auto from_size = static_cast<socklen_t>(from.capacity());
            const ssize_t size = recvfrom(socket_->native_handle(), buffer.data(), buffer.size(),
                                          MSG_DONTWAIT, from.data(), &from_size);
            if (size < 0) {
                break;  // what an error means, the error queue tells
            }
            // Connected or not, a ping socket takes answers from everybody.
            if (size >= header_size && without_zone(from.address()) == *target_) {
                const auto message = std::span{buffer}.first(static_cast<std::size_t>(size));
                answered(sequence_of(message), echo_token(message));
            }
        }
        if (finish_) {
            receive();
        }
    }

    // True if there were any. Each comes with the beginning of the request that it is about.
    bool read_errors() {
        bool any = false;
        while (finish_) {
            std::array<std::byte, 256> request{};
            alignas(cmsghdr) std::array<char, 512> control{};
            iovec data{request.data(), request.size()};
            msghdr message{};
            message.msg_iov = &data;
            message.msg_iovlen = 1;
            message.msg_control = control.data();
            message.msg_controllen = control.size();
            const ssize_t size =
                recvmsg(socket_->native_handle(), &message, MSG_ERRQUEUE | MSG_DONTWAIT);
            if (size < 0) {
                break;
            }
            any = true;
            sock_extended_err error{};
            for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
                 header = CMSG_NXTHDR(&message, header)) {
                const bool is_error =
                    (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR) ||
                    (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_RECVERR);
                if (is_error && header->cmsg_len >= CMSG_LEN(sizeof error)) {
                    std::memcpy(&error, CMSG_DATA(header), sizeof error);
                }
            }
            if (size >= header_size && tells_of_loss(error)) {
                lost(sequence_of(request), words_of(static_cast<int>(error.ee_errno)));
            }
        }
        return any;
    }

    // The place of a request that is neither answered nor lost.
    std::optional<std::size_t> open_request(std::uint16_t sequence) const {
        const auto place = static_cast<std::uint16_t>(sequence - first_sequence_);
        return place < sent_ && sent_at_[place] ? std::optional<std::size_t>{place} : std::nullopt;
    }

    void lost(std::uint16_t sequence, const std::string& why) {
        const auto request = open_request(sequence);
        if (!request) {
            return;
        }
        sent_at_[*request].reset();
        error_ = why;
        ++lost_;
        if (lost_ * 100 > icmp_.max_loss * icmp_.count) {
            end(failure(whom() + ": " + why));
        }
    }

    void answered(std::uint16_t sequence, const EchoToken& token) {
        const auto request = open_request(sequence);
        if (!request || token != token_) {
            return;  // none of ours, made up by somebody, or a second answer
        }
        total_ += watch_.elapsed() - *std::exchange(sent_at_[*request], std::nullopt);
        ++answered_;
        const unsigned missing = icmp_.count - answered_;
        if (missing * 100 > icmp_.max_loss * icmp_.count) {
            return;
        }
        // Enough: those that are not sent any more are not lost.
        Outcome outcome;
        outcome.passed = true;
        const std::string time = milliseconds(total_ / answered_);
        outcome.detail = icmp_.count == 1
                             ? whom() + " answered in " + time
                             : whom() + " answered " + std::to_string(answered_) + " of " +
                                   std::to_string(sent_) + ", " + time + " on average";
        timings_.first_byte = watch_.elapsed();
        end(std::move(outcome));
    }

    void end(Outcome outcome) {
        outcome.timings = timings_;
        outcome.timings.total = watch_.elapsed();
        const Finish done = std::exchange(finish_, nullptr);
        close();
        if (done) {
            done(std::move(outcome));
        }
    }

    boost::asio::io_context& context_;
    RawSockets& raw_;
    const Icmp& icmp_;
    Finish finish_;
    Stopwatch watch_;
    Timings timings_;
    Lookup lookup_;
    boost::asio::steady_timer timer_;
    std::unique_ptr<stream_descriptor> socket_;
    std::optional<std::uint16_t> identifier_;  // among the raw ones
    boost::asio::ip::address address_;
    std::optional<IpAddress> target_;  // address_, once it is known
    EchoToken token_ = random_value<EchoToken>();
    std::uint16_t first_sequence_ = random_value<std::uint16_t>();
    std::vector<std::optional<Duration>> sent_at_;  // by request; nothing: answered, or lost
    unsigned sent_ = 0;
    unsigned answered_ = 0;
    unsigned lost_ = 0;  // those that an ICMP error came for
    std::string error_;  // the last of these
    Duration total_{};
};

}  // namespace

std::unique_ptr<Attempt> start_icmp(Resolver& resolver, RawSockets& raw, const Icmp& icmp,
                                    Finish finish) {
    auto steps = std::make_shared<IcmpSteps>(resolver, raw, icmp, std::move(finish));
    steps->start();
    return std::make_unique<Handle<IcmpSteps>>(std::move(steps));
}

}  // namespace understudy::checks
