// What a dead agent left behind.
#pragma once

#include <cstddef>

namespace understudy::host {

// Removes every address of this network namespace that carries understudy's protocol number, on
// whatever interface, and returns how many there were. Throws std::runtime_error if the kernel does
// not answer.
std::size_t release_everything();

}  // namespace understudy::host
