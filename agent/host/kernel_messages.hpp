// rtnetlink messages -> events.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "agent/host/event_sink.hpp"
#include "base/ip_address.hpp"

namespace understudy::host {

// What one datagram of the kernel says of links and addresses; anything else in it is passed over.
// `datagram` is aligned like nlmsghdr. True at the end of an answer: what follows is not read.
bool report_messages(std::span<const std::byte> datagram, const EventSink& sink);

// The IPv6 addresses whose local routes are there now, by the same rules.
void report_local_routes(std::span<const std::byte> datagram,
                         const std::function<void(const IpAddress&)>& sink);

}  // namespace understudy::host
