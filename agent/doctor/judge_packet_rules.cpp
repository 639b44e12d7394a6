// The agent's own rules in nf_tables: are they there, and who deletes them.
#include <algorithm>

#include "agent/doctor/judge.hpp"

namespace understudy::doctor {

namespace {

constexpr const char* consequence =
    "without them accept = no has no effect, and a planned move may lose packets; the agent "
    "restores them within milliseconds";

std::string remedy_for(const FlushingUnit& unit) {
    return "in " + unit.by +
           ": delete the unit's own tables instead of the whole rule set (flush ruleset)";
}

// "nft (process 4711, nftables.service)"; empty if the process had ended before it was looked at.
std::string unit_in(const std::string& culprit) {
    const auto comma = culprit.rfind(", ");
    return comma != std::string::npos && culprit.ends_with(".service)")
               ? culprit.substr(comma + 2, culprit.size() - comma - 3)
               : "";
}

void judge_unit(const FlushingUnit& unit, Findings& findings) {
    findings.push_back({Severity::hint, "packet rules",
                        unit.unit + " empties the whole rule set of nftables (" + unit.by +
                            "), and the agent's tables with it",
                        consequence, remedy_for(unit)});
}

void judge_status(const control::PacketRulesStatus& rules, const std::vector<FlushingUnit>& units,
                  Findings& findings) {
    if (!rules.trouble.empty()) {
        findings.push_back({Severity::warning, "packet rules", rules.trouble,
                            "the agent works without them",
                            "nft list ruleset shows what is there; the kernel needs nf_tables"});
    }
    if (rules.restored == 0) {
        return;
    }
    const std::string culprit = unit_in(rules.restored_after);
    const auto named = std::ranges::find(units, culprit, &FlushingUnit::unit);
    const bool guessed = culprit.empty() && units.size() == 1;
    const FlushingUnit* unit = named != units.end() ? &*named : guessed ? &units.front() : nullptr;
    findings.push_back({Severity::warning, "packet rules",
                        "deleted or changed " + std::to_string(rules.restored) +
                            (rules.restored == 1 ? " time" : " times") + ", the last time by " +
                            rules.restored_after + (guessed ? ", probably of " + unit->unit : ""),
                        consequence,
                        unit != nullptr ? remedy_for(*unit)
                        : !culprit.empty()
                            ? "systemctl cat " + culprit +
                                  " shows what it runs; it must leave alone what is not "
                                  "its own"
                            : "find what runs that program: the agent's log names it each time"});
}

}  // namespace

void judge_packet_rules(const Facts& facts, Findings& findings) {
    if (!facts.configuration) {
        return;
    }
    const std::size_t before = findings.size();
    const auto& status = facts.agent.status;
    if (status && status->packet_rules) {
        judge_status(*status->packet_rules, facts.firewall.flushing, findings);
    }
    for (const FlushingUnit& unit : facts.firewall.flushing) {
        if (unit.enabled) {
            judge_unit(unit, findings);
        }
    }
    if (findings.size() == before && status && status->packet_rules) {
        findings.push_back({Severity::ok, "packet rules", "nobody has touched them", {}, {}});
    }
}

}  // namespace understudy::doctor
