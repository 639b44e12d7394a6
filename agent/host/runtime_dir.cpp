#include "agent/host/runtime_dir.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/system_error.hpp"

namespace understudy::host {

namespace {

// Under its unit the agent is of the control group itself. Without the right to give a file away
// (not root) it stays with our own group.
bool give_to(const std::filesystem::path& path, const char* group_name) {
    const group* members = getgrnam(group_name);
    struct stat found{};
    return members != nullptr &&
           ((lstat(path.c_str(), &found) == 0 && found.st_gid == members->gr_gid) ||
            chown(path.c_str(), static_cast<uid_t>(-1), members->gr_gid) == 0);
}

}  // namespace

std::string restrict_access(const std::filesystem::path& path, unsigned mode,
                            const char* group_name) {
    const bool shared = give_to(path, group_name) || give_to(path, control_group);
    const unsigned allowed = shared ? mode : mode & 0700U;
    if (chmod(path.c_str(), allowed) < 0) {
        return system_error_text("cannot set the mode of " + path.string());
    }
    return {};
}

std::expected<FileDescriptor, std::string> claim_runtime_dir(const std::filesystem::path& dir) {
    std::error_code error;
    const bool created = std::filesystem::create_directories(dir, error);
    if (error) {
        return std::unexpected("cannot create " + dir.string() + ": " + error.message());
    }
    if (created) {
        if (std::string trouble = restrict_access(dir, 0751); !trouble.empty()) {
            return std::unexpected(std::move(trouble));
        }
    }
    const auto path = dir / "lock";
    if (std::filesystem::symlink_status(path, error).type() !=
        std::filesystem::file_type::regular) {
        std::filesystem::remove_all(path, error);  // nothing of ours, and in the way
    }
    FileDescriptor lock{open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!lock.is_open()) {
        return std::unexpected(system_error_text("cannot open " + path.string()));
    }
    if (flock(lock.get(), LOCK_EX | LOCK_NB) < 0) {
        return std::unexpected(errno == EWOULDBLOCK
                                   ? "another agent runs in " + dir.string()
                                   : system_error_text("cannot lock " + path.string()));
    }
    return lock;
}

}  // namespace understudy::host
