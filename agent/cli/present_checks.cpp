#include "agent/cli/present_checks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "agent/cli/console.hpp"
#include "agent/cli/present.hpp"

namespace understudy::cli {

namespace {

using control::CheckState;

std::string painted(CheckState state, const std::string& text, bool colours) {
    const char* colour = state == CheckState::up     ? "\x1b[32m"
                         : state == CheckState::down ? "\x1b[31m"
                                                     : "\x1b[33m";
    return colours ? colour + text + "\x1b[0m" : text;
}

std::string timing_lines(const control::CheckTimings& timings) {
    std::string text;
    const auto line = [&](const char* step, const std::optional<Duration>& time) {
        if (time) {
            text += fmt::format("  {:<13}{:>10.3f} ms\n", step,
                                static_cast<double>(time->count()) / 1000.0);
        }
    };
    line("name look-up", timings.lookup);
    line("connect", timings.connect);
    line("TLS", timings.tls);
    line("first byte", timings.first_byte);
    line("total", timings.total);
    return text;
}

std::string indented(const std::string& output) {
    std::string text = "  output:\n    ";
    for (const char c : output) {
        text += c;
        text += c == '\n' ? "    " : "";
    }
    return text.substr(0, text.find_last_not_of(" \n") + 1) + '\n';
}

}  // namespace

std::string present_checks(const std::vector<control::CheckStatus>& checks, TimePoint now,
                           bool colours) {
    if (checks.empty()) {
        return "no checks are configured\n";
    }
    std::size_t name_width = 5;
    for (const control::CheckStatus& check : checks) {
        name_width = std::max(name_width, harmless(check.name).size());
    }
    std::string text = fmt::format("{:<{}}  {:<9}  {:<7}  {:<14}  {:>8}  {:>8}  DETAIL\n", "CHECK",
                                   name_width, "TYPE", "STATE", "FOR", "RUNS", "FAILURES");
    for (const control::CheckStatus& check : checks) {
        const std::string state = fmt::format("{:<7}", control::name_of(check.state));
        text += fmt::format("{:<{}}  {:<9}  {}  {:<14}  {:>8}  {:>8}  {}\n", harmless(check.name),
                            name_width, harmless(check.type), painted(check.state, state, colours),
                            in_words(std::max(now - check.since, Duration::zero())), check.runs,
                            check.failures, harmless(check.detail));
    }
    return text;
}

std::string present_check_run(const control::CheckRunResponse& run, bool colours) {
    std::string text = fmt::format("{} ({}): {}: {}\n", harmless(run.check), harmless(run.type),
                                   painted(run.passed ? CheckState::up : CheckState::down,
                                           run.passed ? "passed" : "failed", colours),
                                   harmless(run.detail));
    text += timing_lines(run.timings);
    if (!run.output.empty()) {
        text += harmless_text(indented(run.output));
    }
    return text + fmt::format("The check is {}; this run does not count.\n",
                              control::name_of(run.status.state));
}

}  // namespace understudy::cli
