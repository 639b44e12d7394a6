// The addresses that carry the agent's mark: do they belong to one that lives, and do they end.
#include <algorithm>

#include "agent/doctor/judge.hpp"

namespace understudy::doctor {

namespace {

// 4 s as "4 s"; the kernel counts in whole seconds.
std::string in_seconds(Duration duration) {
    return std::to_string(duration / std::chrono::seconds{1}) + " s";
}

void judge_leftover(const AddressFacts& address, Findings& findings) {
    findings.push_back(
        {Severity::problem, address.interface + " leftover",
         address.prefix.to_string() + " is an address of an agent that no longer runs" +
             (address.remaining ? "; the kernel removes it in " + in_seconds(*address.remaining)
                                : ""),
         "another node may hold it now, and two answer for it",
         "understudyd --release, or start the agent: systemctl start understudyd"});
}

const core::VipSettings* vip_of(const Facts& facts, const AddressFacts& address) {
    for (const core::VipSettings& vip : facts.configuration->vips) {
        const bool has = std::ranges::any_of(vip.addresses, [&](const auto& own) {
            return own.interface == address.interface && own.prefix == address.prefix;
        });
        if (has) {
            return &vip;
        }
    }
    return nullptr;
}

// The kernel's lifetime of what an agent holds: at most the lease, and never without end. What was
// renewed a moment ago may show the whole lease.
void judge_lease(const AddressFacts& address, const core::VipSettings& vip, Findings& findings) {
    if (vip.lease == Duration::zero() || (address.remaining && *address.remaining <= vip.lease)) {
        return;
    }
    findings.push_back(
        {Severity::warning, address.interface + " lease",
         address.prefix.to_string() + " stays for " +
             (address.remaining ? in_seconds(*address.remaining) : "ever") +
             " without the agent; its lease is " + in_seconds(vip.lease),
         "after a crash it would stay beside that of another node",
         "systemctl restart understudyd: the agent runs with another configuration"});
}

void judge_foreign(const Facts& facts, const AddressFacts& address, Findings& findings) {
    const core::VipSettings* vip = vip_of(facts, address);
    if (vip == nullptr || vip->priority == vrrp::owner_priority) {
        return;
    }
    findings.push_back({Severity::problem, address.interface + " address",
                        address.prefix.to_string() + " of VIP " + vip->name +
                            " is here, and understudy did not put it there",
                        "an address that is always here cannot move: two nodes would have it",
                        "ip address delete " + address.prefix.to_string() + " dev " +
                            address.interface +
                            ", and take it out of what configures the network"});
}

}  // namespace

void judge_addresses(const Facts& facts, Findings& findings) {
    const bool runs = facts.agent.answers || facts.agent.process;
    const std::size_t before = findings.size();
    std::size_t held = 0;
    for (const AddressFacts& address : facts.addresses) {
        const core::VipSettings* vip = facts.configuration ? vip_of(facts, address) : nullptr;
        if (address.ours && !runs) {
            judge_leftover(address, findings);
        } else if (address.ours && vip != nullptr) {
            ++held;
            judge_lease(address, *vip, findings);
        } else if (!address.ours && vip != nullptr) {
            judge_foreign(facts, address, findings);
        }
    }
    if (findings.size() == before) {
        findings.push_back({Severity::ok,
                            "addresses",
                            held == 0
                                ? "none of the virtual ones is here, and none is left over"
                                : std::to_string(held) + " held, each for no longer than its lease",
                            {},
                            {}});
    }
    if (!facts.configuration) {
        return;
    }
    for (const core::VipSettings& vip : facts.configuration->vips) {
        if (vip.lease == Duration::zero()) {
            findings.push_back({Severity::hint, "VIP " + vip.name, "lease = 0s",
                                "the addresses of an agent that died stay until somebody removes "
                                "them",
                                "leave `lease` out, if that is not meant"});
        }
    }
}

}  // namespace understudy::doctor
