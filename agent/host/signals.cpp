#include "agent/host/signals.hpp"

#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/system_error.hpp"

namespace understudy::host {

namespace {

sigset_t obeyed() {
    sigset_t set{};
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD}) {
        sigaddset(&set, signal);
    }
    return set;
}

}  // namespace

void block_signals() {
    const sigset_t set = obeyed();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void unblock_signals() {
    const sigset_t set = obeyed();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

SignalReader::SignalReader() {
    block_signals();
    const sigset_t set = obeyed();
    fd_ = FileDescriptor{signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!fd_.is_open()) {
        throw_system_error("cannot open a descriptor for signals");
    }
}

std::optional<Signal> SignalReader::read() const {
    signalfd_siginfo what{};
    if (::read(fd_.get(), &what, sizeof what) != sizeof what) {
        return std::nullopt;
    }
    return Signal{static_cast<int>(what.ssi_signo),
                  "uid " + std::to_string(what.ssi_uid) + ", pid " + std::to_string(what.ssi_pid)};
}

void reap_children() {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
}

}  // namespace understudy::host
