#include "agent/host/prober_start.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>

#include "agent/host/spare_runner.hpp"
#include "base/system_error.hpp"

namespace understudy::host {

namespace {

constexpr const char* program_name = "understudy-prober";

std::string arguments_of(const ProberStart& start, int retired) {
    const Account user = start.user.value_or(Account{});
    std::ostringstream words;
    words << start.channel << ' ' << retired << ' ' << start.text << ' ' << start.configuration
          << ' ' << start.user.has_value() << ' ' << user.uid << ' ' << user.gid << ' '
          << start.sockets.echo_v4 << ' ' << start.sockets.echo_v6 << ' ' << start.sockets.arp;
    return std::move(words).str();
}

// In the forked process.
[[noreturn]] void execute_prober(const ProberStart& start, int retired, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    const std::string arguments = arguments_of(start, retired);
    const std::array kept = {start.program,    start.channel,         retired,
                             start.text,       start.sockets.echo_v4, start.sockets.echo_v6,
                             start.sockets.arp};
    keep_only_descriptors({kept.begin(), kept.end()});
    for (const int fd : kept) {
        if (fd >= 0 && fd != start.program) {
            fcntl(fd, F_SETFD, 0);  // not closed by execve()
        }
    }
    pass_on_prober_rights();
    if (getppid() == parent) {
        const std::array<const char*, 3> words = {program_name, arguments.c_str(), nullptr};
        execveat(start.program, "", const_cast<char* const*>(words.data()), environ, AT_EMPTY_PATH);
        std::cerr << system_error_text("understudyd: cannot execute the prober") + '\n';
    }
    std::_Exit(EXIT_FAILURE);
}

}  // namespace

FileDescriptor open_prober_program() {
    std::error_code error;
    const auto here = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
    const auto installed = here / UNDERSTUDY_LIBEXEC / program_name;
    FileDescriptor program{open(installed.c_str(), O_PATH | O_CLOEXEC)};
    if (!program.is_open() && errno == ENOENT) {
        program = FileDescriptor{open((here / program_name).c_str(), O_PATH | O_CLOEXEC)};
    }
    if (!program.is_open()) {
        throw_system_error("cannot open " + installed.lexically_normal().string());
    }
    return program;
}

StartedProber start_prober(const ProberStart& start) {
    const pid_t parent = getpid();
    std::array<int, 2> retirement{-1, -1};
    if (pipe2(retirement.data(), O_CLOEXEC) != 0) {
        return {};
    }
    StartedProber started{-1, FileDescriptor{retirement[0]}};
    const FileDescriptor theirs{retirement[1]};
    started.pid = fork();
    if (started.pid == 0) {
        execute_prober(start, theirs.get(), parent);
    }
    return started;
}

}  // namespace understudy::host
