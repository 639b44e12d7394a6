// The version of this program, as `--version`, the log and the journal state it.
#pragma once

#include <string>

namespace understudy {

// Only its source knows the number: another version compiles one file.
const std::string& program_version();

}  // namespace understudy
