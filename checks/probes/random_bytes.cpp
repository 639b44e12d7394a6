#include "checks/probes/random_bytes.hpp"

#include <sys/random.h>

#include "base/system_error.hpp"

namespace understudy::checks {

void fill_randomly(std::span<std::byte> bytes) {
    // Up to 256 bytes are given whole, and no signal interrupts that. Early after boot the pool may
    // not be ready: what the kernel has then is better than to wait for it.
    for (const unsigned flags : {unsigned{GRND_NONBLOCK}, unsigned{GRND_INSECURE}}) {
        if (getrandom(bytes.data(), bytes.size(), flags) == static_cast<ssize_t>(bytes.size())) {
            return;
        }
    }
    throw_system_error("cannot get random bytes");
}

}  // namespace understudy::checks
