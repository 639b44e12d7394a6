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

[[noreturn]] void become_child(const ChildPlan& plan);

}  // namespace understudy::checks
