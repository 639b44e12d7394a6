// Whether a regular expression of a check is one.
#pragma once

#include <string>

namespace understudy::config {

// Empty, or what is wrong with it, and at which character, in the words of PCRE2. The library is
// loaded for that and unloaded again: what the process of the heartbeat has mapped is what an
// attacker can use there.
std::string pattern_trouble(const std::string& pattern);

}  // namespace understudy::config
