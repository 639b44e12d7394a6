#include "checks/probes/connector.hpp"

#include <boost/asio/error.hpp>
#include <cctype>
#include <utility>

namespace understudy::checks {

namespace {

using boost::asio::ip::tcp;
using Error = boost::system::error_code;

bool is_of(const tcp::endpoint& address, const IpAddress& source) {
    return address.address().is_v4() == source.is_v4();
}

}  // namespace

std::string plain(const Error& error) {
    std::string text = error.message();
    if (!text.empty()) {
        text.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(text.front())));
    }
    return text;
}

std::string lookup_error(const std::string& host, const Error& error) {
    const bool unknown =
        error == boost::asio::error::host_not_found || error == boost::asio::error::no_data;
    return host + ": " + (unknown ? "no such host" : plain(error));
}

Connector::Connector(boost::asio::io_context& context, Endpoint target,
                     std::optional<IpAddress> source)
    : target_(std::move(target)),
      source_(source),
      progress_("looking up " + target_.host),
      resolver_(context),
      socket_(context) {}

void Connector::start(Done done) {
    done_ = std::move(done);
    resolver_.async_resolve(
        target_.host, std::to_string(target_.port),
        [weak = weak_from_this()](const Error& error, const tcp::resolver::results_type& found) {
            const auto self = weak.lock();
            if (!self) {
                return;
            }
            if (error) {
                self->end(lookup_error(self->target_.host, error));
                return;
            }
            self->timings_.lookup = self->elapsed();
            for (const auto& entry : found) {
                if (!self->source_ || is_of(entry.endpoint(), *self->source_)) {
                    self->addresses_.push_back(entry.endpoint());
                }
            }
            self->last_error_ = self->target_.host + " has no address of the source's family";
            self->try_next();
        });
}

void Connector::try_next() {
    Error error;
    socket_.close(error);
    if (next_ == addresses_.size()) {
        end(last_error_);
        return;
    }
    const tcp::endpoint& address = addresses_[next_++];
    progress_ = "connecting to " + address.address().to_string() + " port " +
                std::to_string(address.port());
    socket_.open(address.protocol(), error);
    if (!error && source_) {
        socket_.bind({boost::asio::ip::make_address(source_->to_string()), 0}, error);
    }
    if (error) {
        last_error_ = plain(error);
        try_next();
        return;
    }
    socket_.async_connect(address, [weak = weak_from_this()](const Error& failed) {
        const auto self = weak.lock();
        if (!self || failed == boost::asio::error::operation_aborted) {
            return;
        }
        if (failed) {
            self->last_error_ = plain(failed);
            self->try_next();
            return;
        }
        self->timings_.connect = self->elapsed();
        self->end("");
    });
}

void Connector::end(const std::string& error) {
    if (const Done done = std::exchange(done_, nullptr)) {
        done(error);
    }
}

// With a reset, as HAProxy's checks end: no side keeps the connection in TIME_WAIT.
void Connector::close() {
    done_ = nullptr;
    resolver_.cancel();
    Error ignored;
    socket_.set_option(tcp::socket::linger(true, 0), ignored);
    socket_.close(ignored);
}

}  // namespace understudy::checks
