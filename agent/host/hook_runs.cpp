#include "agent/host/hook_runs.hpp"

#include <algorithm>

#include "checks/processes/words.hpp"

namespace understudy::host {

namespace {

constexpr std::size_t longest_line = 400;
constexpr std::size_t room_for_note = 80;  // at the end of a long output

}  // namespace

void HookRuns::run(const checks::HookOrder& order, const std::string& user) {
    auto& running = running_[order.run];
    running = std::make_unique<Running>(context_);
    running->limit.expires_after(order.limit);
    running->limit.async_wait([this, run = order.run](const boost::system::error_code& error) {
        if (!error) {
            expire(run);
        }
    });
    checks::CommandSpec spec;
    spec.argv = order.command;
    spec.user = user;
    spec.tree = checks::Tree::left;
    spec.environment = order.environment;
    running->command = std::make_unique<checks::Command>(
        context_, spec,
        [this, order](const checks::CommandResult& result) { finished(order, result); });
}

void HookRuns::expire(std::uint32_t run) {
    if (const auto found = running_.find(run); found != running_.end()) {
        found->second->expired = true;
        found->second->command->expire();
    }
}

void HookRuns::finished(const checks::HookOrder& order, const checks::CommandResult& result) {
    const auto node = running_.extract(order.run);
    if (node.empty()) {
        return;
    }
    checks::Report report{checks::ReportKind::hook_finished, 0, order.run, {}};
    report.outcome = outcome_of_hook(result, node.mapped()->expired, order.limit);
    tell_(report);
}

checks::Outcome outcome_of_hook(const checks::CommandResult& result, bool expired,
                                std::chrono::milliseconds limit) {
    checks::Outcome outcome;
    outcome.passed = !expired && result.error.empty() && result.exit_code == 0;
    if (!result.error.empty()) {
        outcome.detail = result.error;
    } else if (expired) {
        outcome.detail = "killed: it still ran after " + checks::milliseconds(limit);
    } else if (result.signal != 0) {
        outcome.detail = "killed by signal " + std::to_string(result.signal);
    } else if (result.exit_code != 0) {
        outcome.detail = "exit status " + std::to_string(result.exit_code);
    }
    outcome.output = result.output;
    if (result.left_out > 0) {
        const std::size_t kept =
            std::min(result.output.size(), checks::longest_output - room_for_note);
        outcome.output.resize(kept);
        outcome.output += "\n(and " +
                          std::to_string(result.left_out + result.output.size() - kept) +
                          " bytes more, which are left out)";
    }
    return outcome;
}

std::vector<std::string> output_lines(std::string_view output) {
    std::vector<std::string> lines;
    while (!output.empty()) {
        const std::size_t end = std::min(output.find('\n'), output.size());
        if (end > 0) {
            lines.push_back(checks::printable(output.substr(0, end), longest_line));
        }
        output.remove_prefix(std::min(end + 1, output.size()));
    }
    if (lines.size() > most_output_lines) {
        // The last line may say how much more there was.
        const std::string last = lines.back();
        const std::size_t left_out = lines.size() - most_output_lines;
        lines.resize(most_output_lines - 1);
        lines.push_back("(" + std::to_string(left_out) + " lines are left out)");
        lines.push_back(last);
    }
    return lines;
}

}  // namespace understudy::host
