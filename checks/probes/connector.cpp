#include "checks/probes/connector.hpp"

#include <boost/asio/error.hpp>
#include <utility>

#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

using boost::asio::ip::tcp;
using Error = boost::system::error_code;

}  // namespace

Connector::Connector(Resolver& resolver, Endpoint target, std::optional<IpAddress> source)
    : target_(std::move(target)),
      source_(source),
      lookup_(resolver),
      delay_(resolver.context()),
      socket_(resolver.context()) {}

void Connector::start(Done done) {
    done_ = std::move(done);
    lookup_.start(target_.host, source_, [this](const Lookup::Found& more) {
        const auto self = shared_from_this();  // finishing may end it
        found(more);
    });
}

void Connector::found(const Lookup::Found& found) {
    if (!done_) {
        return;  // an address of the other family was faster
    }
    if (!found.error.empty()) {
        end(found.error);
        return;
    }
    if (!timings_.lookup) {
        timings_.lookup = elapsed();
    }
    untried_.add(found.addresses);
    all_found_ = found.complete;
    if (open_.empty() || due_) {
        try_next();
    }
}

// A new one every quarter of a second, or at once when one has failed.
void Connector::try_next() {
    delay_.cancel();
    due_ = false;
    while (!untried_.empty()) {
        const boost::asio::ip::address address = untried_.take();
        open_.push_front({tcp::socket{socket_.get_executor()}, address});
        const Error error = begin(open_.begin());
        if (error) {
            open_.pop_front();
            failed(address, error);
            continue;
        }
        delay_.expires_after(connection_attempt_delay);
        delay_.async_wait([weak = weak_from_this()](const Error& cancelled) {
            const auto self = weak.lock();
            if (!self || cancelled || !self->done_) {
                return;
            }
            if (self->untried_.empty()) {
                self->due_ = true;  // the look-up may bring more
            } else {
                self->try_next();
            }
        });
        return;
    }
    if (open_.empty() && all_found_) {
        end(all_errors());
    }
}

Error Connector::begin(std::list<Try>::iterator one) {
    Error error;
    const tcp::endpoint to{one->address, target_.port};
    one->socket.open(to.protocol(), error);
    if (!error && source_) {
        one->socket.bind({boost::asio::ip::make_address(source_->to_string()), 0}, error);
    }
    if (!error) {
        // Removing a try from the list closes its socket and aborts this handler.
        one->socket.async_connect(to, [weak = weak_from_this(), one](const Error& failed) {
            const auto self = weak.lock();
            if (self && self->done_ && failed != boost::asio::error::operation_aborted) {
                self->ended(one, failed);
            }
        });
    }
    return error;
}

void Connector::ended(std::list<Try>::iterator one, const Error& error) {
    if (error) {
        const boost::asio::ip::address address = one->address;
        open_.erase(one);
        failed(address, error);
        try_next();
        return;
    }
    timings_.connect = elapsed();
    socket_ = std::move(one->socket);
    open_.clear();
    end("");
}

void Connector::failed(const boost::asio::ip::address& address, const Error& error) {
    const bool is_literal = address.to_string() == target_.host;
    errors_.push_back((is_literal ? "" : address.to_string() + ": ") + plain(error));
}

std::string Connector::all_errors() const {
    constexpr std::size_t most_shown = 3;
    std::string text;
    for (std::size_t i = 0; i < errors_.size() && i < most_shown; ++i) {
        text += (i == 0 ? "" : "; ") + errors_[i];
    }
    return errors_.size() > most_shown ? text + "; ..." : text;
}

void Connector::end(const std::string& error) {
    lookup_.cancel();
    delay_.cancel();
    if (const Done done = std::exchange(done_, nullptr)) {
        done(error);
    }
}

std::string Connector::progress() const {
    if (!timings_.lookup) {
        return lookup_.progress();
    }
    std::string addresses;
    for (auto one = open_.rbegin(); one != open_.rend(); ++one) {
        addresses += (addresses.empty() ? "" : " and ") + one->address.to_string();
    }
    return addresses.empty()
               ? all_errors() + "; " + lookup_.progress()
               : "connecting to " + addresses + " port " + std::to_string(target_.port);
}

std::string Connector::to_whom() const {
    Error error;
    const std::string address = socket_.remote_endpoint(error).address().to_string();
    return error || address == target_.host ? "" : " to " + address;
}

// With a reset, as HAProxy's checks end: no side keeps the connection in TIME_WAIT.
void Connector::close() {
    done_ = nullptr;
    lookup_.cancel();
    delay_.cancel();
    open_.clear();
    Error ignored;
    socket_.set_option(tcp::socket::linger(true, 0), ignored);
    socket_.close(ignored);
}

}  // namespace understudy::checks
