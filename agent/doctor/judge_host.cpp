// The machine and its users, and what else runs on it.
#include <algorithm>
#include <cstdio>
#include <set>

#include "agent/doctor/judge.hpp"

namespace understudy::doctor {

namespace {

// IFA_PROTO, by which a restarted agent knows its own addresses.
constexpr int kernel_major = 5;
constexpr int kernel_minor = 18;

void judge_kernel(const HostFacts& host, Findings& findings) {
    int major = 0;
    int minor = 0;
    if (std::sscanf(host.kernel.c_str(), "%d.%d", &major, &minor) != 2) {
        return;
    }
    const bool old = major < kernel_major || (major == kernel_major && minor < kernel_minor);
    findings.push_back({old ? Severity::warning : Severity::ok, "kernel", "Linux " + host.kernel,
                        old ? "before 5.18 addresses carry no mark, so that a restarted agent does "
                              "not know its own"
                            : "",
                        old ? "a kernel from 5.18 on; Debian 12 has 6.1" : ""});
}

void judge_users(const Facts& facts, Findings& findings) {
    const HostFacts& host = facts.host;
    if (!host.has_user || !host.has_group) {
        findings.push_back(
            {Severity::hint, "users",
             std::string{"there is no "} + (host.has_user ? "group" : "user") + " understudy",
             "the unit runs as that user, and the group may use the client", "systemd-sysusers"});
    } else if (!host.may_command) {
        findings.push_back({Severity::hint, "users", "you are not in the group understudy",
                            "the agent takes commands of root and of that group only",
                            "usermod --append --groups understudy \"$USER\", and log in again"});
    } else {
        findings.push_back({Severity::ok, "users", "user and group understudy are there", {}, {}});
    }
    constexpr unsigned writable_by_others = 0022;
    if (host.runtime_mode && (*host.runtime_mode & writable_by_others) != 0) {
        findings.push_back({Severity::problem, "runtime directory",
                            facts.runtime_dir + " can be written by others than its owner",
                            "whoever writes there can put a socket in the place of the agent's",
                            "chmod 0750 " + facts.runtime_dir});
    }
}

void judge_clock(const HostFacts& host, Findings& findings) {
    if (!host.clock_synchronised) {
        return;
    }
    const bool good = *host.clock_synchronised;
    findings.push_back(
        {good ? Severity::ok : Severity::hint, "clock",
         good ? "synchronised" : "not synchronised (NTP)",
         good ? "" : "no decision needs it; but times in journals of two nodes do not fit together",
         good ? "" : "timedatectl set-ntp true, or install chrony"});
}

void judge_keepalived(const Facts& facts, Findings& findings) {
    const KeepalivedFacts& keepalived = facts.host.keepalived;
    if (!keepalived.runs) {
        return;
    }
    const auto is_taken = [&](const core::VipSettings& vip) {
        return std::ranges::find(keepalived.vrids, vip.vrid) != keepalived.vrids.end();
    };
    const std::vector<core::VipSettings> none;
    const auto& vips = facts.configuration ? facts.configuration->vips : none;
    const auto taken = std::ranges::find_if(vips, is_taken);
    if (taken != vips.end()) {
        findings.push_back({Severity::problem, "keepalived",
                            "runs on this machine too, with VRID " + std::to_string(taken->vrid) +
                                " of VIP " + taken->name,
                            "the two elect one of them and fight for the addresses",
                            "systemctl disable --now keepalived"});
    } else {
        findings.push_back({Severity::hint, "keepalived",
                            "runs on this machine too, with other VRIDs as far as can be seen",
                            "the two must not share a VRID or an address on one interface",
                            "systemctl disable --now keepalived, if it is no longer needed"});
    }
}

}  // namespace

void judge_host(const Facts& facts, Findings& findings) {
    if (!facts.host.missing_capabilities.empty()) {
        findings.push_back({Severity::hint, "rights",
                            "the doctor lacks " + facts.host.missing_capabilities,
                            "it cannot listen for advertisements, or read the firewall's rules",
                            "sudo understudy doctor"});
    }
    judge_kernel(facts.host, findings);
    judge_users(facts, findings);
    judge_clock(facts.host, findings);
    judge_keepalived(facts, findings);
}

}  // namespace understudy::doctor
