#include "agent/doctor/judge.hpp"

namespace understudy::doctor {

Findings judge(const Facts& facts) {
    Findings findings;
    judge_configuration(facts, findings);
    judge_agent(facts, findings);
    judge_host(facts, findings);
    judge_names(facts, findings);
    judge_interfaces(facts, findings);
    judge_settings(facts, findings);
    judge_addresses(facts, findings);
    judge_routes(facts, findings);
    judge_firewall(facts, findings);
    judge_packet_rules(facts, findings);
    judge_listening(facts, findings);
    return findings;
}

void judge_configuration(const Facts& facts, Findings& findings) {
    for (const config::Diagnostic& diagnostic : facts.diagnostics) {
        const bool warning = diagnostic.severity == config::Severity::warning;
        findings.push_back(
            {warning ? Severity::warning : Severity::problem, "configuration",
             config::to_string(diagnostic.place) + ": " + diagnostic.message,
             warning ? "valid, but probably a mistake"
                     : "the agent does not start, or a VIP does not work, with this line",
             "change that line, and: understudy config check --this-node " + facts.file});
    }
    if (facts.diagnostics.empty() && facts.configuration) {
        const std::size_t vips = facts.configuration->vips.size();
        findings.push_back(
            {Severity::ok,
             "configuration",
             facts.file + " is valid: " + std::to_string(vips) + (vips == 1 ? " VIP" : " VIPs"),
             {},
             {}});
    }
}

}  // namespace understudy::doctor
