// Facts -> findings. Pure: one function for each area, in the order in which they are shown.
#pragma once

#include "agent/doctor/facts.hpp"
#include "agent/doctor/finding.hpp"

namespace understudy::doctor {

Findings judge(const Facts& facts);

void judge_configuration(const Facts& facts, Findings& findings);
void judge_agent(const Facts& facts, Findings& findings);
void judge_host(const Facts& facts, Findings& findings);
void judge_names(const Facts& facts, Findings& findings);
void judge_interfaces(const Facts& facts, Findings& findings);
void judge_settings(const Facts& facts, Findings& findings);
void judge_addresses(const Facts& facts, Findings& findings);
void judge_routes(const Facts& facts, Findings& findings);
void judge_firewall(const Facts& facts, Findings& findings);
void judge_packet_rules(const Facts& facts, Findings& findings);
void judge_listening(const Facts& facts, Findings& findings);

}  // namespace understudy::doctor
