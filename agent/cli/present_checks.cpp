#include "agent/cli/present_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "agent/cli/console.hpp"
#include "agent/cli/present.hpp"
#include "agent/control/json.hpp"

namespace understudy::cli {

namespace {

using control::CheckState;
using control::CheckStatus;

std::string painted(CheckState state, const std::string& text, bool colours) {
    const char* colour = state == CheckState::up     ? "\x1b[32m"
                         : state == CheckState::down ? "\x1b[31m"
                                                     : "\x1b[33m";
    return colours ? colour + text + "\x1b[0m" : text;
}

// One for the heading, and then one for each check; the texts in them are harmless.
using CheckRow = std::vector<std::string>;
constexpr std::size_t check_state_column = 2;

// Columns as wide as their widest cell; the last one ends where its text ends.
std::string table(const std::vector<CheckRow>& rows, const std::vector<CheckStatus>& checks,
                  bool colours) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const CheckRow& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    std::string text;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
            const std::string cell = fmt::format("{:<{}}  ", rows[r][i], widths[i]);
            text += i == check_state_column && r > 0 ? painted(checks[r - 1].state, cell, colours)
                                                     : cell;
        }
        text += rows[r].back() + '\n';
    }
    return text;
}

// Nothing for a step that did not happen.
std::string timing_lines(const control::CheckTimings& timings) {
    std::string text;
    const auto line = [&](const char* step, const std::optional<Duration>& time) {
        if (time) {
            text += fmt::format("  {:<12}  {:>10.3f} ms\n", step,
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

// Every line that was said is indented, so that none of it looks like a line of ours. Line ends of
// network protocols and tabs are usual, and no reason for a '?'.
std::string said(const std::string& output) {
    std::string text = "output:\n";
    bool line_begins = true;
    for (std::size_t i = 0; i < output.size(); ++i) {
        if (output[i] == '\r' && i + 1 < output.size() && output[i + 1] == '\n') {
            continue;
        }
        if (line_begins && output[i] != '\n') {
            text += "  ";
        }
        line_begins = output[i] == '\n';
        text += output[i] == '\t' ? ' ' : output[i];
    }
    return harmless_text(text) + (line_begins ? "" : "\n");
}

}  // namespace

std::string present_checks(const std::vector<CheckStatus>& checks, TimePoint now, bool colours) {
    if (checks.empty()) {
        return "no checks are configured\n";
    }
    std::vector<CheckRow> rows = {{"CHECK", "TYPE", "STATE", "FOR", "RUNS", "FAILURES", "DETAIL"}};
    for (const CheckStatus& check : checks) {
        rows.push_back(
            {harmless(check.name), harmless(check.type), std::string{control::name_of(check.state)},
             // A clock that was set back since then shows as "now".
             in_words(std::max(now - check.since, Duration::zero())), std::to_string(check.runs),
             std::to_string(check.failures), harmless(check.detail)});
    }
    return table(rows, checks, colours);
}

std::string present_check_states(const std::vector<CheckStatus>& checks, bool colours) {
    std::vector<CheckRow> rows = {{"CHECK", "TYPE", "STATE", "DETAIL"}};
    for (const CheckStatus& check : checks) {
        rows.push_back({harmless(check.name), harmless(check.type),
                        std::string{control::name_of(check.state)}, harmless(check.detail)});
    }
    return table(rows, checks, colours);
}

std::string present_check_run(const control::CheckRunResponse& run, bool colours) {
    const std::string outcome = painted(run.passed ? CheckState::up : CheckState::down,
                                        run.passed ? "passed" : "failed", colours);
    std::string text = fmt::format("{} ({}): {}{}{}\n", harmless(run.check), harmless(run.type),
                                   outcome, run.detail.empty() ? "" : ": ", harmless(run.detail));
    text += timing_lines(run.timings);
    if (!run.output.empty()) {
        text += said(run.output);
    }
    return text + fmt::format("the check is {} since {}; this run does not count\n",
                              painted(run.status.state,
                                      std::string{control::name_of(run.status.state)}, colours),
                              control::format_utc(WallTime{run.status.since.time_since_epoch()}));
}

}  // namespace understudy::cli
