// Does a neighbour answer ARP (IPv4) or Neighbour Discovery (IPv6)? Asked every 100 ms.
#pragma once

#include <memory>

#include "checks/probes/raw_sockets.hpp"
#include "checks/processes/attempt.hpp"

namespace understudy::checks {

// `arp` and `raw` outlive the attempt.
std::unique_ptr<Attempt> start_arp(boost::asio::io_context& context, RawSockets& raw,
                                   const Arp& arp, Finish finish);

}  // namespace understudy::checks
