#pragma once

#include <cstdlib>
#include <string>

namespace understudy::host {

// Whether `ip ARGUMENTS` did it, in the network namespace of the caller.
inline bool ip(const std::string& arguments) {
    return std::system(("ip " + arguments).c_str()) == 0;
}

}  // namespace understudy::host
