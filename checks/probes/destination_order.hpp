// In which order the addresses of one host are tried: RFC 6724, section 6.
//
// Of its rules, 3 (deprecated sources), 4 (home addresses) and 7 (native transport) are left out:
// what they need to know, a socket does not tell.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <vector>

namespace understudy::checks {

struct Destination {
    boost::asio::ip::address address;
    bool has_route = true;
    boost::asio::ip::address source;  // from which the kernel would send to it
};

// The best one first; equal ones stay as they are.
void sort_destinations(std::vector<Destination>& destinations);

// The same, with the sources that the kernel has now. Sends nothing.
std::vector<boost::asio::ip::address> in_order(std::vector<boost::asio::ip::address> addresses);

}  // namespace understudy::checks
