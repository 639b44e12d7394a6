// What a prober that was taken over cannot do. Each attempt is made in a process of its own, which
// is confined first.
#include "checks/probes/confinement.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <string>

namespace understudy::checks {
namespace {

// The errno of the attempt, or 0 if it succeeded.
int confined(const std::function<long()>& attempt) {
    const pid_t child = fork();
    if (child == 0) {
        if (!confine_prober().empty()) {
            _exit(255);
        }
        errno = 0;
        _exit(attempt() < 0 ? errno : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct Refused {
    const char* what;
    std::function<long()> attempt;
    int error = EPERM;
};

class Confinement : public testing::Test {
protected:
    const std::string folder = testing::TempDir() + "confinement-" + std::to_string(getpid());
    const std::string file = folder + "/file";
    void SetUp() override {
        mkdir(folder.c_str(), S_IRWXU);
        close(open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, S_IRUSR | S_IWUSR));
    }
    void TearDown() override {
        unlink(file.c_str());
        rmdir(folder.c_str());
    }
};

TEST_F(Confinement, a_prober_commands_nobody_and_writes_nothing) {
    const pid_t parent = getpid();  // as the agent: of the same user
    const std::string other = folder + "/status.sock";
    const rlimit none{0, 0};
    char byte = 0;
    iovec here{&byte, 1};
    iovec there{&byte, 1};
    const std::vector<Refused> attempts = {
        {"socket(AF_UNIX)", [] { return socket(AF_UNIX, SOCK_STREAM, 0); }, EAFNOSUPPORT},
        {"socket(AF_PACKET)", [] { return socket(AF_PACKET, SOCK_DGRAM, 0); }, EAFNOSUPPORT},
        {"socket(AF_ALG)", [] { return socket(AF_ALG, SOCK_SEQPACKET, 0); }, EAFNOSUPPORT},
        {"kill", [&] { return kill(parent, 0); }},
        {"kill of the process group", [] { return kill(0, 0); }},
        {"tgkill", [&] { return syscall(SYS_tgkill, parent, parent, 0); }},
        {"tkill", [&] { return syscall(SYS_tkill, parent, 0); }},
        {"pidfd_open", [&] { return syscall(SYS_pidfd_open, parent, 0); }},
        {"ptrace", [&] { return ptrace(PTRACE_SEIZE, parent, nullptr, nullptr); }},
        {"process_vm_readv", [&] { return process_vm_readv(parent, &here, 1, &there, 1, 0); }},
        {"process_vm_writev", [&] { return process_vm_writev(parent, &here, 1, &there, 1, 0); }},
        {"prlimit", [&] { return prlimit(parent, RLIMIT_NOFILE, &none, nullptr); }},
        {"setpriority", [&] { return setpriority(PRIO_PROCESS, static_cast<id_t>(parent), 1); }},
        {"execve", [] { return execl("/bin/true", "true", nullptr); }},
        {"fork", [] { return syscall(SYS_fork); }},
        {"clone", [] { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }},
        {"clone3", [] { return syscall(SYS_clone3, nullptr, 0); }, ENOSYS},
        {"open for writing", [&] { return open(file.c_str(), O_WRONLY | O_CLOEXEC); }},
        {"open for both", [&] { return open(file.c_str(), O_RDWR | O_CLOEXEC); }},
        {"open that creates",
         [&] { return open(other.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0); }},
        {"open that empties", [&] { return open(file.c_str(), O_RDONLY | O_TRUNC | O_CLOEXEC); }},
        {"the older open", [&] { return syscall(SYS_open, file.c_str(), O_RDWR); }},
        {"openat2", [&] { return syscall(SYS_openat2, AT_FDCWD, file.c_str(), nullptr, 0); },
         ENOSYS},
        {"mkdir", [&] { return mkdir(other.c_str(), S_IRWXU); }},
        {"symlink", [&] { return symlink("/etc/shadow", other.c_str()); }},
        {"link", [&] { return link(file.c_str(), other.c_str()); }},
        {"rename", [&] { return rename(file.c_str(), other.c_str()); }},
        {"unlink", [&] { return unlink(file.c_str()); }},
        {"rmdir", [&] { return rmdir(folder.c_str()); }},
        {"mknod", [&] { return mkfifo(other.c_str(), S_IRUSR); }},
        {"chmod", [&] { return chmod(file.c_str(), S_IRWXU | S_IRWXO); }},
        {"chown", [&] { return chown(file.c_str(), getuid(), getgid()); }},
        {"truncate", [&] { return truncate(file.c_str(), 0); }},
        {"utimensat", [&] { return utimensat(AT_FDCWD, file.c_str(), nullptr, 0); }},
        {"unshare", [] { return unshare(CLONE_NEWUSER); }},
        {"mount", [&] { return mount("none", folder.c_str(), "tmpfs", 0, nullptr); }},
        {"bpf", [] { return syscall(SYS_bpf, 0, nullptr, 0); }},
        {"io_uring_setup", [] { return syscall(SYS_io_uring_setup, 1, nullptr); }},
        {"keyctl", [] { return syscall(SYS_keyctl, 0, 0, 0, 0, 0); }},
    };
    for (const Refused& refused : attempts) {
        EXPECT_EQ(confined(refused.attempt), refused.error) << refused.what;
    }
}

TEST_F(Confinement, a_prober_does_what_checks_need) {
    const std::vector<Refused> attempts = {
        {"reading a file", [&] { return open(file.c_str(), O_RDONLY | O_CLOEXEC); }},
        {"TCP", [] { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }},
        {"UDP over IPv6", [] { return socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0); }},
        {"netlink", [] { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0); }},
        {"its own limits",
         [] {
             rlimit limit{};
             return getrlimit(RLIMIT_NOFILE, &limit);
         }},
        {"memory",
         [] {
             return mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                         0) == MAP_FAILED
                        ? -1
                        : 0;
         }},
        {"a thread",
         [] {
             pthread_t thread{};
             const int error =
                 pthread_create(&thread, nullptr, [](void* nothing) { return nothing; }, nullptr);
             return error != 0 || pthread_join(thread, nullptr) != 0 ? -1 : 0;
         }},
        {"the signal of abort(3)",
         [] {
             std::signal(SIGUSR1, SIG_IGN);
             return raise(SIGUSR1);
         }},
    };
    for (const Refused& allowed : attempts) {
        EXPECT_EQ(confined(allowed.attempt), 0) << allowed.what;
    }
}

// FileThreads begins some before the filter is there.
TEST_F(Confinement, threads_that_were_there_before_are_confined_too) {
    const auto attempt = [this] {
        static std::array<int, 2> ends{};
        static int error = 0;
        static const char* path = nullptr;
        path = file.c_str();
        if (pipe(ends.data()) != 0) {
            return 254;
        }
        pthread_t thread{};
        pthread_create(
            &thread, nullptr,
            [](void* nothing) {
                char go = 0;
                [[maybe_unused]] const auto size = read(ends[0], &go, 1);
                error = unlink(path) < 0 ? errno : 0;
                return nothing;
            },
            nullptr);
        if (!confine_prober().empty()) {
            return 255;
        }
        [[maybe_unused]] const auto size = write(ends[1], "", 1);
        pthread_join(thread, nullptr);
        return error;
    };
    const pid_t child = fork();
    if (child == 0) {
        _exit(attempt());
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), EPERM);
}

}  // namespace
}  // namespace understudy::checks
