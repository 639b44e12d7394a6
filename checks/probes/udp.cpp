#include "checks/probes/udp.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/udp.hpp>
#include <string_view>
#include <utility>

#include "checks/probes/connector.hpp"
#include "checks/probes/resolve.hpp"
#include "checks/probes/words.hpp"

namespace understudy::checks {

namespace {

using boost::asio::ip::udp;
using Error = boost::system::error_code;

class UdpSteps : public std::enable_shared_from_this<UdpSteps> {
public:
    UdpSteps(boost::asio::io_context& context, const Udp& udp, Finish finish)
        : udp_(udp), finish_(std::move(finish)), lookup_(context), socket_(context) {}

    void start() {
        lookup_.start(udp_.target.host, udp_.source,
                      [this](const std::string& error, const Lookup::Addresses& addresses) {
                          const auto self = shared_from_this();  // finishing may end the attempt
                          resolved(error, addresses);
                      });
    }
    void close() {
        finish_ = nullptr;
        lookup_.cancel();
        Error ignored;
        socket_.close(ignored);
    }
    std::string progress() const {
        if (!socket_.is_open()) {
            return "looking up " + udp_.target.host;
        }
        return wrong_answer_.empty() ? "waiting for an answer"
                                     : "answered \"" + wrong_answer_ + "\", waiting for \"" +
                                           printable(udp_.expect, 60) + '"';
    }

private:
    void resolved(const std::string& error, const Lookup::Addresses& addresses) {
        if (!error.empty()) {
            end(failure(error));
            return;
        }
        timings_.lookup = watch_.elapsed();
        Error failed = connect({addresses.front(), udp_.target.port});
        if (!failed) {
            receive();
            socket_.send(boost::asio::buffer(udp_.send), 0, failed);
        }
        if (failed) {
            end(failure(plain(failed)));
        }
    }

    Error connect(const udp::endpoint& address) {
        Error error;
        socket_.open(address.protocol(), error);
        if (!error && udp_.source) {
            socket_.bind({boost::asio::ip::make_address(udp_.source->to_string()), 0}, error);
        }
        if (!error) {
            socket_.connect(address, error);
        }
        return error;
    }

    void receive() {
        socket_.async_receive(boost::asio::buffer(buffer_),
                              [weak = weak_from_this()](const Error& error, std::size_t size) {
                                  const auto self = weak.lock();
                                  if (self && self->finish_) {
                                      self->received(error, size);
                                  }
                              });
    }

    void received(const Error& error, std::size_t size) {
        if (error) {
            end(failure(error == boost::asio::error::connection_refused ? "port unreachable"
                                                                        : plain(error)));
            return;
        }
        const std::string_view answer{buffer_.data(), size};
        if (answer.find(udp_.expect) == std::string_view::npos) {
            // Perhaps late, or of another protocol's making: the right one may still come.
            wrong_answer_ = answer.empty() ? "(empty)" : printable(answer, 60);
            receive();
            return;
        }
        Outcome outcome;
        outcome.passed = true;
        outcome.detail = "answered in " + milliseconds(watch_.elapsed());
        outcome.output = printable(answer, longest_output);
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

    const Udp& udp_;
    Finish finish_;
    Stopwatch watch_;
    Timings timings_;
    Lookup lookup_;
    udp::socket socket_;
    std::string wrong_answer_;  // the last one, as it is shown
    std::array<char, 65536> buffer_{};
};

}  // namespace

std::unique_ptr<Attempt> start_udp(boost::asio::io_context& context, const Udp& udp,
                                   Finish finish) {
    auto steps = std::make_shared<UdpSteps>(context, udp, std::move(finish));
    steps->start();
    return std::make_unique<Handle<UdpSteps>>(std::move(steps));
}

}  // namespace understudy::checks
