#include "agent/cli/present_findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/cli/console.hpp"

namespace understudy::cli {

namespace {

using doctor::Finding;

const char* colour_of(doctor::Severity severity) {
    switch (severity) {
        case doctor::Severity::ok:
            return "\x1b[32m";
        case doctor::Severity::hint:
            return "\x1b[36m";
        case doctor::Severity::warning:
            return "\x1b[33m";
        case doctor::Severity::problem:
            return "\x1b[31m";
    }
    return "";
}

// "3 problems"
std::string counted(const doctor::Findings& findings, doctor::Severity severity) {
    const std::size_t count = doctor::count_of(findings, severity);
    return fmt::format("{} {}{}", count, doctor::name_of(severity), count == 1 ? "" : "s");
}

}  // namespace

std::string present_findings(const doctor::Findings& findings, bool colours) {
    std::size_t width = 0;
    for (const Finding& finding : findings) {
        width = std::max(width, finding.subject.size());
    }
    std::string text;
    const auto line = [&](const std::string& first, const std::string& second,
                          const std::string& third, const char* colour) {
        text += fmt::format("{}{:<8}{} {:<{}}  {}\n", colours ? colour : "", first,
                            colours && *colour != '\0' ? "\x1b[0m" : "", harmless(second), width,
                            harmless(third));
    };
    for (const Finding& finding : findings) {
        line(std::string{doctor::name_of(finding.severity)}, finding.subject, finding.seen,
             colour_of(finding.severity));
        if (!finding.why.empty()) {
            line("", "", "why: " + finding.why, "");
        }
        if (!finding.remedy.empty()) {
            line("", "", "do:  " + finding.remedy, "");
        }
    }
    return text + fmt::format("\n{}, {}, {}, {} passed\n",
                              counted(findings, doctor::Severity::problem),
                              counted(findings, doctor::Severity::warning),
                              counted(findings, doctor::Severity::hint),
                              doctor::count_of(findings, doctor::Severity::ok));
}

std::string findings_document(const doctor::Findings& findings) {
    using Document = nlohmann::ordered_json;
    Document listed = Document::array();
    for (const Finding& finding : findings) {
        listed.push_back({{"severity", doctor::name_of(finding.severity)},
                          {"subject", finding.subject},
                          {"seen", finding.seen},
                          {"why", finding.why},
                          {"remedy", finding.remedy}});
    }
    const Document document = {{"problems", doctor::count_of(findings, doctor::Severity::problem)},
                               {"warnings", doctor::count_of(findings, doctor::Severity::warning)},
                               {"hints", doctor::count_of(findings, doctor::Severity::hint)},
                               {"passed", doctor::count_of(findings, doctor::Severity::ok)},
                               {"findings", std::move(listed)}};
    return document.dump(-1, ' ', false, Document::error_handler_t::replace);
}

}  // namespace understudy::cli
