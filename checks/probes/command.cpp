#include "checks/probes/command.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "checks/outcome.hpp"
#include "checks/probes/command_child.hpp"

namespace understudy::checks {

namespace {

using boost::asio::posix::stream_descriptor;
using Error = boost::system::error_code;

// An empty text, or why nobody of that name can be become.
std::string plan_user(const std::string& name, ChildPlan& plan) {
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 4096> buffer{};
    if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
        found == nullptr) {
        return "there is no user " + name;
    }
    plan.uid = entry.pw_uid;
    plan.gid = entry.pw_gid;
    int count = 64;
    plan.groups.resize(static_cast<std::size_t>(count));
    if (getgrouplist(name.c_str(), plan.gid, plan.groups.data(), &count) < 0) {
        return "user " + name + " is in too many groups";
    }
    plan.groups.resize(static_cast<std::size_t>(count));
    plan.changes_user = geteuid() != plan.uid || getegid() != plan.gid;
    return {};
}

int open_pidfd(pid_t pid) {
    return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

}  // namespace

Command::Command(boost::asio::io_context& context, const CommandSpec& spec, Done done)
    : done_(std::move(done)), process_(context), pipe_(context) {
    start(spec);
    if (pid_ < 0) {
        // The descriptor is only a way to be called back from the loop, unless destroyed before.
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0) {
            ::close(ends[1]);
            process_.assign(ends[0]);
        }
    }
    wait();
}

void Command::start(const CommandSpec& spec) {
    guarded_ = spec.tree == Tree::killed;
    ChildPlan plan;
    plan.argv = spec.argv;
    plan.guarded = guarded_;
    plan.parent = getpid();
    start_error_ = plan_user(spec.user, plan);
    std::array<int, 2> output{-1, -1};
    std::array<int, 2> report{-1, -1};
    if (start_error_.empty() &&
        (pipe2(output.data(), O_CLOEXEC) != 0 || pipe2(report.data(), O_CLOEXEC) != 0)) {
        start_error_ = std::string{"no pipe: "} + std::strerror(errno);
    }
    if (!start_error_.empty()) {
        return;
    }
    plan.output = output[1];
    plan.report = report[1];
    const pid_t pid = fork();
    if (pid == 0) {
        become_child(plan);
    }
    ::close(output[1]);
    ::close(report[1]);
    const int pidfd = pid > 0 ? open_pidfd(pid) : -1;
    if (pid < 0 || pidfd < 0) {
        start_error_ = std::string{"no process: "} + std::strerror(errno);
        ::close(output[0]);
        ::close(report[0]);
        return;
    }
    pid_ = pid;
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    report_ = report[0];
    process_.assign(pidfd);
    pipe_.assign(output[0]);
    read_output();
}

Command::~Command() {
    if (pid_ > 0) {
        kill_now();
    }
    if (report_ >= 0) {
        ::close(report_);
    }
}

void Command::kill_now() {
    if (guarded_) {
        kill(pid_, SIGINT);  // it goes when the last of the tree has gone
    } else {
        kill(-pid_, SIGKILL);
        kill(pid_, SIGKILL);
    }
    waitpid(pid_, nullptr, 0);
}

void Command::expire() {
    if (pid_ <= 0 || term_sent_) {
        return;
    }
    term_sent_ = true;
    kill(guarded_ ? pid_ : -pid_, SIGTERM);
}

void Command::wait() {
    process_.async_wait(stream_descriptor::wait_read,
                        [this, weak = std::weak_ptr<int>(alive_)](const Error& error) {
                            if (!error && !weak.expired()) {
                                ended();
                            }
                        });
}

void Command::read_output() {
    pipe_.async_wait(stream_descriptor::wait_read,
                     [this, weak = std::weak_ptr<int>(alive_)](const Error& error) {
                         if (!error && !weak.expired() && drain()) {
                             read_output();
                         }
                     });
}

// What is too long is read all the same: a full pipe would stop the program.
bool Command::drain() {
    std::array<char, 4096> buffer{};
    while (true) {
        const ssize_t size = ::read(pipe_.native_handle(), buffer.data(), buffer.size());
        if (size <= 0) {
            return size < 0 && (errno == EAGAIN || errno == EINTR);
        }
        const std::size_t room = longest_output - std::min(output_.size(), longest_output);
        output_.append(buffer.data(), std::min(static_cast<std::size_t>(size), room));
    }
}

void Command::ended() {
    if (pid_ > 0) {
        waitpid(pid_, &status_, 0);
        pid_ = -1;
        drain();
    }
    const CommandResult outcome = result();
    const Done done = std::move(done_);
    done(outcome);
}

CommandResult Command::result() const {
    CommandResult result;
    result.output = output_;
    result.error = start_error_;
    int status = status_;
    ChildReport report;
    while (report_ >= 0 && ::read(report_, &report, sizeof report) == sizeof report) {
        report.step.back() = '\0';
        if (report.kind == ChildReport::Kind::ended) {
            status = report.value;
        } else if (std::strcmp(report.step.data(), "user") == 0) {
            result.error =
                std::string{"the user cannot be changed: "} + std::strerror(report.value);
        } else {
            result.error = std::strerror(report.value);
        }
    }
    if (WIFEXITED(status)) {
        result.exit_code = WEXITSTATUS(status);
    } else if (WIFSIGNALED(status)) {
        result.signal = WTERMSIG(status);
    }
    return result;
}

}  // namespace understudy::checks
