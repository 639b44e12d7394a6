// rtnetlink messages -> events.
#pragma once

#include <cstddef>
#include <span>

#include "agent/host/event_sink.hpp"

namespace understudy::host {

// What one datagram of the kernel says of links and addresses; anything else in it is passed over.
// `datagram` is aligned like nlmsghdr. True at the end of an answer: what follows is not read.
bool report_messages(std::span<const std::byte> datagram, const EventSink& sink);

}  // namespace understudy::host
