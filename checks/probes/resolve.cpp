#include "checks/probes/resolve.hpp"

#include <algorithm>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <span>
#include <utility>

#include "checks/probes/connector.hpp"

namespace understudy::checks {

namespace {

using boost::asio::ip::udp;
using Error = boost::system::error_code;

}  // namespace

class Lookup::Steps : public std::enable_shared_from_this<Lookup::Steps> {
public:
    Steps(boost::asio::io_context& context, std::string host, std::optional<IpAddress> source,
          Done done)
        : context_(context),
          host_(std::move(host)),
          source_(source),
          done_(std::move(done)),
          resolver_(context) {}

    void start() {
        Error no_literal;
        const auto literal = boost::asio::ip::make_address(host_, no_literal);
        if (!no_literal) {
            boost::asio::post(context_, [weak = weak_from_this(), literal] {
                if (const auto self = weak.lock()) {
                    self->found({literal});
                }
            });
            return;
        }
        // Of a datagram socket: every address once. The port is of no use here.
        resolver_.async_resolve(
            host_, "0",
            [weak = weak_from_this()](const Error& error, const udp::resolver::results_type& all) {
                const auto self = weak.lock();
                if (!self) {
                    return;
                }
                if (error) {
                    self->end(lookup_error(self->host_, error), {});
                    return;
                }
                Addresses addresses;
                for (const auto& entry : all) {
                    addresses.push_back(entry.endpoint().address());
                }
                self->found(std::move(addresses));
            });
    }

    void close() {
        done_ = nullptr;
        resolver_.cancel();
    }

private:
    void found(Addresses addresses) {
        if (source_) {
            std::erase_if(addresses, [this](const boost::asio::ip::address& address) {
                return address.is_v4() != source_->is_v4();
            });
        }
        end(addresses.empty() ? host_ + " has no address of the source's family" : "", addresses);
    }

    void end(const std::string& error, const Addresses& addresses) {
        if (const Done done = std::exchange(done_, nullptr)) {
            done(error, addresses);
        }
    }

    boost::asio::io_context& context_;
    std::string host_;
    std::optional<IpAddress> source_;
    Done done_;
    udp::resolver resolver_;
};

Lookup::~Lookup() {
    cancel();
}

void Lookup::start(const std::string& host, const std::optional<IpAddress>& source, Done done) {
    cancel();
    steps_ = std::make_shared<Steps>(context_, host, source, std::move(done));
    steps_->start();
}

void Lookup::cancel() {
    if (steps_) {
        steps_->close();
        steps_.reset();
    }
}

IpAddress without_zone(const boost::asio::ip::address& address) {
    if (address.is_v4()) {
        const auto bytes = address.to_v4().to_bytes();
        return IpAddress::from_bytes(std::as_bytes(std::span{bytes}));
    }
    const auto bytes = address.to_v6().to_bytes();
    return IpAddress::from_bytes(std::as_bytes(std::span{bytes}));
}

}  // namespace understudy::checks
