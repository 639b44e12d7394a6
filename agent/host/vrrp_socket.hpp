// The raw sockets that advertisements go through: one for each interface and address family.
//
// IPv4: protocol 112 with TTL 255; IPv6: next header 112 with hop limit 255; both with traffic
// class 0xC0 (network control) and, where asked for, as a member of the VRRP group. Checksums are
// left to the core, so that a wrong one is counted and does not vanish in the kernel.
#pragma once

#include <sys/socket.h>

#include <array>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/core/action.hpp"
#include "agent/host/event_sink.hpp"
#include "agent/host/file_descriptor.hpp"
#include "agent/host/owner_socket.hpp"

namespace understudy::host {

class VrrpSocket {
public:
    // An error names the step that failed: "cannot join 224.0.0.18: No such device". As closing
    // it, this may wait for locks of the kernel.
    static std::expected<VrrpSocket, std::string> open(const core::Listener& listener);

    const core::Listener& listener() const { return listener_; }
    int fd() const { return socket_.get(); }
    // Reads what has arrived, at most a few hundred datagrams; never blocks. 0, or the errno of a
    // socket that is broken.
    int receive(const EventSink& sink) const;

private:
    friend class VrrpSockets;
    VrrpSocket(const core::Listener& listener, FileDescriptor socket)
        : listener_(listener), socket_(std::move(socket)) {}
    std::string prepare() const;
    std::string join() const;

    core::Listener listener_;
    FileDescriptor socket_;
};

class VrrpSockets {
public:
    // `owners`: as open_owner_socket() gives it, of the caller.
    explicit VrrpSockets(int owners);
    ~VrrpSockets();
    VrrpSockets(const VrrpSockets&) = delete;
    VrrpSockets& operator=(const VrrpSockets&) = delete;

    // The descriptor to wait on. A socket for the same listener has to be taken out before.
    int put(VrrpSocket socket);
    // To be closed where that may take its time.
    std::optional<VrrpSocket> take(const core::Listener& listener);
    int receive(const core::Listener& listener, const EventSink& sink);
    // From address owners whose packets the IP layer keeps back, as this node holds their address;
    // where somebody listens for multicast (an owner cannot be a unicast peer).
    void receive_owners(const EventSink& sink);
    // What the kernel reports of this node's addresses.
    void observe(const core::Event& event) { held_.observe(event); }
    const HeldAddresses& held() const { return held_; }

    // `payload` is copied. Without a socket for its interface and family the advertisement is
    // dropped.
    void queue(const core::SendAdvert& advert, std::span<const std::byte> payload);
    // Everything that is queued, with one system call for each socket and 256 packets.
    void flush(const EventSink& sink);
    bool has_queued() const { return !queue_.empty(); }

private:
    struct Queued {
        core::SendAdvert advert;
        std::size_t begin = 0;
    };
    struct Batch;

    void send(int fd, std::span<const Queued> advertisements,
              std::vector<core::SendFailed>& failures);

    std::map<core::Listener, VrrpSocket> sockets_;
    int owners_;
    HeldAddresses held_;
    std::vector<Queued> queue_;     // reused
    std::vector<std::byte> bytes_;  // reused
    std::unique_ptr<Batch> batch_;
};

}  // namespace understudy::host
