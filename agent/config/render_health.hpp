// Checks and services as the text that reads as them.
#pragma once

#include <string>

#include "agent/core/configuration.hpp"

namespace understudy::config {

class Writer;

void render_track(const core::VipSettings& vip, Writer& out);
void render_service(const core::ServiceSettings& service, Writer& out);
void render_check(const checks::CheckSettings& check, Writer& out);

}  // namespace understudy::config
