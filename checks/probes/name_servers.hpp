// What resolv.conf(5) says: which name servers are asked, and for which names.
#pragma once

#include <boost/asio/ip/udp.hpp>
#include <string>
#include <vector>

namespace understudy::checks {

struct NameServers {
    std::vector<boost::asio::ip::udp::endpoint> servers;
    std::vector<std::string> search;
    unsigned ndots = 1;    // a name with at least as many dots is first queried as it is
    bool by_tcp = false;   // options use-vc
    bool by_edns = false;  // options edns0
};

// Of this machine. The C library reads the file when it has changed, and otherwise only looks at
// its status.
NameServers system_name_servers();

// The names that `host` may stand for, in the order of the queries.
std::vector<std::string> candidates(const std::string& host, const NameServers& from);

}  // namespace understudy::checks
