// Where the eyes of the host put what they see.
#pragma once

#include <functional>

#include "agent/core/event.hpp"

namespace understudy::host {

using EventSink = std::function<void(const core::Event&)>;

}  // namespace understudy::host
