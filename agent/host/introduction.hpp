// Makes the kernels of the unicast peers learn this node's MAC.
//
// A peer's advertisements to a node that was away wait in its kernel for the node's MAC, and the
// kernel asks for that once a second only: longer than a node with short intervals waits before it
// takes the addresses, also with `preempt = no`. Whoever is asked for its own MAC learns that of
// the one who asks, and sends what was waiting. So each peer is asked, or the router before it; the
// neighbour table of this node stays as it is.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "agent/core/configuration.hpp"
#include "agent/core/event.hpp"
#include "agent/core/kernel_view.hpp"
#include "agent/host/file_descriptor.hpp"
#include "agent/host/owner_socket.hpp"

namespace understudy::host {

class Introduction {
public:
    // `frames`: as open_frame_socket() gives it, of the caller. Throws std::runtime_error if the
    // kernel gives no other socket.
    explicit Introduction(int frames);

    // To the unicast peers of this family of the VIPs on this interface, the way that
    // advertisements to them go (without a route Linux takes them to be on the link). Nobody is
    // asked from an address that is `held`: others take what comes from there for a claim. In the
    // thread that may wait for the kernel; the other two functions belong to the loop, which hands
    // over a copy of kernel().
    void introduce(const core::Configuration& configuration, const core::KernelView& kernel,
                   const HeldAddresses& held, core::InterfaceIndex interface, Family family);

    const core::KernelView& kernel() const { return kernel_; }

    // Whether it tells of an address of this node's own that was not here before: the kernel tells
    // again of each whose lifetime is prolonged, by any Router Advertisement.
    bool has_come(const core::Event& event);

private:
    struct Question {
        IpAddress peer;
        std::optional<IpAddress> source;  // that of the advertisements; not known: the route's
        std::optional<IpAddress> hop;     // the peer, or the router before it
    };
    static std::vector<Question> questions_for(const core::Configuration& configuration,
                                               const core::KernelView& kernel,
                                               const std::string& name,
                                               core::InterfaceIndex interface, Family family);
    static std::optional<IpAddress> source_of(const core::VipSettings& vip,
                                              const core::KernelView& kernel,
                                              core::InterfaceIndex interface, Family family,
                                              const std::set<IpAddress>& moving);
    void find_routes(std::span<Question> questions, core::InterfaceIndex interface);
    void ask(const Question& question, core::InterfaceIndex interface, const MacAddress& mac);

    void observe(const core::Event& event);

    core::KernelView kernel_;
    std::set<std::pair<core::InterfaceIndex, IpAddress>> own_;
    FileDescriptor routes_;
    int frames_;
};

}  // namespace understudy::host
