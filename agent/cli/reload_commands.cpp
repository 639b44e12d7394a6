// reload, and config diff, which says beforehand what it would change.
#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "agent/cli/commands.hpp"
#include "agent/cli/question.hpp"
#include "agent/config/difference.hpp"
#include "agent/config/lost_routes.hpp"
#include "agent/config/parse.hpp"

namespace understudy::cli {

namespace {

void show_problems(const std::vector<control::ConfigProblem>& problems, const Console& console) {
    for (const control::ConfigProblem& problem : problems) {
        const auto severity = problem.warning ? config::Severity::warning : config::Severity::error;
        const config::Diagnostic diagnostic{
            {problem.file, problem.line, problem.column}, problem.message, severity};
        console.err << harmless(config::to_string(diagnostic)) << '\n';
    }
}

void show_changes(const control::ReloadResponse& response, const Console& console) {
    const config::Difference difference{response.changes, response.restarts};
    for (const std::string& line : config::in_words(difference, config::Values::all)) {
        console.out << harmless(line) << '\n';
    }
    for (const std::string& line : response.lost_routes) {
        console.out << "the kernel removes route " << harmless(line) << '\n';
    }
}

control::ReloadResponse compare(const core::Configuration& running, const config::Result& read,
                                const std::optional<control::HostNetwork>& network) {
    control::ReloadResponse response;
    config::Diagnostics diagnostics = read.diagnostics;
    if (read.configuration) {
        std::ranges::copy(config::remarks(running, read), std::back_inserter(diagnostics));
    }
    for (const config::Diagnostic& diagnostic : diagnostics) {
        response.problems.push_back(
            {diagnostic.place.file, diagnostic.place.line, diagnostic.place.column,
             diagnostic.severity == config::Severity::warning, diagnostic.message});
    }
    if (read.configuration) {
        config::Difference difference = config::difference(running, *read.configuration);
        response.changes = std::move(difference.changes);
        response.restarts = std::move(difference.restarts);
        if (network) {  // an older agent does not tell
            response.lost_routes = config::lost_routes(running, *read.configuration, *network);
        }
    }
    return response;
}

}  // namespace

int run_reload(const Arguments& arguments, const Console& console) {
    const auto reload =
        ask<control::ReloadResponse>(arguments, control::ReloadRequest{}, Patience::agents);
    if (!reload) {
        return console.fail(arguments.json, reload.error().status, reload.error().text);
    }
    if (arguments.json) {
        console.out << reload->line << '\n';
    } else {
        show_problems(reload->content.problems, console);
        if (reload->content.reloaded) {
            show_changes(reload->content, console);
        }
    }
    const int status = console.written();
    return reload->content.reloaded ? status : exit_failed;
}

int run_config_diff(const Arguments& arguments, const Console& console) {
    const auto shown = ask<control::ConfigResponse>(arguments, control::ConfigShowRequest{true});
    if (!shown) {
        return console.fail(arguments.json, shown.error().status, shown.error().text);
    }
    const config::Result running = config::parse_text("config", shown->content.text, "");
    if (!running.configuration) {
        return console.fail(arguments.json, exit_no_agent,
                            "the agent's configuration is not understood");
    }
    const std::string file =
        arguments.operands.empty() ? shown->content.file : arguments.operands.front();
    const config::Result read = config::read_file(file);
    const control::ReloadResponse response =
        compare(*running.configuration, read, shown->content.network);
    if (arguments.json) {
        console.out << control::to_json(response, utc_origin) << '\n';
    } else {
        show_problems(response.problems, console);
        if (read.configuration) {
            show_changes(response, console);
        }
    }
    const int status = console.written();
    return read.configuration ? status : exit_failed;
}

}  // namespace understudy::cli
