// The VRRP sockets that the VIPs need, and which of them work. Who cannot hear may not claim.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "agent/core/action.hpp"
#include "agent/core/event.hpp"
#include "base/state_fields.hpp"
#include "base/time.hpp"

namespace understudy::core {

inline constexpr Duration listener_retry = std::chrono::seconds{1};

class Listeners {
public:
    // Opens what is missing and closes what is not wanted.
    void want(TimePoint now, const std::set<Listener>& wanted, Outbox& out);
    void opened(const Listener& listener);
    void failed(TimePoint now, const Listener& listener, const std::string& error);

    // Empty if the socket of this family and interface receives, or is just being opened; otherwise
    // what is wrong with it.
    std::string trouble(Family family, InterfaceIndex interface) const;
    bool is_open(Family family, InterfaceIndex interface) const;

    void time_passed(TimePoint now, Outbox& out);
    std::optional<TimePoint> next_deadline() const;

private:
    friend struct understudy::StateFields;

    struct Status;
    const Status* find(Family family, InterfaceIndex interface) const;

    struct Status {
        bool open = false;
        std::string error;
        std::optional<TimePoint> retry_at;
    };
    std::map<Listener, Status> status_;
};

}  // namespace understudy::core
