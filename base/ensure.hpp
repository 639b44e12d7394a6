// An assertion that is always on: a broken invariant ends the process (the kernel leases then
// remove its addresses) instead of going on with a wrong state.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace understudy {

inline void ensure(bool holds, const char* what,
                   std::source_location where = std::source_location::current()) {
    if (holds) {
        return;
    }
    std::fprintf(stderr, "%s:%u: broken invariant: %s\n", where.file_name(),
                 static_cast<unsigned>(where.line()), what);
    std::abort();
}

}  // namespace understudy
