// Name look-up and TCP connection, each address in its turn.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checks/outcome.hpp"
#include "checks/probes/handle.hpp"
#include "checks/settings.hpp"

namespace understudy::checks {

// "lb9: no such host".
std::string lookup_error(const std::string& host, const boost::system::error_code& error);
// "connection refused", "network is unreachable".
std::string plain(const boost::system::error_code& error);

class Connector : public std::enable_shared_from_this<Connector> {
public:
    // An empty error: socket() is connected.
    using Done = std::function<void(const std::string& error)>;

    Connector(boost::asio::io_context& context, Endpoint target, std::optional<IpAddress> source);

    void start(Done done);
    void close();
    std::string progress() const { return progress_; }
    boost::asio::ip::tcp::socket& socket() { return socket_; }
    Timings& timings() { return timings_; }
    Duration elapsed() const { return watch_.elapsed(); }

private:
    void try_next();
    void end(const std::string& error);

    Endpoint target_;
    std::optional<IpAddress> source_;
    Done done_;
    Stopwatch watch_;
    Timings timings_;
    std::string progress_;
    std::string last_error_;
    boost::asio::ip::tcp::resolver resolver_;
    boost::asio::ip::tcp::socket socket_;
    std::vector<boost::asio::ip::tcp::endpoint> addresses_;
    std::size_t next_ = 0;
};

}  // namespace understudy::checks
