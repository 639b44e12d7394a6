// The beginning of a file that somebody else writes, read without ever waiting for them.
#pragma once

#include <cstddef>
#include <string>

namespace understudy::checks {

struct SmallFile {
    std::string text;
    std::string error;  // "PATH: No such file or directory", "PATH is not a regular file"
    bool is_regular = true;
};

// Regular files only: a FIFO waits for its writer, a terminal for its user, and a device may do
// something when it is opened. Those of /proc are regular.
SmallFile read_small_file(const std::string& path, std::size_t most);

}  // namespace understudy::checks
