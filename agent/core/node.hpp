// The brain of one agent: takes (now, event), gives actions. Pure: the simulator, the tests and
// production run this same class.
//
// It does not read a clock, open a socket, write a log or draw a random number.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "agent/core/action.hpp"
#include "agent/core/configuration.hpp"
#include "agent/core/event.hpp"
#include "base/state_fields.hpp"
#include "base/time.hpp"

namespace understudy::core {

class Node {
public:
    // `now` is the start of the agent; `since_boot` serves startup_delay after a boot.
    Node(Configuration configuration, TimePoint now);
    ~Node();
    // A copy goes its own way; it shares the configuration, which never changes.
    Node(const Node& other);
    Node& operator=(const Node& other);
    Node(Node&&) noexcept;
    Node& operator=(Node&&) noexcept;

    // Appends to `out` what has to be done, in order. Events must come with a `now` that never goes
    // back.
    void handle(TimePoint now, const Event& event, Outbox& out);

    // Whether and when handle(TimePassed) has to be called next. Never in the past after handle().
    std::optional<TimePoint> next_deadline() const;

    // For sd_notify's STATUS= and for the executor's own needs: "2 active, 1 backup".
    std::string summary() const;

    // VIPs that this node is Active for, or is about to be.
    std::size_t active_vips() const;

    const Configuration& configuration() const;

private:
    friend struct understudy::StateFields;

    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace understudy::core
