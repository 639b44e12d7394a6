// Who may say what to the agent.
#pragma once

#include <cstdint>

#include "agent/control/messages.hpp"

namespace understudy::control {

enum class Access : std::uint8_t { commands, questions };

// It changes nothing, runs nothing, and its answer has no secret: what anybody may ask who may see
// the state of this node.
bool is_question(const Request& request);

}  // namespace understudy::control
