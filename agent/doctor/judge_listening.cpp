// Who else advertises on the interfaces.
#include <algorithm>
#include <map>

#include "agent/doctor/judge.hpp"

namespace understudy::doctor {

namespace {

using core::VipSettings;

std::string who(const HeardFacts& heard) {
    return heard.source.to_string() + " (priority " + std::to_string(heard.priority) + ')';
}

std::string listed(const std::vector<IpAddress>& addresses) {
    constexpr std::size_t most_shown = 3;
    std::string text;
    for (std::size_t i = 0; i < std::min(addresses.size(), most_shown); ++i) {
        text += (i == 0 ? "" : ", ") + addresses[i].to_string();
    }
    return text + (addresses.size() > most_shown ? " ..." : "");
}

bool shares_addresses(const VipSettings& vip, const HeardFacts& heard) {
    return std::ranges::any_of(heard.addresses, [&](const IpAddress& address) {
        return address != vrrp::derived_link_local(vip.vrid) &&
               std::ranges::any_of(vip.addresses, [&](const core::VirtualAddress& own) {
                   return own.prefix.address == address;
               });
    });
}

// Of one router for one VIP.
void judge_heard(const VipSettings& vip, const HeardFacts& heard, Findings& findings) {
    const std::string subject = vip.interface + " VRID " + std::to_string(vip.vrid);
    if (heard.version != static_cast<unsigned>(vip.version)) {
        findings.push_back({Severity::problem, subject,
                            who(heard) + " speaks VRRP version " + std::to_string(heard.version) +
                                ", VIP " + vip.name + " version " +
                                std::to_string(static_cast<unsigned>(vip.version)),
                            "neither hears the other, and both become active",
                            "the same `version` on all nodes; or another vrid, if that router has "
                            "nothing to do with this VIP"});
    } else if (!heard.valid) {
        findings.push_back({Severity::warning, subject,
                            who(heard) + " sends advertisements that are not valid",
                            "they are discarded, so that it is not heard",
                            "understudy status " + vip.name + " counts them by reason"});
    } else if (!shares_addresses(vip, heard)) {
        findings.push_back({Severity::problem, subject,
                            who(heard) + " has it for " + listed(heard.addresses) +
                                ", none of which is in VIP " + vip.name,
                            "two pairs with one VRID in one network silence each other: the lower "
                            "priority never becomes active",
                            "another vrid for one of the two"});
    }
}

// The agent is asked after the listening. Who became active meanwhile has taken over from somebody
// that was heard.
bool was_active_here(const Facts& facts, const VipSettings& vip) {
    return facts.agent.status &&
           std::ranges::any_of(facts.agent.status->vips, [&](const control::VipStatus& status) {
               return status.name == vip.name && status.state == control::State::active &&
                      status.since <= facts.listening.began;
           });
}

void judge_vip(const Facts& facts, const VipSettings& vip, Findings& findings) {
    const std::size_t before = findings.size();
    std::map<Family, std::vector<const HeardFacts*>> routers;
    for (const HeardFacts& heard : facts.listening.heard) {
        if (heard.interface == vip.interface && heard.vrid == vip.vrid) {
            const std::size_t known = findings.size();
            judge_heard(vip, heard, findings);
            // A router of another cluster is no rival, and one advertisement may be the last one of
            // a router that gives the addresses away.
            if (findings.size() == known && heard.count > 1) {
                routers[heard.source.family()].push_back(&heard);
            }
        }
    }
    const bool here = was_active_here(facts, vip);
    for (const auto& [family, active] : routers) {
        if (active.size() + (here ? 1 : 0) > 1) {
            findings.push_back({Severity::problem,
                                vip.interface + " VRID " + std::to_string(vip.vrid),
                                "two are active for VIP " + vip.name + ": " + who(*active[0]) +
                                    " and " + (here ? "this node" : who(*active[1])),
                                "both hold the addresses, and clients reach the one or the other",
                                "they do not hear each other: look at the network between them, "
                                "and at firewalls there (IP protocol 112)"});
        }
    }
    if (findings.size() == before) {
        const HeardFacts* active = routers.empty() ? nullptr : routers.begin()->second.front();
        findings.push_back({Severity::ok,
                            vip.interface + " VRID " + std::to_string(vip.vrid),
                            active != nullptr ? who(*active) + " is active for VIP " + vip.name
                            : here            ? "this node is active, and no other"
                                              : "nobody else advertises it",
                            {},
                            {}});
    }
}

}  // namespace

void judge_listening(const Facts& facts, Findings& findings) {
    if (!facts.configuration) {
        return;
    }
    if (!facts.listening.trouble.empty()) {
        findings.push_back({Severity::hint, "advertisements",
                            "could not listen: " + facts.listening.trouble,
                            "another router with the same VRID would be found in this way",
                            "sudo understudy doctor"});
        return;
    }
    for (const VipSettings& vip : facts.configuration->vips) {
        judge_vip(facts, vip, findings);
    }
}

}  // namespace understudy::doctor
