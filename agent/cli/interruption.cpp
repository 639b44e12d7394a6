#include "agent/cli/interruption.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "base/system_error.hpp"

namespace understudy::cli {

namespace {

sigset_t only_interrupt() {
    sigset_t set{};
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    return set;
}

}  // namespace

Interruption::Interruption() {
    const sigset_t set = only_interrupt();
    pthread_sigmask(SIG_BLOCK, &set, &before_);
    fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd_ < 0) {
        const int error = errno;
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        throw_system_error("cannot open a descriptor for signals", error);
    }
}

// One that has come is spent here: unblocked, it would end the process before its exit status is
// known.
Interruption::~Interruption() {
    const sigset_t set = only_interrupt();
    const timespec now{};
    while (sigtimedwait(&set, nullptr, &now) > 0) {
    }
    close(fd_);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

client::Disturbance Interruption::disturbance() const {
    return {fd_, POLLIN};
}

}  // namespace understudy::cli
