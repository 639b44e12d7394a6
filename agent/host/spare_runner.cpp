#include "agent/host/spare_runner.hpp"

#include <linux/sched.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <ctime>

#include "agent/host/boot_clock.hpp"
#include "agent/host/privileges.hpp"
#include "checks/processes/wire.hpp"

namespace understudy::host {

namespace {

constexpr Duration longest_pause = std::chrono::seconds{30};
// A runner that lived for so long has nothing to do with the one before it.
constexpr Duration long_life = std::chrono::minutes{1};

// As fork(2) does it, but as a child of our own parent. There is one thread, so nothing of the C
// library is in the middle of something.
pid_t fork_sibling() {
    return static_cast<pid_t>(syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0));
}

bool agent_has_gone(int orders) {
    pollfd end{orders, 0, 0};
    return poll(&end, 1, 0) > 0 && (end.revents & (POLLHUP | POLLERR)) != 0;
}

// False: the agent itself has gone.
bool wait_for_death(pid_t runner, int orders) {
    const FileDescriptor alive{static_cast<int>(syscall(SYS_pidfd_open, runner, 0))};
    if (alive.is_open()) {
        std::array<pollfd, 2> waiting = {{{alive.get(), POLLIN, 0}, {orders, 0, 0}}};
        while (poll(waiting.data(), waiting.size(), -1) < 0 && errno == EINTR) {
        }
    }
    return !agent_has_gone(orders);
}

void rest(Duration pause) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(pause);
    timespec left{seconds.count(), std::chrono::nanoseconds{pause - seconds}.count()};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

void tell(int orders, checks::ReportKind kind, const std::string& detail) {
    checks::Report report{kind, 0, 0, {}};
    report.outcome.detail = detail;
    const auto packet = encode(report);
    send(orders, packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

// Orders to the dead runner are not carried out late: the heartbeat has counted them as failed.
void forget_orders(int orders) {
    std::array<std::byte, 64> part{};
    while (recv(orders, part.data(), part.size(), MSG_DONTWAIT | MSG_TRUNC) > 0) {
    }
}

}  // namespace

std::vector<int> RunnerPlace::descriptors() const {
    std::vector<int> all = all_of(sockets);
    all.insert(all.begin(), {orders, probers_end, prober_program});
    return all;
}

pid_t start_spare(const RunnerPlace& place, const std::function<void(RunnerPlace)>& take_over) {
    const pid_t runner = getpid();
    const pid_t spare = fork_sibling();
    if (spare != 0) {
        return spare;
    }
    prctl(PR_SET_NAME, "understudy-spa");
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    keep_only_descriptors(place.descriptors());
    keep_spare_rights();
    if (!wait_for_death(runner, place.orders)) {
        std::_Exit(EXIT_SUCCESS);
    }
    RunnerPlace next = place;
    const bool lived_long = boot_now() - place.started >= long_life;
    const Duration pause = lived_long ? RunnerPlace{}.pause : place.pause;
    next.pause = std::min(2 * pause, longest_pause);
    tell(place.orders, checks::ReportKind::runner_died,
         std::to_string(std::chrono::floor<std::chrono::milliseconds>(pause).count()) + " ms");
    rest(pause);
    if (agent_has_gone(place.orders)) {
        std::_Exit(EXIT_SUCCESS);
    }
    forget_orders(place.orders);
    tell(place.orders, checks::ReportKind::runner_started, "");
    next.started = boot_now();
    take_over(next);
    std::_Exit(EXIT_SUCCESS);
}

void keep_only_descriptors(std::vector<int> kept) {
    std::ranges::sort(kept);
    int next = STDERR_FILENO + 1;
    for (const int fd : kept) {
        if (fd > next) {
            close_range(static_cast<unsigned>(next), static_cast<unsigned>(fd) - 1, 0);
        }
        next = std::max(next, fd + 1);
    }
    close_range(static_cast<unsigned>(next), ~0U, 0);
}

}  // namespace understudy::host
