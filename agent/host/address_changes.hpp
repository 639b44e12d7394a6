// Adds, renews and removes addresses: many in one netlink message.
//
// Whatever the order in which they were queued, a batch leaves the host what is its own. Linux
// drops every IPv4 route through an interface with its last address: so additions go before
// removals. It also drops the later addresses of a network with its first one, unless
// promote_secondaries is on: so that is on while addresses are removed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "agent/core/action.hpp"
#include "agent/host/event_sink.hpp"
#include "agent/host/file_descriptor.hpp"
#include "agent/host/local_routes.hpp"

namespace understudy::host {

class AddressChanges {
public:
    // Throws std::runtime_error if the kernel gives no netlink socket.
    AddressChanges();

    void queue(const core::AddAddress& change);
    void queue(const core::RenewAddress& change);
    void queue(const core::RemoveAddress& change);

    // Hands what is queued to the kernel, and returns when the kernel has done it: about 10 us for
    // each address, and at most LocalRoutes::longest_wait more with IPv6. Refused additions are
    // reported as AddressRefused; a removal of what is gone and a renewal of what is gone are not
    // (the monitor tells).
    void flush(const EventSink& sink);
    bool has_queued() const { return !queue_.empty(); }

private:
    enum class Kind : std::uint8_t { add, renew, remove, promote };
    struct Change {
        Kind kind = Kind::add;
        core::InterfaceIndex interface = 0;
        IpPrefix prefix;
        Duration lease{};      // of an addition or a renewal
        bool promote = false;  // the value of promote_secondaries
    };
    struct Sent {
        std::size_t change = 0;  // in queue_
        std::size_t begin = 0;   // in buffer_
    };

    void put_in_order();
    void keep_secondaries();
    std::optional<bool> promotes_secondaries(core::InterfaceIndex interface);
    void encode(const Change& change, std::uint32_t sequence);
    void encode_address(const Change& change, std::uint32_t sequence);
    void attribute(std::uint16_t type, const void* data, std::size_t size);
    void send(std::span<const Sent> messages, std::size_t end, const EventSink& sink);
    void read_answers(std::span<const Sent> messages, const EventSink& sink);
    void refuse(const Change& change, int error, const EventSink& sink);

    FileDescriptor socket_;
    LocalRoutes local_routes_;
    std::vector<Change> queue_;      // reused
    std::vector<std::byte> buffer_;  // reused
    std::vector<Sent> sent_;         // reused
    std::uint32_t next_sequence_ = 1;
};

}  // namespace understudy::host
