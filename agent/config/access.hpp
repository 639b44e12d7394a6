// Whether a user may run or read a file, judged as the kernel does for a process without
// capabilities: by owner, groups, mode, access ACL and noexec, along every directory and symbolic
// link of the path. Nobody has to become that user for it. What a security module or a file server
// refuses is not seen.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace understudy::config {

struct Identity {
    std::string name;
    uid_t user = 0;
    std::vector<gid_t> groups;
};

// With all groups of the user; nothing if there is no such user.
std::optional<Identity> identity_of(const std::string& user);

enum class Use : std::uint8_t {
    execute,  // for a script its interpreter as well
    read,
    read_if_there,
    look,  // whether it is there: the directories on the way are what matters
};

// Empty, or what is wrong: "does not exist", "cannot be run by user postgres: no permission to
// search /etc/understudy (mode 0750, root:understudy)". Without `who` permissions are not judged,
// except that a program has to be executable for somebody.
std::string trouble_with(const std::string& path, Use use, const std::optional<Identity>& who);

}  // namespace understudy::config
