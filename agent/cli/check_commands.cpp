// check list and check run.
#include <chrono>

#include "agent/cli/commands.hpp"
#include "agent/cli/present_checks.hpp"
#include "agent/cli/question.hpp"

namespace understudy::cli {

int run_check_list(const Arguments& arguments, const Console& console) {
    const auto list = ask<control::CheckListResponse>(arguments, control::CheckListRequest{});
    if (!list) {
        return console.fail(arguments.json, list.error().status, list.error().text);
    }
    const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
    console.out << (arguments.json
                        ? list->line + '\n'
                        : present_checks(list->content.checks, TimePoint{now.time_since_epoch()},
                                         console.colours));
    return console.written();
}

int run_check_run(const Arguments& arguments, const Console& console) {
    // The agent answers when the run ends, at the latest after the timeout of the check (1 h).
    Arguments patient = arguments;
    patient.patience = std::chrono::hours{2};
    const auto run = ask<control::CheckRunResponse>(
        patient, control::CheckRunRequest{arguments.operands.front()});
    if (!run) {
        return console.fail(arguments.json, run.error().status, run.error().text);
    }
    console.out << (arguments.json ? run->line + '\n'
                                   : present_check_run(run->content, console.colours));
    const int status = console.written();
    return run->content.passed ? status : exit_failed;
}

}  // namespace understudy::cli
