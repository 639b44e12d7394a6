#include "agent/host/privileges.hpp"

#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/system_error.hpp"
#include "checks/processes/capabilities.hpp"

namespace understudy::host {

namespace {

constexpr std::uint32_t bit(int capability) {
    return 1U << static_cast<unsigned>(capability);
}
// Both are below 32, so they stand in the first of the two words.
constexpr std::uint32_t needed = bit(CAP_NET_ADMIN) | bit(CAP_NET_RAW);

using Sets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

// libcap is one call too many to depend on.
bool capget(Sets& sets) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    return syscall(SYS_capget, &header, sets.data()) == 0;
}

}  // namespace

std::string missing_capability() {
    Sets sets{};
    if (!capget(sets)) {
        return system_error_text("cannot read the capabilities");
    }
    const std::uint32_t effective = sets[0].effective;
    std::string missing;
    if ((effective & bit(CAP_NET_ADMIN)) == 0) {
        missing += " CAP_NET_ADMIN (to hold addresses)";
    }
    if ((effective & bit(CAP_NET_RAW)) == 0) {
        missing += missing.empty() ? "" : " and";
        missing += " CAP_NET_RAW (to send and receive VRRP)";
    }
    return missing.empty() ? ""
                           : "this process lacks" + missing + ": start it as root or by its unit";
}

namespace {

constexpr const char* how_to_grant =
    "; the drop-in scripts.conf of understudyd.service grants it, see understudyd(8)";

// What it needs script_user for; empty: nothing.
std::string run_by_script_user(const core::Configuration& configuration) {
    for (const checks::CheckSettings& check : configuration.checks) {
        if (std::holds_alternative<checks::Script>(check.question)) {
            return "the script of check " + check.name;
        }
    }
    for (const core::VipSettings& vip : configuration.vips) {
        if (vip.hooks.any()) {
            return "the hooks of VIP " + vip.name;
        }
    }
    for (const core::ServiceSettings& service : configuration.services) {
        if (!service.start.empty() || !service.stop.empty()) {
            return "the commands of service " + service.name;
        }
    }
    return {};
}

bool looks_at_processes(const checks::CheckSettings& check) {
    return std::holds_alternative<checks::Process>(check.question);
}

}  // namespace

std::string missing_right_for(const core::Configuration& configuration, bool changes_user) {
    const std::string& user = configuration.agent.script_user;
    const passwd* wanted = getpwnam(user.c_str());
    const std::string what = run_by_script_user(configuration);
    if (!what.empty() && !changes_user && wanted != nullptr && wanted->pw_uid != geteuid()) {
        return what + " cannot run as " + user + ": this process may not become another user" +
               how_to_grant;
    }
    const auto process = std::ranges::find_if(configuration.checks, looks_at_processes);
    // The one process that is always there, and somebody else's.
    if (process != configuration.checks.end() && access("/proc/1/stat", R_OK) != 0) {
        return "check " + process->name +
               " looks at processes, and those of other users are hidden" + how_to_grant;
    }
    return {};
}

// getpwnam(3): "not found" has no errno, or one of many. These are what is no answer.
bool user_exists(const std::string& name) {
    constexpr std::array no_answer = {EINTR, EIO, EMFILE, ENFILE, ENOMEM};
    errno = 0;
    const bool exists = getpwnam(name.c_str()) != nullptr;
    if (!exists && std::ranges::find(no_answer, errno) != no_answer.end()) {
        throw_system_error("cannot look up user " + name);
    }
    return exists;
}

std::optional<Account> account_of_prober(const std::string& script_user) {
    constexpr const char* own = "understudy-prober";
    for (const char* name : {own, script_user.c_str()}) {
        if (const passwd* entry = getpwnam(name)) {
            return Account{entry->pw_uid, entry->pw_gid};
        }
    }
    return std::nullopt;
}

bool may_change_user() {
    Sets sets{};
    constexpr std::uint32_t both = bit(CAP_SETUID) | bit(CAP_SETGID);
    return capget(sets) && (sets[0].effective & both) == both;
}

namespace {

std::string keep_only(std::uint32_t kept) {
    return checks::reduce_capabilities(kept) ? ""
                                             : system_error_text("cannot drop the capabilities");
}

// CAP_NET_RAW is for the sockets that a new prober opens; the others for running what belongs to
// somebody else, and for ending it.
constexpr std::uint32_t of_runner =
    bit(CAP_SETUID) | bit(CAP_SETGID) | bit(CAP_KILL) | bit(CAP_NET_RAW);

}  // namespace

std::string keep_spare_rights() {
    return keep_only(of_runner);
}

// The kernel refuses the sets where a sandbox permits no capset(2): what is ambient stays so then.
void pass_on_prober_rights() {
    constexpr std::array of_prober = {CAP_SETUID, CAP_SETGID, CAP_NET_RAW};
    Sets sets{};
    if (!capget(sets)) {
        return;
    }
    for (const int capability : of_prober) {
        sets[0].inheritable |= sets[0].permitted & bit(capability);
    }
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    syscall(SYS_capset, &header, sets.data());
    for (const int capability : of_prober) {
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
    }
}

std::string keep_runner_rights(const std::map<std::uint32_t, core::ServiceSettings>& services) {
    // The service manager listens to root, and asks for the user only.
    const bool has_unit = std::ranges::any_of(
        services, [](const auto& service) { return !service.second.unit.empty(); });
    if (has_unit && geteuid() != 0 && may_change_user()) {
        prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
        if (setresuid(0, 0, 0) != 0) {
            return system_error_text("cannot become root to start units");
        }
    }
    return keep_only(of_runner);
}

std::string drop_privileges() {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
        if (capability != CAP_NET_ADMIN && capability != CAP_NET_RAW) {
            prctl(PR_CAPBSET_DROP, capability, 0, 0,
                  0);  // fails without CAP_SETPCAP: then it is not ours
        }
    }
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return keep_only(needed);
}

}  // namespace understudy::host
