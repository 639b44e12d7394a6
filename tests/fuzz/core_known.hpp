// What is known to break a rule of core_events, and not repaired yet. Each becomes false, and goes,
// with its repair.
#pragma once

namespace understudy::fuzz::known {

// While the agent stops and waits for one VIP, another that has shut down already starts again with
// the next event; an owner then advertises and announces for a moment.
inline constexpr bool restarts_while_stopping = true;
// Addresses of a former run that were never decided about, because their VIP could not talk, leave
// a deadline in the past when the agent is asked to stop: it spins until it ends.
inline constexpr bool spins_while_stopping = true;
// What was asked to go, and is found gone by a second observation instead of being told of, still
// counts as going: added again and given up within a second, it is not removed.
inline constexpr bool observation_hides_removal = true;
// While a socket is neither opened nor refused, a deadline that has come (startup_delay, the end of
// max_transitions) stays: it spins. The host answers before time passes.
inline constexpr bool spins_without_answer = true;
// A startup_delay that is over while no check has run yet stays the next deadline: it spins until
// the first outcome.
inline constexpr bool spins_after_startup_delay = true;
// Taken, given away and taken again within 5 ms (repair_spacing), an address is advertised and
// announced up to 5 ms before it is added.
inline constexpr bool announces_before_adding = true;
// A cold standby announces the addresses while it starts its service, before it adds them.
inline constexpr bool announces_while_promoting = true;

}  // namespace understudy::fuzz::known
