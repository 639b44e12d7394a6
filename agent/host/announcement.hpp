// Tells the link where an address is now: gratuitous ARP and unsolicited Neighbour Advertisements;
// and questions of the same two protocols.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "agent/core/action.hpp"
#include "agent/host/file_descriptor.hpp"
#include "agent/host/seen_links.hpp"

namespace understudy::host {

inline constexpr std::size_t arp_size = 42;  // Ethernet and ARP (RFC 826)
// Ethernet, IPv6, Neighbour Solicitation or Advertisement with one option
inline constexpr std::size_t neighbour_message_size = 86;

// Broadcast: where is `target`? Whoever has it learns where `source` is (RFC 826).
std::array<std::byte, arp_size> arp_request(const MacAddress& mac, const IpAddress& source,
                                            const IpAddress& target);
// The same to the target's solicited-node group (RFC 4861 4.3, 7.2.2, 7.2.3).
std::array<std::byte, neighbour_message_size> neighbour_solicitation(const MacAddress& mac,
                                                                     const IpAddress& source,
                                                                     const IpAddress& target);

// Broadcast ARP request whose sender and target are both `address` (RFC 5227 3, RFC 9568 6.4.2).
std::array<std::byte, arp_size> gratuitous_arp(const MacAddress& mac, const IpAddress& address);

// To all nodes, from the address itself, with Override set and the target's link-layer address
// (RFC 4861 4.4, RFC 9568 6.4.2). `router`: the Router flag, as this node forwards IPv6 or not.
std::array<std::byte, neighbour_message_size> unsolicited_advertisement(const MacAddress& mac,
                                                                        const IpAddress& address,
                                                                        bool router);

// Sends frames on any link, and receives nothing, for good. Not open: refused, and errno says why.
FileDescriptor open_frame_socket();

class AnnouncementSender {
public:
    // `frames`: as open_frame_socket() gives it, of the caller.
    explicit AnnouncementSender(int frames) : frames_(frames) {}

    static constexpr std::size_t most_at_once = 256;
    // With one system call; at most that many. What the interface refuses is not sent again:
    // announcements are repeated anyway.
    void send(std::span<const core::Announce> announcements, const SeenLinks& links) const;

private:
    int frames_;
};

}  // namespace understudy::host
