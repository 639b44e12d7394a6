// Hears the address owner while this node holds the owner's address.
//
// Over IPv4 an owner advertises from the virtual address itself (RFC 9568 5.1.1.1, 6.1). To the IP
// layer of whoever holds that address in the owner's absence, a packet from it is a martian: the
// raw socket never sees the advertisement that says "give way" (6.4.3). A packet socket does.
// The alternative is accept_local, which would let in every packet with a forged local source, and
// whose value somebody would have to put back. One socket for all interfaces: one of its own for
// each would cost the loop a pause of the kernel when it is closed (packet(7) sockets wait for all
// processors to have let go of them).
#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <utility>

#include "agent/core/event.hpp"
#include "agent/host/file_descriptor.hpp"

namespace understudy::host {

// Delivers IPv4 packets from their headers on, with the interface in sockaddr_ll: multicast
// advertisements of priority 255, nothing else and nothing of this node's own, for good (see
// lock_filter). Not open: refused, and errno says why.
FileDescriptor open_owner_socket();

// What the IP layer would have verified. Empty, or the packet without the padding of its frame.
std::span<const std::byte> verified_ipv4(std::span<const std::byte> frame);

// The addresses that understudy has put on this node: an owner's own is not among them, so that
// what comes back to it from the network is nobody's advertisement.
class HeldAddresses {
public:
    void observe(const core::Event& event);
    bool contain(const IpAddress& address) const;

private:
    std::set<std::pair<IpAddress, core::InterfaceIndex>> held_;
};

}  // namespace understudy::host
