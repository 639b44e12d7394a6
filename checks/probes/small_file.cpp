#include "checks/probes/small_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace understudy::checks {

namespace {

SmallFile failed(const std::string& path) {
    return {{}, path + ": " + std::strerror(errno), true};
}

SmallFile not_regular(const std::string& path) {
    return {{}, path + " is not a regular file", false};
}

SmallFile read_open(int fd, const std::string& path, std::size_t most) {
    struct stat status{};
    if (fstat(fd, &status) != 0) {
        return failed(path);
    }
    if (!S_ISREG(status.st_mode)) {
        return not_regular(path);
    }
    SmallFile file;
    file.text.resize(most);
    const ssize_t size = read(fd, file.text.data(), most);
    if (size < 0) {
        return failed(path);
    }
    file.text.resize(static_cast<std::size_t>(size));
    return file;
}

}  // namespace

SmallFile read_small_file(const std::string& path, std::size_t most) {
    // Looked at before it is opened, for that may already do something, and again afterwards, for
    // it may have been another one then; that is why it does not wait either.
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) {
        return failed(path);
    }
    if (!S_ISREG(status.st_mode)) {
        return not_regular(path);
    }
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return failed(path);
    }
    SmallFile file = read_open(fd, path, most);
    close(fd);
    return file;
}

}  // namespace understudy::checks
