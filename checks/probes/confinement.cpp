#include "checks/probes/confinement.hpp"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "base/system_error.hpp"

namespace understudy::checks {

namespace {

// A call that this architecture does not have has a negative number, and is left out by libseccomp.
constexpr std::array refused_calls = {
    // programs and children; with vfork(2) and clone(2) without CLONE_THREAD below
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork),
    // other processes
    SCMP_SYS(tkill), SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo), SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_getfd), SCMP_SYS(pidfd_send_signal), SCMP_SYS(ptrace), SCMP_SYS(kcmp),
    SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(process_madvise),
    SCMP_SYS(process_mrelease), SCMP_SYS(move_pages), SCMP_SYS(migrate_pages),
    SCMP_SYS(setpriority), SCMP_SYS(ioprio_set), SCMP_SYS(sched_setattr), SCMP_SYS(sched_setparam),
    SCMP_SYS(sched_setscheduler), SCMP_SYS(sched_setaffinity), SCMP_SYS(setpgid),
    // files
    SCMP_SYS(creat), SCMP_SYS(truncate), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rmdir),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(mkdir), SCMP_SYS(mkdirat),
    SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(symlink),
    SCMP_SYS(symlinkat), SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(chown),
    SCMP_SYS(fchown), SCMP_SYS(lchown), SCMP_SYS(fchownat), SCMP_SYS(utime), SCMP_SYS(utimes),
    SCMP_SYS(utimensat), SCMP_SYS(futimesat), SCMP_SYS(setxattr), SCMP_SYS(lsetxattr),
    SCMP_SYS(fsetxattr), SCMP_SYS(removexattr), SCMP_SYS(lremovexattr), SCMP_SYS(fremovexattr),
    SCMP_SYS(open_by_handle_at), SCMP_SYS(mq_open), SCMP_SYS(mq_unlink), SCMP_SYS(shmget),
    SCMP_SYS(msgget), SCMP_SYS(semget),
    // the kernel
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
    SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsmount),
    SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(keyctl),
    SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(bpf), SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register), SCMP_SYS(init_module), SCMP_SYS(finit_module),
    SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(reboot), SCMP_SYS(swapon),
    SCMP_SYS(swapoff), SCMP_SYS(acct), SCMP_SYS(quotactl)};

// Their arguments are in memory, where a filter cannot look; the C library then uses clone(2) and
// openat(2).
constexpr std::array absent_calls = {SCMP_SYS(clone3), SCMP_SYS(openat2)};

// Collects the first error: a rule that is missing is a filter that is not there.
class Filter {
public:
    Filter() : filter_(seccomp_init(SCMP_ACT_ALLOW)), error_(filter_ ? 0 : ENOMEM) {}

    void refuse(int error, int call) { keep(seccomp_rule_add(filter_.get(), act(error), call, 0)); }
    void refuse(int error, int call, scmp_arg_cmp argument) {
        keep(seccomp_rule_add(filter_.get(), act(error), call, 1, argument));
    }
    // For all threads. A negated errno, or 0.
    int load() {
        if (error_ == 0) {
            keep(seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_TSYNC, 1));
            keep(seccomp_load(filter_.get()));
        }
        return error_;
    }

private:
    struct Release {
        void operator()(void* filter) const { seccomp_release(filter); }
    };
    static std::uint32_t act(int error) {
        return SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error));
    }
    void keep(int result) {
        if (error_ == 0 && result < 0) {
            error_ = -result;
        }
    }

    std::unique_ptr<void, Release> filter_;
    int error_;
};

constexpr scmp_arg_cmp equals(unsigned argument, std::uint64_t value) {
    return {argument, SCMP_CMP_EQ, value, 0};
}
constexpr scmp_arg_cmp differs(unsigned argument, std::uint64_t value) {
    return {argument, SCMP_CMP_NE, value, 0};
}
// The bits of `mask` are `value`.
constexpr scmp_arg_cmp has(unsigned argument, std::uint64_t mask, std::uint64_t value) {
    return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

void refuse_other_processes(Filter& filter) {
    const auto self = static_cast<std::uint64_t>(getpid());
    filter.refuse(EPERM, SCMP_SYS(kill), differs(0, self));
    filter.refuse(EPERM, SCMP_SYS(tgkill), differs(0, self));  // abort(3) and raise(3) use it
    filter.refuse(EPERM, SCMP_SYS(prlimit64), differs(0, 0));  // getrlimit(3) is 0: this one
    filter.refuse(EPERM, SCMP_SYS(clone), has(0, CLONE_THREAD, 0));
}

void refuse_writing(Filter& filter) {
    constexpr std::array<std::pair<int, int>, 4> writing = {
        {{O_ACCMODE, O_WRONLY}, {O_ACCMODE, O_RDWR}, {O_CREAT, O_CREAT}, {O_TRUNC, O_TRUNC}}};
    for (const auto& [mask, value] : writing) {
        const auto bits = static_cast<std::uint64_t>(mask);
        const auto set = static_cast<std::uint64_t>(value);
        filter.refuse(EPERM, SCMP_SYS(open), has(1, bits, set));
        filter.refuse(EPERM, SCMP_SYS(openat), has(2, bits, set));
    }
}

void refuse_families(Filter& filter) {
    for (int family = 0; family < AF_MAX; ++family) {
        if (family != AF_INET && family != AF_INET6 && family != AF_NETLINK) {
            filter.refuse(EAFNOSUPPORT, SCMP_SYS(socket),
                          equals(0, static_cast<std::uint64_t>(family)));
        }
    }
}

}  // namespace

std::string confine_prober() {
    Filter filter;
    for (const int call : refused_calls) {
        filter.refuse(EPERM, call);
    }
    for (const int call : absent_calls) {
        filter.refuse(ENOSYS, call);
    }
    refuse_other_processes(filter);
    refuse_writing(filter);
    refuse_families(filter);
    const int error = filter.load();
    return error == 0 ? "" : system_error_text("cannot load the seccomp filter", error);
}

}  // namespace understudy::checks
