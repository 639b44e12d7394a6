#include "checks/probes/icmp.hpp"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "checks/probes/connector.hpp"
#include "checks/probes/words.hpp"

namespace understudy::checks {

namespace {

using boost::asio::ip::udp;
using boost::asio::posix::stream_descriptor;
using Error = boost::system::error_code;

constexpr auto spacing = std::chrono::milliseconds{20};
constexpr std::size_t packet_size = 64;

IpAddress address_of(const boost::asio::ip::address& address) {
    return *IpAddress::parse(
        address.is_v6() && address.to_v6().scope_id() != 0
            ? boost::asio::ip::address_v6(address.to_v6().to_bytes()).to_string()
            : address.to_string());
}

class IcmpSteps : public std::enable_shared_from_this<IcmpSteps> {
public:
    IcmpSteps(boost::asio::io_context& context, RawSockets& raw, const Icmp& icmp, Finish finish)
        : context_(context),
          raw_(raw),
          icmp_(icmp),
          finish_(std::move(finish)),
          resolver_(context),
          timer_(context),
          sent_at_(icmp.count) {}

    void start() {
        resolver_.async_resolve(icmp_.target, "0",
                                [weak = weak_from_this()](
                                    const Error& error, const udp::resolver::results_type& found) {
                                    const auto self = weak.lock();
                                    if (self && self->finish_) {
                                        self->resolved(error, found);
                                    }
                                });
    }
    void close() {
        finish_ = nullptr;
        resolver_.cancel();
        timer_.cancel();
        socket_.reset();
        if (identifier_) {
            raw_.ignore_echo(*std::exchange(identifier_, std::nullopt));
        }
    }
    std::string progress() const {
        if (!target_) {
            return "looking up " + icmp_.target;
        }
        return target_->to_string() + " answered " + std::to_string(answered_) + " of " +
               std::to_string(sent_);
    }

private:
    void resolved(const Error& error, const udp::resolver::results_type& found) {
        for (const auto& entry : found) {
            if (!target_ &&
                (!icmp_.source || entry.endpoint().address().is_v4() == icmp_.source->is_v4())) {
                target_ = address_of(entry.endpoint().address());
            }
        }
        if (error || !target_) {
            end(failure(lookup_error(icmp_.target, error)));
            return;
        }
        timings_.lookup = watch_.elapsed();
        if (const std::string trouble = open(); !trouble.empty()) {
            end(failure(trouble));
            return;
        }
        send_next();
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
        const std::string denied = std::strerror(errno);
        if (const std::string trouble = raw_.echo_trouble(target_->family()); !trouble.empty()) {
            return "neither a ping socket (" + denied + ") nor a raw one (" + trouble + ')';
        }
        identifier_ = raw_.expect_echo(
            [weak = weak_from_this()](const IpAddress& from, std::uint16_t sequence) {
                const auto self = weak.lock();
                if (self && self->finish_ && from == *self->target_) {
                    self->answered(sequence);
                }
            });
        return {};
    }

    std::string connect(int fd) {
        const boost::asio::ip::udp::endpoint to{boost::asio::ip::make_address(target_->to_string()),
                                                0};
        const int on = 1;
        if (target_->is_v4()) {
            setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
        } else {
            setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
        }
        if (icmp_.source) {
            const boost::asio::ip::udp::endpoint from{
                boost::asio::ip::make_address(icmp_.source->to_string()), 0};
            if (::bind(fd, from.data(), static_cast<socklen_t>(from.size())) != 0) {
                return "source " + icmp_.source->to_string() + ": " + std::strerror(errno);
            }
        }
        if (::connect(fd, to.data(), static_cast<socklen_t>(to.size())) != 0) {
            return target_->to_string() + ": " + std::strerror(errno);
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
        put(6, static_cast<std::uint16_t>(sent_));
        if (target_->is_v4()) {
            put(2, internet_checksum(packet));
        }
        sent_at_[sent_++] = watch_.elapsed();
        std::string error;
        if (socket_) {
            error = ::send(socket_->native_handle(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0
                        ? std::strerror(errno)
                        : "";
        } else {
            error = raw_.send_echo(*target_, icmp_.source ? &*icmp_.source : nullptr, packet);
        }
        if (!error.empty()) {
            end(failure(target_->to_string() + ": " + error));
            return;
        }
        if (sent_ < icmp_.count) {
            timer_.expires_after(spacing);
            timer_.async_wait([weak = weak_from_this()](const Error& cancelled) {
                const auto self = weak.lock();
                if (self && !cancelled && self->finish_) {
                    self->send_next();
                }
            });
        }
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
        std::array<std::byte, 2048> buffer{};
        const ssize_t size =
            recv(socket_->native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0 && errno != EAGAIN) {
            end(failure(target_->to_string() + ": " + std::strerror(errno)));
            return;
        }
        receive();
        if (size >= 8) {
            answered(static_cast<std::uint16_t>(std::to_integer<unsigned>(buffer[6]) << 8U |
                                                std::to_integer<unsigned>(buffer[7])));
        }
    }

    void answered(std::uint16_t sequence) {
        if (sequence >= sent_ || !sent_at_[sequence]) {
            return;  // none of ours, or a second answer
        }
        total_ += watch_.elapsed() - *std::exchange(sent_at_[sequence], std::nullopt);
        ++answered_;
        const unsigned lost = icmp_.count - answered_;
        if (lost * 100 > icmp_.max_loss * icmp_.count) {
            return;
        }
        Outcome outcome;
        outcome.passed = true;
        const std::string time = milliseconds(total_ / answered_);
        outcome.detail = icmp_.count == 1
                             ? target_->to_string() + " answered in " + time
                             : target_->to_string() + " answered " + std::to_string(answered_) +
                                   " of " + std::to_string(icmp_.count) + ", " + time +
                                   " on average";
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
    udp::resolver resolver_;
    boost::asio::steady_timer timer_;
    std::unique_ptr<stream_descriptor> socket_;
    std::optional<std::uint16_t> identifier_;  // among the raw ones
    std::optional<IpAddress> target_;
    std::vector<std::optional<Duration>> sent_at_;  // by sequence; nothing: answered
    unsigned sent_ = 0;
    unsigned answered_ = 0;
    Duration total_{};
};

}  // namespace

std::unique_ptr<Attempt> start_icmp(boost::asio::io_context& context, RawSockets& raw,
                                    const Icmp& icmp, Finish finish) {
    auto steps = std::make_shared<IcmpSteps>(context, raw, icmp, std::move(finish));
    steps->start();
    return std::make_unique<Handle<IcmpSteps>>(std::move(steps));
}

}  // namespace understudy::checks
