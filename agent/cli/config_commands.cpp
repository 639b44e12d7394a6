// config check, which needs no agent, and config show.
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "agent/cli/commands.hpp"
#include "agent/cli/question.hpp"
#include "agent/config/cluster.hpp"
#include "agent/config/file_access.hpp"
#include "agent/config/parse.hpp"
#include "agent/config/source_here.hpp"
#include "agent/config/this_node.hpp"

namespace understudy::cli {

namespace {

using Document = nlohmann::ordered_json;

// Every file on its own; those that are valid are then held against the first of them, and that one
// against this machine if it is this node's.
config::Diagnostics check(const std::vector<std::string>& files, bool first_is_here) {
    config::Diagnostics found;
    std::vector<config::NodeFile> nodes;
    for (const std::string& file : files) {
        config::Result result = config::read_file(file);
        if (first_is_here && &file == &files.front()) {
            config::check_file_access(result);
        }
        found.insert(found.end(), result.diagnostics.begin(), result.diagnostics.end());
        if (result.configuration) {
            nodes.push_back({file, std::move(*result.configuration), std::move(result.vips),
                             std::move(result.services), std::move(result.checks),
                             std::move(result.agent)});
        }
    }
    if (first_is_here && !nodes.empty() && nodes.front().file == files.front()) {
        const config::Diagnostics missing =
            config::compare_with_machine(nodes.front(), config::this_machine());
        found.insert(found.end(), missing.begin(), missing.end());
    }
    if (nodes.size() > 1) {
        const config::Diagnostics differences = config::compare_nodes(nodes);
        found.insert(found.end(), differences.begin(), differences.end());
    }
    if (first_is_here && nodes.size() > 1 && nodes.front().file == files.front()) {
        const config::Diagnostics others =
            config::compare_sources_with_machine(nodes, config::addresses_here);
        found.insert(found.end(), others.begin(), others.end());
    }
    return found;
}

std::string document_of(const config::Diagnostics& found, bool valid) {
    Document listed = Document::array();
    for (const config::Diagnostic& diagnostic : found) {
        const bool warning = diagnostic.severity == config::Severity::warning;
        listed.push_back({{"file", diagnostic.place.file},
                          {"line", diagnostic.place.line},
                          {"column", diagnostic.place.column},
                          {"severity", warning ? "warning" : "error"},
                          {"message", diagnostic.message}});
    }
    const Document document = {{"valid", valid}, {"diagnostics", std::move(listed)}};
    return document.dump(-1, ' ', false, Document::error_handler_t::replace);
}

}  // namespace

int run_config_check(const Arguments& arguments, const Console& console) {
    const config::Diagnostics found = check(arguments.operands, arguments.this_node);
    const bool valid = !config::has_errors(found);
    if (arguments.json) {
        console.out << document_of(found, valid) << '\n';
    } else {
        for (const config::Diagnostic& diagnostic : found) {
            console.err << harmless(config::to_string(diagnostic)) << '\n';
        }
        console.out << (valid ? "valid\n" : "");
    }
    const int status = console.written();
    return valid ? status : exit_failed;
}

int run_config_show(const Arguments& arguments, const Console& console) {
    const auto config = ask<control::ConfigResponse>(arguments, control::ConfigShowRequest{});
    if (!config) {
        return console.fail(arguments.json, config.error().status, config.error().text);
    }
    console.out << (arguments.json ? config->line + '\n' : harmless_text(config->content.text));
    return console.written();
}

}  // namespace understudy::cli
