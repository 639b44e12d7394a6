// The other side of the fork: becoming the program, or the guard of the program.
#pragma once

#include <sys/types.h>

#include <array>
#include <string>
#include <vector>

namespace understudy::checks {

// What the child tells through its pipe: once if it could not become the program, or, from a guard,
// how the program ended.
struct ChildReport {
    enum class Kind : int { failed, ended };
    Kind kind = Kind::failed;
    int value = 0;                // errno, or the wait status
    std::array<char, 24> step{};  // what failed
};

// Everything that has to be known before the fork.
struct ChildPlan {
    std::vector<std::string> argv;
    std::vector<std::string> environment;
    bool changes_user = false;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
    bool guarded = false;
    int output = -1;
    int report = -1;
    pid_t parent = 0;
};

// How long a program has between SIGTERM and SIGKILL.
inline constexpr int farewell_milliseconds = 500;

// To the program and to all that share its process group.
void signal_group(pid_t program, int signal);

// All signals are blocked here, as they were for the fork: what comes before the child has arranged
// how it takes them waits for that, and is not ignored as it would have been in the parent.
[[noreturn]] void become_child(const ChildPlan& plan);

}  // namespace understudy::checks
