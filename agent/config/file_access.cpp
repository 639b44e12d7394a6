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

}  // namespace

std::string others_who_may_change(const std::string& path, const std::vector<uid_t>& trusted) {
    std::deque<std::string> rest = parts_of(path);
    std::vector<std::string> walked;  // so far, without links
    int links = 0;
    while (true) {
        std::string here;
        for (const std::string& part : walked) {
            here += '/' + part;
        }
        struct stat seen{};
        if (lstat(here.empty() ? "/" : here.c_str(), &seen) != 0) {
            return {};  // whoever reads or runs it says so
        }
        if (S_ISLNK(seen.st_mode)) {
            const std::string target = target_of(here);
            walked.pop_back();
            if (target.starts_with('/')) {
                walked.clear();
            }
            const auto parts = parts_of(target);
            rest.insert(rest.begin(), parts.begin(), parts.end());
            if (++links > most_links) {
                return here + " is one symbolic link too many";
            }
        } else if (std::string trouble = trouble_with(here.empty() ? "/" : here, seen, trusted);
                   !trouble.empty()) {
            return trouble;
        }
        while (!rest.empty() && rest.front() == ".") {
            rest.pop_front();
        }
        if (rest.empty()) {
            return {};
        }
        if (rest.front() != "..") {
            walked.push_back(rest.front());
        } else if (!walked.empty()) {
            walked.pop_back();
        }
        rest.pop_front();
    }
}

std::string others_who_may_read(const std::string& path) {
    struct stat seen{};
    if (stat(path.c_str(), &seen) != 0 || (seen.st_mode & S_IROTH) == 0) {
        return {};
    }
    return path + " can be read by everybody; chmod o= " + path;
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
    void public_file(const std::string& check, const char* key, const std::string& path) {
        complain(result_.checks, check, key, others_who_may_change(path, trusted("")));
    }
    void secret(const std::string& check, const char* key, const std::string& path) {
        public_file(check, key, path);
        complain(result_.checks, check, key, others_who_may_read(path));
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
