// The last state changes of this node, numbered.
#pragma once

#include <deque>

#include "agent/control/messages.hpp"
#include "agent/core/action.hpp"
#include "base/state_fields.hpp"

namespace understudy::core {

class EventLog {
public:
    void append(control::StateEvent event, Outbox& out) {
        event.number = next_number_++;
        kept_.push_back(event);
        if (kept_.size() > control::most_events_kept) {
            kept_.pop_front();
        }
        out.actions.emplace_back(Publish{std::move(event)});
    }
    const std::deque<control::StateEvent>& kept() const { return kept_; }

private:
    friend struct understudy::StateFields;

    std::deque<control::StateEvent> kept_;
    std::uint64_t next_number_ = 1;
};

}  // namespace understudy::core
