// The sockets that only CAP_NET_RAW can open, shared by all attempts: opened once, before the
// prober gives up its rights, or by somebody else. What arrives is handed to whoever waits for it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "checks/probes/neighbour_answer.hpp"
#include "checks/processes/raw_descriptors.hpp"

namespace understudy::checks {

class RawSockets {
public:
    // An echo reply with the identifier that was asked for.
    using Echo = std::function<void(const EchoReply& reply)>;
    using Neighbour = std::function<void(const MacAddress& mac)>;

    explicit RawSockets(boost::asio::io_context& context) : context_(context) {}

    // Takes over what is `given`, and opens the rest. What the kernel refuses stays closed, and
    // trouble() tells why.
    void open(const RawDescriptors& given = {});
    // Empty if this kind can be used.
    std::string echo_trouble(Family family) const;
    std::string neighbour_trouble(Family family) const;

    // An identifier that nobody else uses and nobody can guess; until ignore_echo().
    std::uint16_t expect_echo(Echo echo);
    void ignore_echo(std::uint16_t identifier) { echoes_.erase(identifier); }
    // Errors are texts; empty: sent. `packet` is the ICMP message, for IPv4 with its checksum.
    std::string send_echo(const IpAddress& to, const IpAddress* source,
                          std::span<const std::byte> packet);

    void expect_neighbour(int interface, const IpAddress& address, const void* who,
                          Neighbour neighbour);
    void ignore_neighbour(const void* who);
    // One ARP request (IPv4) or Neighbour Solicitation (IPv6).
    std::string ask_neighbour(int interface, const IpAddress& address, const IpAddress& source,
                              const MacAddress& mac);

private:
    struct Socket {
        std::unique_ptr<boost::asio::posix::stream_descriptor> descriptor;
        std::string trouble = "it was not opened";
    };
    struct Expected {
        int interface = 0;
        IpAddress address;
        const void* who = nullptr;
        Neighbour told;
    };

    using Reader = void (RawSockets::*)(int fd);
    void adopt(Socket& socket, int fd, Reader reader);
    void wait(Socket& socket, Reader reader);
    void read_v4(int fd);
    void read_v6(int fd);
    void read_arp(int fd);
    void tell_echo(const EchoReply& reply);
    void tell_neighbour(int interface, const NeighbourAnswer& answer);

    boost::asio::io_context& context_;
    Socket icmp_v4_;
    Socket icmp_v6_;
    Socket arp_;
    std::map<std::uint16_t, Echo> echoes_;
    std::vector<Expected> neighbours_;
};

// RFC 1071.
std::uint16_t internet_checksum(std::span<const std::byte> data);

}  // namespace understudy::checks
