#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "agent/doctor/gather/gather.hpp"

namespace understudy::doctor {

namespace {

constexpr const char* agent_name = "understudyd";
constexpr const char* group_name = "understudy";

std::string status_of(const std::string& process) {
    return content_of("/proc/" + process + "/status");
}

// Of those that the agent needs.
std::string missing_capabilities(const std::string& process) {
    const std::string set = value_in(status_of(process), "CapEff", ':');
    const std::uint64_t effective = std::strtoull(set.c_str(), nullptr, 16);
    std::string missing;
    const auto look_for = [&](int capability, const char* name) {
        if ((effective >> static_cast<unsigned>(capability) & 1U) == 0) {
            missing += (missing.empty() ? "" : " and ") + std::string{name};
        }
    };
    look_for(CAP_NET_ADMIN, "CAP_NET_ADMIN");
    look_for(CAP_NET_RAW, "CAP_NET_RAW");
    return missing;
}

bool is_number(const std::string& text) {
    return !text.empty() &&
           std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

// As whoever asks: root, or a member of the group.
bool may_command(const group* members) {
    if (geteuid() == 0) {
        return true;
    }
    if (members == nullptr) {
        return false;
    }
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
    const int count = getgroups(static_cast<int>(groups.size()), groups.data());
    groups.resize(static_cast<std::size_t>(std::max(count, 0)));
    return getegid() == members->gr_gid ||
           std::ranges::find(groups, members->gr_gid) != groups.end();
}

std::optional<bool> clock_synchronised() {
    timex state{};
    if (adjtimex(&state) < 0) {
        return std::nullopt;
    }
    return (state.status & STA_UNSYNC) == 0;
}

// The numbers after virtual_router_id; what is included from elsewhere is not followed.
KeepalivedFacts keepalived() {
    KeepalivedFacts facts;
    facts.runs = !processes_here("keepalived").empty();
    std::istringstream words(content_of("/etc/keepalived/keepalived.conf"));
    for (std::string word; facts.runs && words >> word;) {
        std::string number;
        if (word == "virtual_router_id" && words >> number && is_number(number)) {
            facts.vrids.push_back(std::atoi(number.c_str()));
        }
    }
    return facts;
}

// "hosts: files mdns4_minimal [NOTFOUND=return] dns": the modules, without what is in brackets.
std::vector<std::string> name_modules() {
    std::istringstream words(value_in(content_of("/etc/nsswitch.conf"), "hosts", ':'));
    std::vector<std::string> modules;
    bool in_brackets = false;
    for (std::string word; words >> word && !word.starts_with('#');) {
        in_brackets = in_brackets || word.starts_with('[');
        if (!in_brackets) {
            modules.push_back(word);
        }
        in_brackets = in_brackets && !word.ends_with(']');
    }
    return modules;
}

}  // namespace

std::vector<int> processes_here(const std::string& name) {
    namespace fs = std::filesystem;
    std::vector<int> found;
    std::error_code error;
    const fs::path here = fs::read_symlink("/proc/self/ns/net", error);
    for (const fs::directory_entry& entry : fs::directory_iterator("/proc", error)) {
        const std::string number = entry.path().filename();
        std::error_code gone;
        if (!is_number(number) || content_of(entry.path() / "comm") != name + '\n' ||
            fs::read_symlink(entry.path() / "ns/net", gone) != here) {
            continue;
        }
        const std::string parent = value_in(status_of(number), "PPid", ':');
        if (content_of("/proc/" + parent + "/comm") != name + '\n') {
            found.push_back(std::atoi(number.c_str()));
        }
    }
    return found;
}

void gather_agent_process(AgentFacts& agent) {
    const auto processes = processes_here(agent_name);
    if (!processes.empty()) {
        agent.process = processes.front();
        agent.missing_capabilities = missing_capabilities(std::to_string(processes.front()));
    }
}

HostFacts gather_host(const std::string& runtime_dir) {
    HostFacts host;
    utsname system{};
    if (uname(&system) == 0) {
        host.kernel = system.release;
        host.name = system.nodename;
    }
    host.missing_capabilities = missing_capabilities("self");
    const group* members = getgrnam(group_name);
    host.has_group = members != nullptr;
    host.may_command = may_command(members);
    host.has_user = getpwnam(group_name) != nullptr;
    struct stat seen{};
    if (stat(runtime_dir.c_str(), &seen) == 0) {
        host.runtime_mode = seen.st_mode & 07777U;
    }
    host.clock_synchronised = clock_synchronised();
    host.keepalived = keepalived();
    host.name_modules = name_modules();
    return host;
}

}  // namespace understudy::doctor
