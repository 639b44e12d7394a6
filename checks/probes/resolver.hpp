// The addresses of a host: an address is its own, a name is looked up in the hosts file, and then
// asked of the name servers of resolv.conf. Both files count as they are at that moment.
//
// Every look-up has sockets and a time of its own: none waits for the others, and one that is
// given up is gone. There is no cache: what is checked is also that the name still leads somewhere.
// Other modules of nsswitch.conf than files and dns are not asked, since their code may wait.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "checks/probes/dns_client.hpp"
#include "checks/probes/name_servers.hpp"

struct ares_channeldata;

namespace understudy::checks {

// The defaults are those of this machine; tests replace them.
struct ResolverSources {
    std::function<NameServers()> name_servers = system_name_servers;
    bool hosts_of_environment = false;  // the hosts file is the one that $CARES_HOSTS names
};

class Resolver {
public:
    using Addresses = std::vector<boost::asio::ip::address>;

    explicit Resolver(boost::asio::io_context& context, ResolverSources sources = {});
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;
    ~Resolver();

    boost::asio::io_context& context() { return context_; }

private:
    friend class Lookup;
    class Query;
    using Clock = std::chrono::steady_clock;

    std::shared_ptr<Query> query(const std::string& host, bool v4, bool v6);
    NameServers name_servers() const;
    Addresses addresses_in_hosts_file(const std::string& host) const;
    void remember(const std::vector<DnsClient::Server>& asked,
                  const std::optional<DnsClient::Server>& heard, bool had_time);

    boost::asio::io_context& context_;
    ResolverSources sources_;
    ares_channeldata* files_ = nullptr;  // reads the hosts file, and asks nobody
    // Those that have just begun: who asks for the same name now gets the same answer.
    std::map<std::string, std::weak_ptr<Query>> young_;
    // For some time, a name server that answered is queried before one that did not.
    std::optional<DnsClient::Server> preferred_;
    Clock::time_point preferred_until_;
};

// One look-up, for one user.
class Lookup {
public:
    // Either an error ("lb9: no such host") or addresses, the best one first (RFC 6724). Those of
    // IPv6 keep their zone, which an IpAddress has no place for.
    struct Found {
        std::string error;
        Resolver::Addresses addresses;
        // If not, the name server still owes those of the other family (RFC 8305, section 3): what
        // there is of them comes in a second call.
        bool complete = true;
    };
    using Done = std::function<void(const Found&)>;

    explicit Lookup(Resolver& resolver) : resolver_(resolver) {}
    ~Lookup();
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;

    // `done` is called once or twice, later, from the loop, and may destroy the look-up. With a
    // source, only addresses of its family count. A second start() takes the first one back.
    void start(const std::string& host, const std::optional<IpAddress>& source, Done done);
    // `done` is not called after this.
    void cancel();
    // "looking up lb9: no answer from 192.0.2.53".
    std::string progress() const;

private:
    Resolver& resolver_;
    std::shared_ptr<Resolver::Query> query_;
    std::uint64_t listener_ = 0;
};

// The same address, without its zone.
IpAddress without_zone(const boost::asio::ip::address& address);

}  // namespace understudy::checks
