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
    // How long a check may take is configured where the agent is; it answers when the run ends, or
    // when its prober should have said so.
    const auto run = ask<control::CheckRunResponse>(
        arguments, control::CheckRunRequest{arguments.operands.front()}, Patience::agents);
    if (!run) {
        return console.fail(arguments.json, run.error().status, run.error().text);
    }
    console.out << (arguments.json ? run->line + '\n'
                                   : present_check_run(run->content, console.colours));
    const int status = console.written();
    return run->content.passed ? status : exit_failed;
}

}  // namespace understudy::cli
