// Least privilege: what the heartbeat process needs, and nothing else.
#pragma once

#include <string>

namespace understudy::host {

// Empty, or which of CAP_NET_ADMIN and CAP_NET_RAW this process lacks.
std::string missing_capability();

// Gives up every capability but those two, for good; and forbids to gain any by exec. Root without
// capabilities cannot chown: call it when the control socket exists. An error is a text.
std::string drop_privileges();

}  // namespace understudy::host
