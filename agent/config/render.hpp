// A configuration as text.
#pragma once

#include <string>

#include "agent/core/configuration.hpp"

namespace understudy::config {

// Complete, with every default written out; reads back as an equal configuration.
std::string render(const core::Configuration& configuration);

}  // namespace understudy::config
