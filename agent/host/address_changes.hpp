// Adds, renews and removes addresses: many in one netlink message.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
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

    // Hands what is queued to the kernel, in order, and returns when the kernel has done it: about
    // 10 us for each address, and at most LocalRoutes::longest_wait more with IPv6. Refused
    // additions are reported as AddressRefused; a removal of what is gone and a renewal of what is
    // gone are not (the monitor tells).
    void flush(const EventSink& sink);
    bool has_queued() const { return !pending_.empty(); }

private:
    struct Pending {
        std::uint32_t sequence = 0;
        core::InterfaceIndex interface = 0;
        IpPrefix prefix;
        bool adds = false;
        std::size_t begin = 0;  // in buffer_
    };

    void append(std::uint16_t type, std::uint16_t flags, core::InterfaceIndex interface,
                const IpPrefix& prefix, const Duration* lease, bool adds);
    void attribute(std::uint16_t type, const void* data, std::size_t size);
    void send(std::size_t first, std::size_t last, const EventSink& sink);
    void read_answers(std::size_t first, std::size_t last, const EventSink& sink);
    void refuse(const Pending& change, int error, const EventSink& sink);

    FileDescriptor socket_;
    LocalRoutes local_routes_;
    std::vector<std::byte> buffer_;  // reused
    std::vector<Pending> pending_;   // reused
    std::uint32_t next_sequence_ = 1;
};

}  // namespace understudy::host
