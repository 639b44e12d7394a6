#include "checks/probes/loaded_files.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "base/system_error.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

using boost::asio::posix::stream_descriptor;

// The first byte of what a reader writes: the content follows, or the reason.
constexpr char good = '+';
constexpr char bad = '-';

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t size = ::write(fd, text.data(), text.size());
        if (size <= 0) {
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(size));
    }
}

std::string error_or_content(const std::string& path, std::string& content) {
    // O_NONBLOCK: a FIFO would wait for its writer for ever.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status{};
    if (fd < 0 || fstat(fd, &status) != 0) {
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
        content.append(buffer.data(), static_cast<std::size_t>(count));
        if (content.size() > longest_file) {
            return "larger than 1 MiB";
        }
    }
}

// It may live long after the prober is gone, and keeps nothing of it.
[[noreturn]] void read_and_exit(const std::string& path, int pipe) {
    prctl(PR_SET_NAME, "understudy-read");
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    const int output = dup2(pipe, STDIN_FILENO);
    close_range(STDIN_FILENO + 1, ~0U, 0);
    std::string content;
    const std::string error = error_or_content(path, content);
    write_all(output, (error.empty() ? good : bad) + (error.empty() ? content : error));
    _exit(0);
}

}  // namespace

std::string system_authorities() {
    const char* path = curl_version_info(CURLVERSION_NOW)->cainfo;
    return path != nullptr ? path : "/etc/ssl/certs/ca-certificates.crt";
}

LoadedFiles::~LoadedFiles() {
    for (const Reader& reader : readers_) {
        kill(reader.process, SIGKILL);
        waitpid(reader.process, nullptr, WNOHANG);
    }
}

void LoadedFiles::name(const Question& question) {
    const auto tls = [&](const TlsClient& client, bool is_used) {
        name(client.ca);
        name(client.certificate);
        name(client.key);
        if (is_used && client.verify && client.ca.empty()) {
            name(system_authorities());
        }
    };
    if (const auto* http = std::get_if<Http>(&question)) {
        tls(http->tls, http->url.starts_with("https:") || http->redirects > 0);
        name(http->credentials_file);
    } else if (const auto* url = std::get_if<Url>(&question)) {
        tls(url->tls, url->url.substr(0, url->url.find(':')).ends_with('s'));
        name(url->credentials_file);
    } else if (const auto* only_tls = std::get_if<Tls>(&question)) {
        tls(only_tls->tls, true);
    }
}

void LoadedFiles::name(const std::string& path) {
    if (!path.empty()) {
        files_.try_emplace(path, File{"", path + ": it has not been read yet"});
    }
}

void LoadedFiles::read(std::chrono::milliseconds limit) {
    for (const auto& [path, file] : files_) {
        start(path);
    }
    const auto end = std::chrono::steady_clock::now() + limit;
    for (auto left = limit; !readers_.empty() && left.count() > 0;
         left = std::chrono::duration_cast<std::chrono::milliseconds>(
             end - std::chrono::steady_clock::now())) {
        std::vector<pollfd> pipes;
        for (Reader& reader : readers_) {
            pipes.push_back({reader.pipe.native_handle(), POLLIN, 0});
        }
        poll(pipes.data(), pipes.size(), static_cast<int>(left.count()));
        for (auto next = readers_.begin(); next != readers_.end();) {
            const auto reader = next++;
            if (!receive(*reader)) {
                finish(reader);
            }
        }
    }
    for (auto reader = readers_.begin(); reader != readers_.end(); ++reader) {
        files_.at(reader->path).error = reader->path + ": not read within " + milliseconds(limit) +
                                        " (does its file system not answer?)";
        wait(reader);
    }
}

void LoadedFiles::start(const std::string& path) {
    File& file = files_.at(path);
    std::array<int, 2> ends{-1, -1};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        file.error = system_error_text(path + ": cannot create a pipe");
        return;
    }
    const pid_t process = fork();
    if (process == 0) {
        read_and_exit(path, ends[1]);
    }
    const int error = errno;
    ::close(ends[1]);
    if (process < 0) {
        ::close(ends[0]);
        file.error = system_error_text(path + ": cannot start a process", error);
        return;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    Reader& reader = readers_.emplace_back(context_, path);
    reader.process = process;
    reader.pipe.assign(ends[0]);
}

// False at the end.
bool LoadedFiles::receive(Reader& reader) {
    std::array<char, 65536> buffer{};
    while (true) {
        const ssize_t size = ::read(reader.pipe.native_handle(), buffer.data(), buffer.size());
        if (size <= 0) {
            return size < 0 && (errno == EAGAIN || errno == EINTR);
        }
        reader.received.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

void LoadedFiles::finish(Place reader) {
    File& file = files_.at(reader->path);
    const std::string& received = reader->received;
    if (received.starts_with(good)) {
        file = {received.substr(1), ""};
    } else {
        const std::string why =
            received.empty() ? "the process that reads it died" : received.substr(1);
        file = {"", reader->path + ": " + why};
    }
    waitpid(reader->process, nullptr, 0);  // it has closed its pipe, and ends
    readers_.erase(reader);
}

void LoadedFiles::wait(Place reader) {
    reader->pipe.async_wait(stream_descriptor::wait_read,
                            [this, reader](const boost::system::error_code& error) {
                                if (error) {
                                    return;  // this is destroyed
                                }
                                if (receive(*reader)) {
                                    wait(reader);
                                } else {
                                    finish(reader);
                                }
                            });
}

const LoadedFiles::File& LoadedFiles::at(const std::string& path) const {
    static const File missing{{}, "a file was not read when the prober started"};
    const auto found = files_.find(path);
    return found == files_.end() ? missing : found->second;
}

}  // namespace understudy::checks
