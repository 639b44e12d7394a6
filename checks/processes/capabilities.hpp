// Capabilities of the calling thread (capabilities(7)).
#pragma once

#include <cstdint>

namespace understudy::checks {

// Gives up all but `kept` (a bit for each, all below 32) of what is permitted, for good, and makes
// the rest effective; nothing is inherited. A sandbox may forbid that: it is no error if nothing
// else was there. False: something stays, and errno says why.
bool reduce_capabilities(std::uint32_t kept);

}  // namespace understudy::checks
