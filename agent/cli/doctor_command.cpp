// doctor: looks at this host, asks the agent if there is one, and says what is in the way.
#include <nlohmann/json.hpp>

#include "agent/cli/commands.hpp"
#include "agent/cli/present_findings.hpp"
#include "agent/cli/question.hpp"
#include "agent/doctor/gather/gather.hpp"
#include "agent/doctor/judge.hpp"

namespace understudy::cli {

namespace {

void ask_agent(const Arguments& arguments, doctor::AgentFacts& agent) {
    auto status = ask<control::StatusResponse>(arguments, control::StatusRequest{});
    agent.answers = status.has_value();
    if (!status) {
        agent.trouble = status.error().text;
        return;
    }
    const auto document = nlohmann::json::parse(status->line, nullptr, false);
    if (document.is_object() && document.contains("version") && document["version"].is_string()) {
        agent.version = document["version"].get<std::string>();
    }
    agent.status = std::move(status->content);
}

}  // namespace

int run_doctor(const Arguments& arguments, const Console& console) {
    if (console.err_is_terminal && !arguments.json) {
        console.err << "looks around, and listens for advertisements ...\n" << std::flush;
    }
    doctor::Facts facts = doctor::gather(arguments.config, arguments.runtime_dir.string());
    ask_agent(arguments, facts.agent);
    const doctor::Findings findings = doctor::judge(facts);
    console.out << (arguments.json ? findings_document(findings) + '\n'
                                   : present_findings(findings, console.colours));
    const int status = console.written();
    const bool well = doctor::count_of(findings, doctor::Severity::problem) == 0 &&
                      doctor::count_of(findings, doctor::Severity::warning) == 0;
    return status == exit_done && !well ? exit_failed : status;
}

}  // namespace understudy::cli
