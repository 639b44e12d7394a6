#include "checks/processes/command.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <set>
#include <utility>

#include "base/system_error.hpp"
#include "checks/outcome.hpp"
#include "checks/processes/command_child.hpp"

namespace understudy::checks {

namespace {

using boost::asio::posix::stream_descriptor;
using Error = boost::system::error_code;

// An empty text, or why nobody of that name can be become.
std::string plan_user(const std::string& name, ChildPlan& plan) {
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 4096> buffer{};
    const int error = getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) {
        return error == 0 ? "there is no user " + name
                          : system_error_text("cannot look up user " + name, error);
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

struct Pipe {
    Pipe() = default;
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_end(ends[0]);
        close_end(ends[1]);
    }
    bool open(int flags) { return pipe2(ends.data(), O_CLOEXEC | flags) == 0; }
    static void close_end(int& end) {
        if (end >= 0) {
            ::close(std::exchange(end, -1));
        }
    }

    std::array<int, 2> ends{-1, -1};
};

// No signal gets lost between the fork and the child's first steps; see become_child().
pid_t fork_without_signals(const ChildPlan& plan) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = fork();
    if (pid == 0) {
        become_child(plan);
    }
    const int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return pid;
}

// Reads what background processes still write, for as long as there are any: it owns itself. Those
// that write without end are made to wait, not this process.
class LeftOutput : public std::enable_shared_from_this<LeftOutput> {
public:
    static void take(boost::asio::io_context& context, int fd) {
        if (count >= most) {
            ::close(fd);
            return;
        }
        const auto self = std::make_shared<LeftOutput>(context);
        Error error;
        self->pipe_.assign(fd, error);
        if (error) {
            ::close(fd);
            return;
        }
        self->wait();
    }
    explicit LeftOutput(boost::asio::io_context& context) : pipe_(context), pause_(context) {
        ++count;
    }
    LeftOutput(const LeftOutput&) = delete;
    LeftOutput& operator=(const LeftOutput&) = delete;
    ~LeftOutput() { --count; }

private:
    static constexpr int most = 64;  // a bound for what a broken script can leave behind
    static constexpr auto pause = std::chrono::milliseconds{20};

    void wait() {
        pipe_.async_wait(stream_descriptor::wait_read,
                         [self = shared_from_this()](const Error& error) {
                             if (!error) {
                                 self->read();
                             }
                         });
    }
    void read() {
        std::array<char, 65536> nothing{};
        const ssize_t size = ::read(pipe_.native_handle(), nothing.data(), nothing.size());
        if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
            return;  // the last of them is gone
        }
        pause_.expires_after(pause);
        pause_.async_wait([self = shared_from_this()](const Error& error) {
            if (!error) {
                self->wait();
            }
        });
    }

    inline static int count = 0;
    stream_descriptor pipe_;
    boost::asio::steady_timer pause_;
};

// A process that was killed and has not ended: it had no processor yet, or it waits in the kernel
// for a file system that does not answer. It owns itself until it can be buried.
class Undead : public std::enable_shared_from_this<Undead> {
public:
    Undead(stream_descriptor process, pid_t pid, std::vector<std::string> argv)
        : process_(std::move(process)), pid_(pid), argv_(std::move(argv)) {
        all.insert(argv_);
    }
    Undead(const Undead&) = delete;
    Undead& operator=(const Undead&) = delete;
    ~Undead() { all.erase(all.find(argv_)); }

    void wait() {
        process_.async_wait(stream_descriptor::wait_read,
                            [self = shared_from_this()](const Error& error) {
                                if (!error) {
                                    waitpid(self->pid_, nullptr, 0);
                                }
                            });
    }

    // Of one command. A single one may only wait for a processor; without a bound those of a file
    // system that hangs would fill the machine.
    static constexpr std::size_t most = 3;
    inline static std::multiset<std::vector<std::string>> all;

private:
    stream_descriptor process_;  // a pidfd
    pid_t pid_;
    std::vector<std::string> argv_;
};

bool ends_soon(int pidfd) {
    constexpr int moment = 10;  // milliseconds: nothing else runs meanwhile
    pollfd process{pidfd, POLLIN, 0};
    return poll(&process, 1, moment) > 0;
}

}  // namespace

Command::Command(boost::asio::io_context& context, const CommandSpec& spec, Done done)
    : context_(context),
      done_(std::move(done)),
      argv_(spec.argv),
      user_(spec.user),
      guarded_(spec.tree == Tree::killed),
      process_(context),
      pipe_(context),
      farewell_(context) {
    start_error_ = start(spec);
    if (start_error_.empty()) {
        read_output();
        wait();
        return;
    }
    // Needs no descriptor: that there is none left may be the very reason.
    boost::asio::post(context, [this, weak = std::weak_ptr<int>(alive_)] {
        if (!weak.expired()) {
            ended();
        }
    });
}

std::string Command::start(const CommandSpec& spec) {
    if (guarded_ && Undead::all.count(argv_) >= Undead::most) {
        return "not started: " + std::to_string(Undead::most) +
               " former runs were killed and have not ended (does a file system that they use not "
               "answer?)";
    }
    ChildPlan plan;
    plan.argv = spec.argv;
    plan.environment = spec.environment;
    plan.guarded = guarded_;
    plan.parent = getpid();
    if (std::string error = plan_user(spec.user, plan); !error.empty()) {
        return error;
    }
    Pipe output;
    Pipe report;
    if (!output.open(0) || !report.open(O_NONBLOCK)) {
        return system_error_text("cannot create a pipe");
    }
    plan.output = output.ends[1];
    plan.report = report.ends[1];
    pid_ = fork_without_signals(plan);
    if (pid_ < 0) {
        return system_error_text("cannot start a process");
    }
    Pipe::close_end(output.ends[1]);
    Pipe::close_end(report.ends[1]);
    fcntl(output.ends[0], F_SETFL, O_NONBLOCK);
    std::string error = adopt(output.ends[0]);
    if (!error.empty()) {
        kill_now();
        return error;
    }
    output.ends[0] = -1;
    report_ = std::exchange(report.ends[0], -1);
    return {};
}

// Has the loop watch the process and its output, which is its own from then on.
std::string Command::adopt(int output) {
    const int pidfd = open_pidfd(pid_);
    if (pidfd < 0) {
        return system_error_text("cannot watch the process");
    }
    Error error;
    process_.assign(pidfd, error);
    if (error) {
        ::close(pidfd);
    } else {
        pipe_.assign(output, error);
    }
    return error ? "cannot watch the process: " + error.message() : "";
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
        signal_group(pid_, SIGKILL);
    }
    if (!process_.is_open() || ends_soon(process_.native_handle())) {
        waitpid(pid_, nullptr, 0);
    } else {
        process_.cancel();
        std::make_shared<Undead>(std::move(process_), pid_, argv_)->wait();
    }
    pid_ = -1;
}

void Command::expire() {
    if (pid_ <= 0 || term_sent_) {
        return;
    }
    term_sent_ = true;
    if (guarded_) {
        kill(pid_, SIGTERM);  // the guard does the rest
        return;
    }
    signal_group(pid_, SIGTERM);
    farewell_.expires_after(std::chrono::milliseconds{farewell_milliseconds});
    farewell_.async_wait([this, weak = std::weak_ptr<int>(alive_)](const Error& error) {
        if (!error && !weak.expired() && pid_ > 0) {
            signal_group(pid_, SIGKILL);
        }
    });
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

// What is too long is read all the same: a full pipe would stop the program. But not more at a time
// than a pipe holds: who writes faster than this reads would have the loop for itself. False at its
// end.
bool Command::drain() {
    constexpr int most_at_once = 16;
    std::array<char, 4096> buffer{};
    for (int i = 0; i < most_at_once; ++i) {
        const ssize_t size = ::read(pipe_.native_handle(), buffer.data(), buffer.size());
        if (size <= 0) {
            return size < 0 && (errno == EAGAIN || errno == EINTR);
        }
        const std::size_t room = longest_output - std::min(output_.size(), longest_output);
        const std::size_t kept = std::min(static_cast<std::size_t>(size), room);
        output_.append(buffer.data(), kept);
        left_out_ += static_cast<std::size_t>(size) - kept;
    }
    return true;
}

void Command::ended() {
    if (pid_ > 0) {
        if (!guarded_ && term_sent_) {
            // Before its number is given back: then it could be another group's.
            signal_group(pid_, SIGKILL);
        }
        waitpid(pid_, &status_, 0);
        pid_ = -1;
        farewell_.cancel();
        if (drain() && !guarded_) {
            LeftOutput::take(context_, pipe_.release());
        }
    }
    const CommandResult outcome = result();
    const Done done = std::move(done_);
    done(outcome);
}

std::string Command::words_for_step(std::string_view step) const {
    return step == "user"    ? "cannot become " + user_
           : step == "chdir" ? "cannot enter /"
           : step == "fork"  ? "cannot start a process"
                             : "cannot execute " + (argv_.empty() ? "" : argv_.front());
}

CommandResult Command::result() const {
    CommandResult result;
    result.output = output_;
    result.left_out = left_out_;
    result.error = start_error_;
    int status = status_;
    ChildReport report;
    while (report_ >= 0 && ::read(report_, &report, sizeof report) == sizeof report) {
        report.step.back() = '\0';
        if (report.kind == ChildReport::Kind::ended) {
            status = report.value;
        } else {
            result.error = system_error_text(words_for_step(report.step.data()), report.value);
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
