#include "checks/probes/loaded_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace understudy::checks {

namespace {

std::string read_regular(int fd, LoadedFiles::File& file) {
    struct stat status{};
    if (fstat(fd, &status) != 0) {
        return std::strerror(errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return "not a regular file";
    }
    std::array<char, 16384> buffer{};
    while (true) {
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0) {
            return std::strerror(errno);
        }
        if (count == 0) {
            return {};
        }
        file.content.append(buffer.data(), static_cast<std::size_t>(count));
        if (file.content.size() > longest_file) {
            file.content.clear();
            return "larger than 1 MiB";
        }
    }
}

}  // namespace

void LoadedFiles::read(const std::string& path) {
    if (path.empty() || files_.contains(path)) {
        return;
    }
    File& file = files_[path];
    // O_NONBLOCK: a FIFO would wait for its writer for ever.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        file.error = path + ": " + std::strerror(errno);
        return;
    }
    if (const std::string error = read_regular(fd, file); !error.empty()) {
        file.error = path + ": " + error;
    }
    ::close(fd);
}

void LoadedFiles::load(const Question& question) {
    const auto tls = [&](const TlsClient& client) {
        read(client.ca);
        read(client.certificate);
        read(client.key);
    };
    if (const auto* http = std::get_if<Http>(&question)) {
        tls(http->tls);
        read(http->credentials_file);
    } else if (const auto* url = std::get_if<Url>(&question)) {
        tls(url->tls);
        read(url->credentials_file);
    }
}

const LoadedFiles::File& LoadedFiles::at(const std::string& path) const {
    static const File missing{{}, "a file was not read when the prober started"};
    const auto found = files_.find(path);
    return found == files_.end() ? missing : found->second;
}

}  // namespace understudy::checks
