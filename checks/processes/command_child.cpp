#include "checks/processes/command_child.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace understudy::checks {

namespace {

constexpr int report_fd = 3;

void tell(ChildReport::Kind kind, int value, const char* step) {
    ChildReport report;
    report.kind = kind;
    report.value = value;
    std::strncpy(report.step.data(), step, report.step.size() - 1);
    [[maybe_unused]] const auto size = write(report_fd, &report, sizeof report);
}

[[noreturn]] void fail(const char* step) {
    tell(ChildReport::Kind::failed, errno, step);
    _exit(127);
}

void reset_dispositions() {
    struct sigaction standard{};
    standard.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) {
        sigaction(signal, &standard, nullptr);
    }
}

void reset_signals() {
    reset_dispositions();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

// The descriptors of the agent are none of the program's business: an open one would, among other
// things, keep the other processes of the agent from seeing that this one is gone.
void arrange_descriptors(const ChildPlan& plan) {
    const int nothing = open("/dev/null", O_RDONLY);
    // First out of the way of the numbers that they get.
    const int output = fcntl(plan.output, F_DUPFD, 10);
    const int report = fcntl(plan.report, F_DUPFD, 10);
    dup2(nothing, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    dup2(report, report_fd);
    fcntl(report_fd, F_SETFD, FD_CLOEXEC);
    close_range(report_fd + 1, ~0U, 0);
}

// As execve(2) wants it: the pointers, and none at the end.
std::vector<char*> as_array(const std::vector<std::string>& words) {
    std::vector<char*> array;
    for (const std::string& word : words) {
        array.push_back(const_cast<char*>(word.c_str()));
    }
    array.push_back(nullptr);
    return array;
}

[[noreturn]] void become_program(const ChildPlan& plan) {
    setsid();
    reset_signals();
    umask(S_IWGRP | S_IWOTH);
    if (plan.changes_user) {
        if (setgroups(plan.groups.size(), plan.groups.data()) != 0 ||
            setresgid(plan.gid, plan.gid, plan.gid) != 0 ||
            setresuid(plan.uid, plan.uid, plan.uid) != 0) {
            fail("user");
        }
    }
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    // Nobody would ever hear of its end. After the change of the user, which takes it back.
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (!plan.guarded && getppid() != plan.parent) {
        _exit(1);
    }
    if (chdir("/") != 0) {
        fail("chdir");
    }
    std::vector<char*> argv = as_array(plan.argv);
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    std::vector<char*> environment = as_array(plan.environment);
    environment.insert(environment.begin(), path);
    execve(argv.front(), argv.data(), environment.data());
    fail("exec");
}

// --- the guard -----------------------------------------------------------------------------------

// False if the kernel has no such list (CONFIG_PROC_CHILDREN).
bool kill_listed_children() {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/children", static_cast<int>(getpid()));
    FILE* children = std::fopen(path, "re");
    if (children == nullptr) {
        return false;
    }
    int child = 0;
    while (std::fscanf(children, "%d", &child) == 1) {
        kill(child, SIGKILL);
    }
    std::fclose(children);
    return true;
}

// The parent is the second field behind the name, which may hold anything: proc(5).
int parent_of(const char* process) {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%.20s/stat", process);
    char line[512] = {};
    if (FILE* status = std::fopen(path, "re")) {
        const std::size_t size = std::fread(line, 1, sizeof line - 1, status);
        line[size] = '\0';
        std::fclose(status);
    }
    const char* behind_name = std::strrchr(line, ')');
    int parent = 0;
    char state = 0;
    return behind_name != nullptr && std::sscanf(behind_name + 1, " %c %d", &state, &parent) == 2
               ? parent
               : 0;
}

void kill_children_found_in_proc() {
    DIR* processes = opendir("/proc");
    while (const dirent* entry = processes != nullptr ? readdir(processes) : nullptr) {
        const int pid = std::atoi(entry->d_name);
        if (pid > 0 && parent_of(entry->d_name) == getpid()) {
            kill(pid, SIGKILL);
        }
    }
    if (processes != nullptr) {
        closedir(processes);
    }
}

// SIGKILL to every child there is. What those leave behind becomes a child of this process, until
// there is none.
void kill_all_children() {
    while (true) {
        if (!kill_listed_children()) {
            kill_children_found_in_proc();
        }
        if (waitpid(-1, nullptr, 0) < 0 && errno == ECHILD) {
            return;
        }
    }
}

// True once the program itself has ended.
bool reap(pid_t program, int& status) {
    bool ended = false;
    int one = 0;
    while (true) {
        const pid_t pid = waitpid(-1, &one, WNOHANG);
        if (pid <= 0) {
            return ended;
        }
        if (pid == program) {
            status = one;
            ended = true;
        }
    }
}

// Until the program ends, or was asked to (SIGTERM) and has not within its time, or has none left
// (SIGINT).
int watch(pid_t program, const sigset_t& signals) {
    int status = 0;
    bool asked = false;
    timespec limit{farewell_milliseconds / 1000, farewell_milliseconds % 1000 * 1'000'000L};
    timespec begun{};
    while (true) {
        siginfo_t what{};
        const int signal = sigtimedwait(&signals, &what, asked ? &limit : nullptr);
        if (reap(program, status)) {
            return status;
        }
        if (signal == SIGINT) {
            return SIGKILL;  // as a wait status: killed by it
        }
        if (signal == SIGTERM && !asked) {
            asked = true;
            clock_gettime(CLOCK_MONOTONIC, &begun);
            signal_group(program, SIGTERM);
        }
        if (asked) {
            timespec now{};
            clock_gettime(CLOCK_MONOTONIC, &now);
            const long passed =
                (now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1'000'000;
            const long left = farewell_milliseconds - passed;
            if (left <= 0) {
                return SIGKILL;
            }
            limit = {left / 1000, left % 1000 * 1'000'000L};
        }
    }
}

[[noreturn]] void become_guard(const ChildPlan& plan) {
    prctl(PR_SET_NAME, "understudy-grd");
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    reset_dispositions();
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_SETMASK, &signals, nullptr);
    // With the death of the runner its scripts die.
    prctl(PR_SET_PDEATHSIG, SIGINT, 0, 0, 0);
    if (getppid() != plan.parent) {
        _exit(1);
    }
    const pid_t program = fork();
    if (program < 0) {
        fail("fork");
    }
    if (program == 0) {
        become_program(plan);
    }
    const int status = watch(program, signals);
    kill_all_children();
    tell(ChildReport::Kind::ended, status, "");
    _exit(0);
}

}  // namespace

void signal_group(pid_t program, int signal) {
    // There is no group of that number until the new process has made it; it has this signal then.
    if (kill(-program, signal) != 0) {
        kill(program, signal);
    }
}

void become_child(const ChildPlan& plan) {
    arrange_descriptors(plan);
    if (plan.guarded) {
        become_guard(plan);
    }
    become_program(plan);
}

}  // namespace understudy::checks
