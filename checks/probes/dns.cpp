#include "checks/probes/dns.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <utility>

#include "checks/probes/dns_message.hpp"
#include "checks/probes/handle.hpp"
#include "checks/probes/words.hpp"

namespace understudy::checks {

namespace {

using boost::asio::ip::udp;
using Error = boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr auto resend_after = std::chrono::seconds{1};

std::uint16_t random_id() {
    std::uint16_t id = 0;
    // The first bytes of the pool never block once the machine has booted.
    if (getrandom(&id, sizeof id, GRND_NONBLOCK) != sizeof id) {
        id = static_cast<std::uint16_t>(Clock::now().time_since_epoch().count());
    }
    return id;
}

Duration since(Clock::time_point start) {
    return std::chrono::duration_cast<Duration>(Clock::now() - start);
}

class DnsAttempt : public std::enable_shared_from_this<DnsAttempt> {
public:
    DnsAttempt(boost::asio::io_context& context, const Dns& dns, Finish finish)
        : dns_(dns),
          finish_(std::move(finish)),
          type_(record_type(dns.record).value_or(0)),
          resolver_(context),
          socket_(context),
          timer_(context) {}

    // Every handler holds a weak reference: after the end of the attempt it does nothing.
    void start() {
        resolver_.async_resolve(
            dns_.server.host, std::to_string(dns_.server.port),
            [weak = weak_from_this()](const Error& error, const udp::resolver::results_type& all) {
                if (const auto self = weak.lock()) {
                    self->resolved(error, all);
                }
            });
    }
    void close() {
        finish_ = nullptr;
        Error ignored;
        socket_.close(ignored);
        timer_.cancel();
        resolver_.cancel();
    }

    std::string progress() const {
        return socket_.is_open() ? "waiting for an answer of the name server"
                                 : "looking up " + dns_.server.host;
    }

private:
    void resolved(const Error& error, const udp::resolver::results_type& all) {
        if (error || all.empty()) {
            end(failure("the name server " + dns_.server.host + " cannot be found"));
            return;
        }
        timings_.lookup = since(started_);
        query_ = dns_query(id_, dns_.name, type_);
        if (query_.empty()) {
            end(failure('"' + printable(dns_.name, 80) + "\" is not a domain name"));
            return;
        }
        Error failed;
        socket_.open(all.begin()->endpoint().protocol(), failed);
        if (!failed) {
            socket_.connect(all.begin()->endpoint(), failed);
        }
        if (failed) {
            end(failure(failed.message()));
            return;
        }
        receive();
        send();
    }

    void send() {
        Error error;
        socket_.send(boost::asio::buffer(query_), 0, error);
        if (error && error != boost::asio::error::would_block) {
            end(refusal(error));
            return;
        }
        timer_.expires_after(resend_after);
        timer_.async_wait([weak = weak_from_this()](const Error& cancelled) {
            const auto self = weak.lock();
            if (self && !cancelled) {
                self->send();
            }
        });
    }

    void receive() {
        socket_.async_receive(boost::asio::buffer(buffer_),
                              [weak = weak_from_this()](const Error& error, std::size_t size) {
                                  if (const auto self = weak.lock()) {
                                      self->received(error, size);
                                  }
                              });
    }

    void received(const Error& error, std::size_t size) {
        if (error == boost::asio::error::operation_aborted) {
            return;
        }
        if (error) {
            end(refusal(error));
            return;
        }
        const DnsAnswer answer =
            read_dns_answer(std::as_bytes(std::span{buffer_}.first(size)), id_, dns_.name, type_);
        if (!answer.ours) {
            receive();
            return;
        }
        end(judge(answer));
    }

    static Outcome refusal(const Error& error) {
        return failure(error == boost::asio::error::connection_refused ? "port unreachable"
                                                                       : error.message());
    }

    Outcome judge(const DnsAnswer& answer) const {
        const std::string what = dns_.name + ' ' + dns_.record;
        if (!answer.error.empty()) {
            return failure(what + ": " + answer.error);
        }
        if (answer.records.empty()) {
            return failure(what + ": no such record");
        }
        const bool found = dns_.answer.empty() ||
                           std::ranges::find(answer.records, dns_.answer) != answer.records.end();
        std::string records;
        for (const std::string& record : answer.records) {
            records += (records.empty() ? "" : ", ") + printable(record, 80);
        }
        if (!found) {
            return failure(what + " is " + printable(records, 200) + ", not " + dns_.answer);
        }
        Outcome outcome;
        outcome.passed = true;
        outcome.detail =
            what + " is " + printable(records, 200) + " in " + milliseconds(since(started_));
        outcome.output = records;
        return outcome;
    }

    void end(Outcome outcome) {
        const Finish done = std::exchange(finish_, nullptr);
        close();
        outcome.timings = timings_;
        outcome.timings.total = since(started_);
        outcome.timings.first_byte = outcome.passed ? outcome.timings.total : std::nullopt;
        if (done) {
            done(std::move(outcome));
        }
    }

    const Dns& dns_;
    Finish finish_;
    int type_;
    std::uint16_t id_ = random_id();
    Clock::time_point started_ = Clock::now();
    Timings timings_;
    udp::resolver resolver_;
    udp::socket socket_;
    boost::asio::steady_timer timer_;
    std::vector<std::byte> query_;
    std::array<unsigned char, 4096> buffer_{};
};

}  // namespace

std::unique_ptr<Attempt> start_dns(boost::asio::io_context& context, const Dns& dns,
                                   Finish finish) {
    auto attempt = std::make_shared<DnsAttempt>(context, dns, std::move(finish));
    attempt->start();
    return std::make_unique<Handle<DnsAttempt>>(std::move(attempt));
}

}  // namespace understudy::checks
