#include "agent/config/file_access.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <variant>

#include "base/overloaded.hpp"

namespace understudy::config {

namespace {

constexpr uid_t root = 0;
constexpr int most_links = 40;  // as the kernel follows in one path (path_resolution(7))

std::string name_of_user(uid_t uid) {
    const passwd* user = getpwuid(uid);
    return user != nullptr ? user->pw_name : "uid " + std::to_string(uid);
}

std::string name_of_group(gid_t gid) {
    const group* found = getgrgid(gid);
    return found != nullptr ? found->gr_name : "gid " + std::to_string(gid);
}

// In a user namespace, files of users that have no number in it belong to this one, which nobody in
// it is or can become (user_namespaces(7)).
bool is_outside(uid_t uid) {
    constexpr uid_t overflow = 65534;
    std::ifstream map("/proc/self/uid_map");
    for (uid_t inside = 0, outside = 0, count = 0; map >> inside >> outside >> count;) {
        if (overflow >= inside && overflow - inside < count) {
            return false;
        }
    }
    return uid == overflow;
}

std::string trouble_with(const std::string& path, const struct stat& seen,
                         const std::vector<uid_t>& trusted) {
    if (std::ranges::find(trusted, seen.st_uid) == trusted.end() && !is_outside(seen.st_uid)) {
        return path + " belongs to " + name_of_user(seen.st_uid);
    }
    // In a sticky directory nobody can replace what belongs to others.
    const bool sticky = S_ISDIR(seen.st_mode) && (seen.st_mode & S_ISVTX) != 0;
    if ((seen.st_mode & S_IWOTH) != 0 && !sticky) {
        return path + " can be written by everybody";
    }
    if ((seen.st_mode & S_IWGRP) != 0 && !sticky && seen.st_gid != 0) {
        return path + " can be written by group " + name_of_group(seen.st_gid);
    }
    return {};
}

std::deque<std::string> parts_of(const std::string& path) {
    std::deque<std::string> parts;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        if (end > at) {
            parts.push_back(path.substr(at, end - at));
        }
        at = end + 1;
    }
    return parts;
}

std::string target_of(const std::string& link) {
    std::array<char, 4096> target{};
    const ssize_t size = readlink(link.c_str(), target.data(), target.size());
    return size > 0 ? std::string{target.data(), static_cast<std::size_t>(size)} : "";
}

// Of a server or of another process, which may not answer: a look would keep the start of the
// agent, or a reload, for ever. The prober reads such files, in threads that may hang.
bool may_hang(std::string_view type) {
    constexpr std::array kinds = {"nfs",  "cifs",   "smb",       "fuse",  "ceph",
                                  "9p",   "afs",    "glusterfs", "coda",  "ncp",
                                  "ocfs", "lustre", "orangefs",  "autofs"};
    return std::ranges::any_of(kinds, [&](const char* kind) { return type.starts_with(kind); });
}

// proc_pid_mountinfo(5): the fifth field is where it is mounted, the first after " - " its type. In
// a name that needs it, a blank is \040: such a mount point is not recognized. Nor is the root,
// without which nothing works.
std::set<std::string> mounts_that_may_hang() {
    std::set<std::string> mounts;
    std::ifstream table("/proc/self/mountinfo");
    for (std::string line; std::getline(table, line);) {
        std::istringstream fields(line);
        std::string skipped;
        std::string place;
        fields >> skipped >> skipped >> skipped >> skipped >> place;
        const auto type = line.find(" - ");
        if (type != std::string::npos && place != "/" &&
            may_hang(std::string_view{line}.substr(type + 3))) {
            mounts.insert(place);
        }
    }
    return mounts;
}

// One path, component by component, with its symbolic links.
class PathWalk {
public:
    PathWalk(const std::string& path, const std::vector<uid_t>& trusted)
        : trusted_(trusted), rest_(parts_of(path)) {
        while (look() && go_on()) {
        }
    }

    const std::string& trouble() const { return trouble_; }
    // Of the file itself, if the walk has come so far.
    const std::optional<struct stat>& file() const { return file_; }

private:
    // False: the walk ends here.
    bool look() {
        file_.reset();
        std::string here;
        for (const std::string& part : walked_) {
            here += '/' + part;
        }
        struct stat seen{};
        if (mounts_.contains(here) || lstat(here.empty() ? "/" : here.c_str(), &seen) != 0) {
            return false;  // whoever reads or runs it says what is wrong
        }
        if (!S_ISLNK(seen.st_mode)) {
            file_ = seen;
            trouble_ = trouble_with(here.empty() ? "/" : here, seen, trusted_);
            return trouble_.empty();
        }
        if (++links_ > most_links) {
            trouble_ = here + " is one symbolic link too many";
            return false;
        }
        const std::string target = target_of(here);
        walked_.pop_back();
        if (target.starts_with('/')) {
            walked_.clear();
        }
        const auto parts = parts_of(target);
        rest_.insert(rest_.begin(), parts.begin(), parts.end());
        return true;
    }

    // False: that was the last component.
    bool go_on() {
        while (!rest_.empty() && rest_.front() == ".") {
            rest_.pop_front();
        }
        if (rest_.empty()) {
            return false;
        }
        if (rest_.front() != "..") {
            walked_.push_back(rest_.front());
        } else if (!walked_.empty()) {
            walked_.pop_back();
        }
        rest_.pop_front();
        return true;
    }

    const std::vector<uid_t>& trusted_;
    const std::set<std::string> mounts_ = mounts_that_may_hang();
    std::deque<std::string> rest_;
    std::vector<std::string> walked_;  // so far, without links
    int links_ = 0;
    std::string trouble_;
    std::optional<struct stat> file_;
};

}  // namespace

std::string others_who_may_change(const std::string& path, const std::vector<uid_t>& trusted) {
    return PathWalk{path, trusted}.trouble();
}

std::string others_who_may_read(const std::string& path, const std::vector<uid_t>& trusted) {
    const PathWalk walk{path, trusted};
    const bool readable = walk.file() && (walk.file()->st_mode & S_IROTH) != 0;
    return readable && walk.trouble().empty() ? path + " can be read by everybody; chmod o= " + path
                                              : "";
}

namespace {

class AccessCheck {
public:
    explicit AccessCheck(Result& result) : result_(result) {}

    void run(Severity of_configuration) {
        for (const std::string& file : result_.files) {
            const std::string absolute = std::filesystem::absolute(file).string();
            if (const std::string who = others_who_may_change(absolute, trusted(""));
                !who.empty()) {
                result_.diagnostics.push_back(
                    {{file, 1, 1}, "not safe from other users: " + who, of_configuration});
            }
        }
        const core::Configuration& configuration = *result_.configuration;
        const std::string& user = configuration.agent.script_user;
        for (const core::VipSettings& vip : configuration.vips) {
            for (std::size_t kind = 0; kind < core::hook_kinds; ++kind) {
                program(result_.vips, vip.name, core::hook_names.at(kind),
                        vip.hooks.commands.at(kind), user);
            }
        }
        for (const core::ServiceSettings& service : configuration.services) {
            program(result_.services, service.name, "start", service.start, user);
            program(result_.services, service.name, "stop", service.stop, user);
        }
        for (const checks::CheckSettings& check : configuration.checks) {
            look_at(check, user);
        }
    }

private:
    using Sections = std::map<std::string, KeyPlaces>;

    static std::vector<uid_t> trusted(const std::string& user) {
        std::vector<uid_t> users = {root, geteuid()};
        if (const passwd* runs_as = user.empty() ? nullptr : getpwnam(user.c_str())) {
            users.push_back(runs_as->pw_uid);
        }
        return users;
    }

    void look_at(const checks::CheckSettings& check, const std::string& user) {
        const auto tls = [&](const checks::TlsClient& client) {
            public_file(check.name, "ca", client.ca);
            public_file(check.name, "certificate", client.certificate);
            secret(check.name, "key", client.key);
        };
        std::visit(Overloaded{
                       [&](const checks::Script& script) {
                           program(result_.checks, check.name, "command", script.command,
                                   script.user.empty() ? user : script.user);
                       },
                       [&](const checks::Tls& question) { tls(question.tls); },
                       [&](const checks::Http& http) {
                           tls(http.tls);
                           secret(check.name, "credentials_file", http.credentials_file);
                       },
                       [&](const checks::Url& url) {
                           tls(url.tls);
                           secret(check.name, "credentials_file", url.credentials_file);
                       },
                       [](const auto&) {},
                   },
                   check.question);
    }

    void program(const Sections& sections, const std::string& name, const char* key,
                 const std::vector<std::string>& command, const std::string& user) {
        if (!command.empty()) {
            complain(sections, name, key, others_who_may_change(command.front(), trusted(user)));
        }
    }
    // None is named where the path is empty.
    void public_file(const std::string& check, const char* key, const std::string& path) {
        if (path.empty()) {
            return;
        }
        complain(result_.checks, check, key, others_who_may_change(path, trusted("")));
    }
    void secret(const std::string& check, const char* key, const std::string& path) {
        if (path.empty()) {
            return;
        }
        public_file(check, key, path);
        complain(result_.checks, check, key, others_who_may_read(path, trusted("")));
    }

    void complain(const Sections& sections, const std::string& name, const char* key,
                  const std::string& who) {
        if (who.empty()) {
            return;
        }
        const KeyPlaces& places = sections.at(name);
        const auto place = places.find(key);
        result_.diagnostics.push_back({place == places.end() ? places.at("") : place->second,
                                       std::string{key} + ": not safe from other users: " + who,
                                       Severity::error});
    }

    Result& result_;
};

}  // namespace

void check_file_access(Result& result, Severity of_configuration) {
    if (!result.configuration) {
        return;
    }
    AccessCheck{result}.run(of_configuration);
    if (has_errors(result.diagnostics)) {
        result.configuration.reset();
    }
}

}  // namespace understudy::config
