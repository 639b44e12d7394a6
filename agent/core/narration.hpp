// The lines of log_level debug and trace: the events that the Node receives, its decisions with
// their facts, and the actions that it orders.
//
// A line is formatted only if its level is on: callers check Outbox::logs() first, and that
// comparison is the whole cost otherwise. The lines carry no secrets: the header of a datagram, of
// a check the text that `status` shows, of a hook its name.
#pragma once

#include <cstddef>
#include <string>

#include "agent/core/action.hpp"
#include "agent/core/configuration.hpp"
#include "agent/core/event.hpp"
#include "agent/core/kernel_view.hpp"
#include "agent/core/verdict.hpp"
#include "checks/monitor.hpp"
#include "vrrp/router.hpp"

namespace understudy::core {

// Before the event is handled: `kernel` is what was known until then.
void narrate(const Event& event, const KernelView& kernel, const Configuration& configuration,
             Outbox& out);
// Of the actions from number `first` on.
void narrate_actions(std::size_t first, const KernelView& kernel,
                     const Configuration& configuration, Outbox& out);

// Nothing if the verdict is the former one.
void narrate_decision(const std::string& vip, const Verdict& former, const Verdict& verdict,
                      const Facts& facts, Outbox& out);
void narrate_election(const std::string& vip, const vrrp::Transition& transition,
                      const vrrp::Router& router, Outbox& out);

// Where a check was before the outcome of a run came.
struct CheckBefore {
    checks::CheckState state;
    unsigned contrary;
    int weight;
};
// Nothing if the run changed nothing.
void narrate_run(const checks::Monitor& monitor, const CheckBefore& before, bool passed,
                 Outbox& out);

}  // namespace understudy::core
