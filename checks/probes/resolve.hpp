// The addresses of a host: what the system's resolver says of a name, or the address itself.
//
// The resolver has one thread, in which a name waits behind the one before it. An address never
// gets there, so that a name server that is silent does not hold up checks that need none.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"

namespace understudy::checks {

class Lookup {
public:
    // Either an error ("lb9: no such host") or at least one address. Those of IPv6 keep their
    // zone, which an IpAddress has no place for.
    using Addresses = std::vector<boost::asio::ip::address>;
    using Done = std::function<void(const std::string& error, const Addresses& addresses)>;

    explicit Lookup(boost::asio::io_context& context) : context_(context) {}
    ~Lookup();
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;

    // `done` is called once, later, from the loop, and may destroy the look-up. With a source, only
    // addresses of its family count. A second start() takes the first one back.
    void start(const std::string& host, const std::optional<IpAddress>& source, Done done);
    // `done` is not called any more.
    void cancel();

private:
    class Steps;

    boost::asio::io_context& context_;
    std::shared_ptr<Steps> steps_;
};

// The same address, without its zone.
IpAddress without_zone(const boost::asio::ip::address& address);

}  // namespace understudy::checks
