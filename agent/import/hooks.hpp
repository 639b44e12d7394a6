// notify scripts.
#pragma once

#include "agent/import/instance.hpp"
#include "agent/import/sections.hpp"

namespace understudy::importer {

// Adds them to the [vip], or says what to do instead.
void add_hooks(const Instance& instance, Section& section, Notes& notes);

}  // namespace understudy::importer
