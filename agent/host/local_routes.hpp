// Waits until added IPv6 addresses are in use.
//
// Linux acknowledges an IPv6 address before it has made the address's local route, which a work
// queue does (ipv6_add_addr() and addrconf_dad_work() in net/ipv6/addrconf.c): a packet that comes
// in between finds nobody. The queue runs on this processor once this process pauses, so an agent
// of high priority would advertise and announce the address first, without fail. Who held it
// before would give it up, and what the announcement brings here would be lost.
#pragma once

#include <set>

#include "agent/host/file_descriptor.hpp"
#include "base/ip_address.hpp"
#include "base/time.hpp"

namespace understudy::host {

class LocalRoutes {
public:
    // The usual wait is some ten microseconds; where processors are scarce it can be some ten
    // milliseconds. More than this would be felt by other routers' heartbeats; after a wait in vain
    // there is none for a while, so that many claims in a row do not add up.
    static constexpr Duration longest_wait = std::chrono::milliseconds{10};
    static constexpr Duration pause = std::chrono::milliseconds{100};

    // Call before the address is added.
    void expect(const IpAddress& address);
    // It was refused, or is removed again.
    void forget(const IpAddress& address) { expected_.erase(address); }
    // Until each that is expected is there, or longest_wait is over; nothing is expected then.
    void wait();

private:
    bool read_until(TimePoint deadline);

    FileDescriptor socket_;  // open only while something is expected: others' routes may be many
    std::set<IpAddress> expected_;
    TimePoint quiet_until_{};
};

}  // namespace understudy::host
