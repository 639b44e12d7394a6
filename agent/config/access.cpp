#include "agent/config/access.hpp"

#include <endian.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <sstream>
#include <string_view>
#include <system_error>

namespace understudy::config {

namespace {

// Bits of a mode, for one class of users.
constexpr unsigned may_read = 4;
constexpr unsigned may_execute = 1;   // of a directory: search
constexpr int most_symlinks = 40;     // path_resolution(7)
constexpr int most_interpreters = 5;  // execve(2)
constexpr ssize_t longest_first_line = 256;

std::string error_text(int error) {
    return std::generic_category().message(error);
}

bool is_member(const Identity& who, gid_t group) {
    return std::ranges::find(who.groups, group) != who.groups.end();
}

struct AclEntry {
    unsigned tag = 0;
    unsigned permissions = 0;
    unsigned id = 0;
};

// The access ACL of a file; empty where it has none.
std::vector<AclEntry> acl_of(const std::string& path) {
    std::array<char, 4096> raw{};
    const ssize_t size = getxattr(path.c_str(), "system.posix_acl_access", raw.data(), raw.size());
    std::vector<AclEntry> entries;
    posix_acl_xattr_entry entry{};
    for (std::size_t at = sizeof(posix_acl_xattr_header);
         size > 0 && at + sizeof entry <= static_cast<std::size_t>(size); at += sizeof entry) {
        std::memcpy(&entry, raw.data() + at, sizeof entry);
        entries.push_back({le16toh(entry.e_tag), le16toh(entry.e_perm), le32toh(entry.e_id)});
    }
    return entries;
}

// acl(5), "Access check algorithm". The owner is judged by the mode alone.
bool acl_permits(const std::vector<AclEntry>& entries, gid_t group, const Identity& who,
                 unsigned wanted) {
    unsigned mask = may_read | may_execute;
    for (const AclEntry& entry : entries) {
        mask = entry.tag == ACL_MASK ? entry.permissions : mask;
    }
    bool is_in_a_group = false;
    unsigned other = 0;
    for (const AclEntry& entry : entries) {
        const bool enough = (entry.permissions & mask & wanted) == wanted;
        if (entry.tag == ACL_USER && entry.id == who.user) {
            return enough;
        }
        if ((entry.tag == ACL_GROUP_OBJ && is_member(who, group)) ||
            (entry.tag == ACL_GROUP && is_member(who, entry.id))) {
            if (enough) {
                return true;
            }
            is_in_a_group = true;
        }
        other = entry.tag == ACL_OTHER ? entry.permissions : other;
    }
    return !is_in_a_group && (other & wanted) == wanted;
}

bool permits(const std::string& path, const struct stat& seen, const Identity& who,
             unsigned wanted) {
    if (seen.st_uid == who.user) {
        return (seen.st_mode >> 6U & wanted) == wanted;
    }
    if (const auto entries = acl_of(path); !entries.empty()) {
        return acl_permits(entries, seen.st_gid, who, wanted);
    }
    const unsigned shift = is_member(who, seen.st_gid) ? 3 : 0;
    return (seen.st_mode >> shift & wanted) == wanted;
}

// "mode 0750, root:understudy".
std::string description_of(const struct stat& seen) {
    const passwd* owner = getpwuid(seen.st_uid);
    const group* owners = getgrgid(seen.st_gid);
    std::ostringstream text;
    text << "mode 0" << std::oct << (seen.st_mode & 07777U) << std::dec << ", "
         << (owner != nullptr ? owner->pw_name : std::to_string(seen.st_uid)) << ':'
         << (owners != nullptr ? owners->gr_name : std::to_string(seen.st_gid));
    return text.str();
}

std::string refused(const char* what, const std::string& path, const struct stat& seen) {
    return std::string{"no permission to "} + what + ' ' + path + " (" + description_of(seen) + ')';
}

// Follows a path from the root, as path_resolution(7) says, and looks at every directory on it.
class Walk {
public:
    explicit Walk(const std::optional<Identity>& who) : who_(who) {}

    // Where the path leads to; `missing` or `denied` is set if it does not.
    std::string follow(const std::string& path) {
        push(path);
        std::string at = "/";
        while (!left_.empty() && denied.empty()) {
            const std::string name = left_.front();
            left_.pop_front();
            search(at);
            if (denied.empty()) {
                step(at, name);
            }
            if (missing != 0) {
                break;
            }
        }
        return at;
    }

    int missing = 0;     // errno
    std::string denied;  // "no permission to search ..."

private:
    void push(const std::string& path) {
        std::istringstream names(path);
        std::vector<std::string> found;
        for (std::string name; std::getline(names, name, '/');) {
            if (!name.empty() && name != ".") {
                found.push_back(name);
            }
        }
        left_.insert(left_.begin(), found.begin(), found.end());
    }
    void search(const std::string& directory) {
        struct stat seen{};
        if (stat(directory.c_str(), &seen) != 0) {
            missing = errno;
        } else if (who_ && S_ISDIR(seen.st_mode) && !permits(directory, seen, *who_, may_execute)) {
            denied = refused("search", directory, seen);
        }
    }
    void step(std::string& at, const std::string& name) {
        if (name == "..") {
            const auto last = at.rfind('/');
            at = last == 0 ? "/" : at.substr(0, last);
            return;
        }
        const std::string next = at == "/" ? at + name : at + '/' + name;
        struct stat seen{};
        if (lstat(next.c_str(), &seen) != 0) {
            missing = errno;
            return;
        }
        if (!S_ISLNK(seen.st_mode)) {
            at = next;
            return;
        }
        std::array<char, PATH_MAX> target{};
        const ssize_t size = readlink(next.c_str(), target.data(), target.size());
        if (size < 0 || ++links_ > most_symlinks) {
            missing = size < 0 ? errno : ELOOP;
            return;
        }
        push({target.data(), static_cast<std::size_t>(size)});
        at = target[0] == '/' ? "/" : at;
    }

    const std::optional<Identity>& who_;
    std::deque<std::string> left_;
    int links_ = 0;
};

// The program that runs a script, from its first line "#!INTERPRETER"; empty for others, and where
// this process may not read it.
std::string interpreter_of(const std::string& path, bool& is_script) {
    std::string line(longest_first_line, '\0');
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const ssize_t size = file < 0 ? -1 : read(file, line.data(), line.size());
    if (file >= 0) {
        close(file);
    }
    line.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    is_script = line.starts_with("#!");
    if (!is_script) {
        return {};
    }
    line = line.substr(2, line.find('\n') - 2);
    const auto begin = line.find_first_not_of(" \t\r");
    const auto end = line.find_first_of(" \t\r", begin);
    return begin == std::string::npos ? "" : line.substr(begin, end - begin);
}

const char* words_for(Use use) {
    switch (use) {
        case Use::execute:
            return "cannot be run by user ";
        case Use::read:
        case Use::read_if_there:
            return "cannot be read by user ";
        case Use::look:
            break;
    }
    return "cannot be looked for by user ";
}

// The permission that the user lacks for the file at the end of the path; empty: none.
std::string denied_at(const std::string& path, const struct stat& seen, Use use, bool is_script,
                      const Identity& who) {
    if (use == Use::execute && !permits(path, seen, who, may_execute)) {
        return refused("execute", path, seen);
    }
    const bool reads = use == Use::read || use == Use::read_if_there || is_script;
    return reads && !permits(path, seen, who, may_read) ? refused("read", path, seen) : "";
}

// What makes the file at the end of the path unusable for every user; empty: nothing.
std::string unfit(const std::string& file, const struct stat& seen, Use use) {
    if (use == Use::look) {
        return {};
    }
    if (!S_ISREG(seen.st_mode)) {
        return "is not a file";
    }
    if (use != Use::execute) {
        return {};
    }
    if ((seen.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0) {
        return "is not executable";
    }
    struct statvfs system{};
    return statvfs(file.c_str(), &system) == 0 && (system.f_flag & ST_NOEXEC) != 0
               ? "is on a file system that is mounted noexec"
               : "";
}

std::string trouble(const std::string& path, Use use, const std::optional<Identity>& who,
                    int depth) {
    Walk walk{who};
    const std::string file = walk.follow(path);
    struct stat seen{};
    if (!walk.denied.empty()) {
        return words_for(use) + who->name + ": " + walk.denied;
    }
    if (walk.missing == ENOENT || walk.missing == ENOTDIR) {
        return use == Use::look || use == Use::read_if_there ? "" : "does not exist";
    }
    if (walk.missing != 0 || stat(file.c_str(), &seen) != 0) {
        return "cannot be examined: " + error_text(walk.missing != 0 ? walk.missing : errno);
    }
    if (const std::string reason = unfit(file, seen, use); !reason.empty()) {
        return reason;
    }
    bool is_script = false;
    const std::string interpreter =
        use == Use::execute ? interpreter_of(file, is_script) : std::string{};
    if (const std::string denied = who ? denied_at(file, seen, use, is_script, *who) : "";
        !denied.empty()) {
        return words_for(use) + who->name + ": " + denied;
    }
    if (interpreter.empty() || depth >= most_interpreters) {
        return {};
    }
    const std::string deeper = trouble(interpreter, use, who, depth + 1);
    return deeper.empty() ? "" : "is run by " + interpreter + ", which " + deeper;
}

}  // namespace

std::optional<Identity> identity_of(const std::string& user) {
    const passwd* entry = getpwnam(user.c_str());
    if (entry == nullptr) {
        return std::nullopt;
    }
    Identity who{user, entry->pw_uid, {}};
    int count = 64;
    who.groups.resize(static_cast<std::size_t>(count));
    const gid_t primary = entry->pw_gid;
    if (getgrouplist(user.c_str(), primary, who.groups.data(), &count) < 0) {
        who.groups.resize(static_cast<std::size_t>(count));
        getgrouplist(user.c_str(), primary, who.groups.data(), &count);
    }
    who.groups.resize(static_cast<std::size_t>(count));
    return who;
}

std::string trouble_with(const std::string& path, Use use, const std::optional<Identity>& who) {
    return trouble(path, use, who, 0);
}

}  // namespace understudy::config
