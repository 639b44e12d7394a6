#include "checks/probes/random_bytes.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace understudy::checks {

void fill_randomly(std::span<std::byte> bytes) {
    // Up to 256 bytes are given whole, and no signal interrupts that. Early after boot the pool may
    // not be ready: what the kernel has then is better than to wait for it.
    for (const unsigned flags : {unsigned{GRND_NONBLOCK}, unsigned{GRND_INSECURE}}) {
        if (getrandom(bytes.data(), bytes.size(), flags) == static_cast<ssize_t>(bytes.size())) {
            return;
        }
    }
    throw std::runtime_error(std::string{"getrandom: "} + std::strerror(errno));
}

}  // namespace understudy::checks
