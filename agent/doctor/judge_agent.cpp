// The agent itself: does it run, as what, and what does it say.
#include <algorithm>

#include "agent/doctor/judge.hpp"
#include "base/version.hpp"

namespace understudy::doctor {

namespace {

void judge_vip(const control::VipStatus& vip, Findings& findings) {
    if (vip.state == control::State::fault) {
        findings.push_back({Severity::problem, "VIP " + vip.name, "in fault: " + vip.reason,
                            "this node cannot take the addresses", "understudy why " + vip.name});
    }
    for (const std::string& warning : vip.warnings) {
        findings.push_back({Severity::warning, "VIP " + vip.name, warning,
                            "the nodes of a VIP have to agree",
                            "understudy config check, with the files of all nodes"});
    }
    for (const std::string& hint : vip.hints) {
        findings.push_back({Severity::hint, "VIP " + vip.name, hint, {}, {}});
    }
}

void judge_answer(const AgentFacts& agent, Findings& findings) {
    const bool same = agent.version == program_version();
    if (!same) {
        findings.push_back({Severity::warning, "agent",
                            "it is version " + agent.version + ", this client " + program_version(),
                            "an upgrade counts from the next start of the agent",
                            "systemctl restart understudyd: it adopts its addresses"});
    }
    if (!agent.status) {
        return;
    }
    const std::size_t before = findings.size();
    for (const control::VipStatus& vip : agent.status->vips) {
        judge_vip(vip, findings);
    }
    if (same && findings.size() == before) {
        findings.push_back({Severity::ok,
                            "agent",
                            "answers as " + agent.status->node + ", no VIP in fault",
                            {},
                            {}});
    }
}

}  // namespace

void judge_agent(const Facts& facts, Findings& findings) {
    const AgentFacts& agent = facts.agent;
    if (agent.answers) {
        judge_answer(agent, findings);
    } else if (agent.process) {
        findings.push_back(
            {Severity::problem, "agent",
             "process " + std::to_string(*agent.process) + " runs, but: " + agent.trouble,
             "nobody can ask or command it",
             "give --runtime-dir as the agent has it; otherwise systemctl restart understudyd"});
    } else {
        findings.push_back({Severity::warning, "agent", agent.trouble,
                            "without an agent this node neither holds nor takes over anything",
                            "systemctl enable --now understudyd"});
    }
    if (!agent.missing_capabilities.empty()) {
        findings.push_back({Severity::problem, "agent's rights",
                            "its process lacks " + agent.missing_capabilities,
                            "it cannot send VRRP or hold addresses",
                            "start it by its unit: systemctl restart understudyd"});
    } else if (agent.process) {
        findings.push_back(
            {Severity::ok, "agent's rights", "CAP_NET_ADMIN and CAP_NET_RAW", {}, {}});
    }
}

}  // namespace understudy::doctor
