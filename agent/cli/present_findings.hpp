// What the doctor found, for people and for programs.
#pragma once

#include <string>

#include "agent/doctor/finding.hpp"

namespace understudy::cli {

// A line for each, with what to do under those that are not well; then a line that sums up.
std::string present_findings(const doctor::Findings& findings, bool colours);
std::string findings_document(const doctor::Findings& findings);

}  // namespace understudy::cli
