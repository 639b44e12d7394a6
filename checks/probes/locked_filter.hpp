// What a socket lets through, for good: whoever gets the socket later cannot take the filter off
// and listen to the link with it (socket(7), SO_LOCK_FILTER).
#pragma once

#include <linux/filter.h>

#include <span>

namespace understudy::checks {

// False: the kernel refuses it, and errno says why.
bool lock_filter(int fd, std::span<sock_filter> program);

}  // namespace understudy::checks
