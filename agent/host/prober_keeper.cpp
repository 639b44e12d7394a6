#include "agent/host/prober_keeper.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <utility>

#include "agent/host/prober_start.hpp"
#include "base/system_error.hpp"

namespace understudy::host {

namespace {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

// A prober that dies at once would otherwise be started as fast as the machine can.
constexpr auto restart_pause = std::chrono::milliseconds{200};
constexpr auto refused_pause = std::chrono::milliseconds{1000};
constexpr auto longest_death = std::chrono::seconds{2};

std::string words_for(int status) {
    return WIFSIGNALED(status)
               ? "the prober was killed by signal " + std::to_string(WTERMSIG(status))
               : "the prober ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

ProberKeeper::ProberKeeper(boost::asio::io_context& context, const RunnerPlace& place, Tell tell)
    : context_(context),
      place_(place),
      tell_(std::move(tell)),
      prober_(context),
      retirement_(context),
      pause_(context),
      burial_(context) {}

void ProberKeeper::configure(ProberConfiguration configuration, bool has_checks) {
    configuration_ = std::move(configuration);
    const bool first = pid_ < 0 && !starting_ && has_checks;
    if (first || (wanted_ && *wanted_ <= configuration_.number)) {
        start_next();
    }
}

void ProberKeeper::kill() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
    }
}

void ProberKeeper::replace() {
    if (pid_ <= 0) {
        return;
    }
    kill();
    burial_.expires_after(longest_death);
    burial_.async_wait([this, pid = pid_](const error_code& error) {
        if (!error && pid_ == pid) {
            leave();
            start("the prober cannot be killed, since it hangs in the kernel");
        }
    });
}

// It is buried when it has ended.
void ProberKeeper::leave() {
    auto old = std::make_shared<stream_descriptor>(context_, prober_.release());
    old->async_wait(stream_descriptor::wait_read,
                    [old, pid = pid_](const error_code&) { waitpid(pid, nullptr, 0); });
    pid_ = -1;
}

void ProberKeeper::start_next() {
    wanted_.reset();
    start("");
}

void ProberKeeper::start_after(std::chrono::milliseconds pause, const std::string& why) {
    starting_ = true;
    pause_.expires_after(pause);
    pause_.async_wait([this, why](const error_code&) { start(why); });
}

void ProberKeeper::start(const std::string& why) {
    starting_ = false;
    StartedProber started =
        start_prober({place_.prober_program, place_.probers_end, configuration_.text.get(),
                      configuration_.number, configuration_.user,
                      place_.sockets.at(next_set_++ % place_.sockets.size())});
    const pid_t pid = started.pid;
    const int pidfd = pid > 0 ? static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) : -1;
    if (pidfd < 0) {
        std::cerr << system_error_text("understudyd: runner: cannot start the prober") + '\n';
        if (pid > 0) {
            ::kill(pid, SIGKILL);
            waitpid(pid, nullptr, 0);
        }
        start_after(refused_pause, why);
        return;
    }
    pid_ = pid;
    watch(pidfd);
    wait_for_retirement(started.retired.release());
    if (why.empty()) {
        return;  // it takes over what the former one has not read; nothing is lost
    }
    checks::Report report{checks::ReportKind::prober_started, 0, 0, {}};
    report.outcome.detail = why;
    tell_(report);
}

void ProberKeeper::watch(int pidfd) {
    prober_.close();
    prober_.assign(pidfd);
    prober_.async_wait(stream_descriptor::wait_read, [this](const error_code& error) {
        if (!error) {
            ended();
        }
    });
}

void ProberKeeper::wait_for_retirement(int fd) {
    retirement_.close();
    retirement_.assign(fd);
    retirement_.async_wait(stream_descriptor::wait_read, [this](const error_code& error) {
        std::uint32_t configuration = 0;
        // Without a number it has died, which is seen elsewhere.
        if (!error && ::read(retirement_.native_handle(), &configuration, sizeof configuration) ==
                          sizeof configuration) {
            retired(configuration);
        }
    });
}

// It finishes what it has begun, and ends by itself.
void ProberKeeper::retired(std::uint32_t for_configuration) {
    leave();
    wanted_ = for_configuration;
    if (configuration_.number >= for_configuration) {
        start_next();
    }
}

void ProberKeeper::ended() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    start_after(restart_pause, words_for(status));
}

}  // namespace understudy::host
