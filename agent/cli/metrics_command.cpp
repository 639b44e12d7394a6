// metrics: the text that /metrics of the status page has, without it.
#include "agent/cli/commands.hpp"
#include "agent/cli/question.hpp"
#include "agent/metrics/agent_metrics.hpp"

namespace understudy::cli {

// Who collects the text into a file wants to know from it that there is no agent.
int run_metrics(const Arguments& arguments, const Console& console) {
    const auto format =
        arguments.openmetrics ? metrics::Format::open_metrics : metrics::Format::prometheus;
    const auto status = ask<control::StatusResponse>(arguments, control::StatusRequest{});
    if (!status) {
        console.out << metrics::text_without_agent(format) << std::flush;
        return console.fail(false, status.error().status, status.error().text);
    }
    console.out << metrics::text_of(status->content, format);
    return console.written();
}

}  // namespace understudy::cli
