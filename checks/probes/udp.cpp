#include "checks/probes/udp.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <string_view>
#include <utility>

#include "checks/probes/address_queue.hpp"
#include "checks/probes/handle.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

using boost::asio::ip::udp;
using Error = boost::system::error_code;

class UdpSteps : public std::enable_shared_from_this<UdpSteps> {
public:
    UdpSteps(Resolver& resolver, const Udp& udp, Finish finish)
        : context_(resolver.context()),
          udp_(udp),
          finish_(std::move(finish)),
          lookup_(resolver),
          delay_(resolver.context()) {}

    void start() {
        lookup_.start(udp_.target.host, udp_.source, [this](const Lookup::Found& more) {
            const auto self = shared_from_this();  // finishing may end the attempt
            found(more);
        });
    }
    void close() {
        finish_ = nullptr;
        lookup_.cancel();
        delay_.cancel();
        asked_.clear();
    }
    std::string progress() const {
        if (asked_.empty()) {
            return lookup_.progress();
        }
        return wrong_answer_.empty() ? "waiting for an answer" + of_whom()
                                     : "answered \"" + wrong_answer_ + "\", waiting for \"" +
                                           printable(udp_.expect, 60) + '"';
    }

private:
    using Asked = std::list<udp::socket>;

    void found(const Lookup::Found& found) {
        if (!found.error.empty()) {
            end(failure(found.error));
            return;
        }
        if (!timings_.lookup) {
            timings_.lookup = watch_.elapsed();
        }
        untried_.add(found.addresses);
        all_found_ = found.complete;
        if (asked_.empty() || due_) {
            ask_next();
        }
    }

    void ask_next() {
        delay_.cancel();
        due_ = false;
        while (!untried_.empty()) {
            const udp::endpoint address{untried_.take(), udp_.target.port};
            asked_.emplace_back(context_);
            const auto place = std::prev(asked_.end());
            if (const Error error = ask(*place, address)) {
                asked_.erase(place);
                last_error_ = words_for(address, error);
                continue;
            }
            receive(place);
            wait_for_next();
            return;
        }
        if (asked_.empty() && all_found_) {
            end(failure(last_error_));
        }
    }

    Error ask(udp::socket& socket, const udp::endpoint& address) const {
        Error error;
        socket.open(address.protocol(), error);
        if (!error && udp_.source) {
            socket.bind({boost::asio::ip::make_address(udp_.source->to_string()), 0}, error);
        }
        if (!error) {
            socket.connect(address, error);
        }
        if (!error) {
            socket.non_blocking(true, error);
        }
        if (!error) {
            socket.send(boost::asio::buffer(udp_.send), 0, error);
        }
        return error;
    }

    void wait_for_next() {
        delay_.expires_after(connection_attempt_delay);
        delay_.async_wait([weak = weak_from_this()](const Error& cancelled) {
            const auto self = weak.lock();
            if (!self || cancelled || !self->finish_) {
                return;
            }
            if (self->untried_.empty()) {
                self->due_ = true;  // the look-up may bring more
            } else {
                self->ask_next();
            }
        });
    }

    void receive(Asked::iterator place) {
        place->async_wait(udp::socket::wait_read,
                          [weak = weak_from_this(), place](const Error& error) {
                              const auto self = weak.lock();
                              if (self && !error && self->finish_) {
                                  self->received(place);
                              }
                          });
    }

    void received(Asked::iterator place) {
        Error error;
        const udp::endpoint from = place->remote_endpoint(error);
        const std::size_t size = place->receive(boost::asio::buffer(buffer_), 0, error);
        if (error == boost::asio::error::would_block || error == boost::asio::error::try_again) {
            receive(place);
            return;
        }
        if (error) {
            asked_.erase(place);
            last_error_ = words_for(from, error);
            ask_next();
            return;
        }
        const std::string_view answer{buffer_.data(), size};
        if (answer.find(udp_.expect) == std::string_view::npos) {
            // Perhaps late, or of another protocol's making: the right one may still come.
            wrong_answer_ = answer.empty() ? "(empty)" : printable(answer, 60);
            receive(place);
            return;
        }
        Outcome outcome;
        outcome.passed = true;
        const std::string whom = from.address().to_string();
        outcome.detail = (whom == udp_.target.host ? "" : whom + ' ') + "answered in " +
                         milliseconds(watch_.elapsed());
        outcome.output = printable(answer, longest_output);
        timings_.first_byte = watch_.elapsed();
        end(std::move(outcome));
    }

    std::string words_for(const udp::endpoint& address, const Error& error) const {
        const std::string whom = address.address().to_string();
        return (whom == udp_.target.host ? "" : whom + ": ") +
               (error == boost::asio::error::connection_refused ? "port unreachable"
                                                                : plain(error));
    }

    // " of 192.0.2.1 and 2001:db8::1", if it was a name.
    std::string of_whom() const {
        std::string addresses;
        for (const udp::socket& socket : asked_) {
            Error error;
            const std::string address = socket.remote_endpoint(error).address().to_string();
            if (address != udp_.target.host) {
                addresses += (addresses.empty() ? " of " : " and ") + address;
            }
        }
        return addresses;
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
    const Udp& udp_;
    Finish finish_;
    Stopwatch watch_;
    Timings timings_;
    Lookup lookup_;
    boost::asio::steady_timer delay_;
    AddressQueue untried_;
    bool all_found_ = false;
    bool due_ = false;  // the time for the next address has come
    Asked asked_;
    std::string last_error_;
    std::string wrong_answer_;  // the last one, as it is shown
    std::array<char, 65536> buffer_{};
};

}  // namespace

std::unique_ptr<Attempt> start_udp(Resolver& resolver, const Udp& udp, Finish finish) {
    auto steps = std::make_shared<UdpSteps>(resolver, udp, std::move(finish));
    steps->start();
    return std::make_unique<Handle<UdpSteps>>(std::move(steps));
}

}  // namespace understudy::checks
