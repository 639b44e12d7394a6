// What a socket lets through, for good: whoever gets the socket later cannot take the filter off
// and listen to the link with it (socket(7), SO_LOCK_FILTER).
#pragma once

#include <linux/filter.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <span>

namespace understudy::checks {

// False: the kernel refuses it, and errno says why.
bool lock_filter(int fd, std::span<sock_filter> program);

// Where a filter finds what is not in the packet: SKF_AD_PROTOCOL and others.
constexpr std::uint32_t ancillary(int what) {
    return static_cast<std::uint32_t>(SKF_AD_OFF) + static_cast<std::uint32_t>(what);
}

// `fd` after `prepare(fd)`; if that was refused (false), or the socket before, -1 and errno says
// why.
template <class Prepare>
int prepared(int fd, Prepare prepare) {
    if (fd < 0 || prepare(fd)) {
        return fd;
    }
    const int why = errno;
    ::close(fd);
    errno = why;
    return -1;
}

}  // namespace understudy::checks
