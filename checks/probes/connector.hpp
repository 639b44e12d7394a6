// Name look-up and TCP connection: several addresses are tried side by side (RFC 8305), so that a
// dead one costs a quarter of a second and not the whole time.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checks/outcome.hpp"
#include "checks/probes/address_queue.hpp"
#include "checks/probes/handle.hpp"
#include "checks/probes/resolver.hpp"
#include "checks/settings.hpp"

namespace understudy::checks {

class Connector : public std::enable_shared_from_this<Connector> {
public:
    // An empty error: socket() is connected.
    using Done = std::function<void(const std::string& error)>;

    Connector(Resolver& resolver, Endpoint target, std::optional<IpAddress> source);

    void start(Done done);
    void close();
    std::string progress() const;
    // " to 192.0.2.1" if it was a name; for "connected to 192.0.2.1 in 1 ms".
    std::string to_whom() const;
    boost::asio::ip::tcp::socket& socket() { return socket_; }
    Timings& timings() { return timings_; }
    Duration elapsed() const { return watch_.elapsed(); }

private:
    struct Try {
        boost::asio::ip::tcp::socket socket;
        boost::asio::ip::address address;
    };

    void found(const Lookup::Found& found);
    void try_next();
    boost::system::error_code begin(std::list<Try>::iterator one);
    void ended(std::list<Try>::iterator one, const boost::system::error_code& error);
    void failed(const boost::asio::ip::address& address, const boost::system::error_code& error);
    void end(const std::string& error);
    std::string all_errors() const;

    Endpoint target_;
    std::optional<IpAddress> source_;
    Done done_;
    Stopwatch watch_;
    Timings timings_;
    Lookup lookup_;
    boost::asio::steady_timer delay_;
    AddressQueue untried_;
    bool all_found_ = false;
    bool due_ = false;  // the time for the next address has come
    std::list<Try> open_;
    std::vector<std::string> errors_;  // of the addresses that failed
    boost::asio::ip::tcp::socket socket_;
};

}  // namespace understudy::checks
