// What has to be done before an advertisement is sent (no RFC basis: the RFC's addresses change in
// no time).
#pragma once

#include <cstdint>

namespace understudy::vrrp {

enum class After : std::uint8_t {
    nothing,   // a heartbeat waits for nobody
    claim,     // the addresses are there, or the kernel is slow: standbys must hear of the new
               // Active router before they claim as well
    handover,  // the addresses are there, and traffic has moved: the rival lets go when it hears it
    release,   // the addresses are gone
};

}  // namespace understudy::vrrp
