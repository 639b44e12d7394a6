// What a reload does, object by object. VIPs, checks and services are matched by their names.
//
// What is guaranteed for Node::handle(ConfigurationChanged):
//  * Without a difference it decides nothing: no action.
//  * What did not change keeps everything: states and timers (startup_delay among them), held
//    addresses, peers, counters, manual state, limits on transitions, the history of checks and
//    their runs under way, services that are being started, clients that wait, the event log.
//  * A VIP that is still the same virtual router (is_same_router) is changed in place: it does not
//    leave its state because of the reload as such. It does if the new settings say so: another
//    priority is another priority in the election, another check may be down.
//    While it holds the addresses, one that is added is added and announced, and it alone; one that
//    is not named any more is removed, and it alone. One that moves to another VIP which holds its
//    own here stays where it is.
//  * A VIP that is not, or is not there any more, releases and resigns as at the end of the agent.
//    One that is new begins as at its start, but adopts nothing.
//  * A check of which only the timing changed goes on with its run; one that asks something else
//    (ConfigurationChanged::other_questions) keeps its state as a last word and is run at once.
//  * A client that waits for a VIP or a check that is gone is answered with an error.
//  * While the agent stops, nothing changes.
#pragma once

#include <memory>

#include "agent/core/configuration.hpp"
#include "agent/core/event.hpp"

namespace understudy::core {

// Whether the second can take the place of the first without leaving the election: what the virtual
// router is on the wire, and where.
bool is_same_router(const VipSettings& from, const VipSettings& to);

// The event that leads from one to the other.
ConfigurationChanged change_of(const Configuration& from, std::shared_ptr<const Configuration> to);

}  // namespace understudy::core
