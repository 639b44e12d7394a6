#include "agent/cli/commands.hpp"

#include <unistd.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent/cli/connection.hpp"
#include "agent/cli/present.hpp"
#include "agent/config/cluster.hpp"
#include "agent/config/parse.hpp"
#include "agent/control/json.hpp"

namespace understudy::cli {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds usual_patience{5000};

int fail(const Arguments& arguments, int status, const std::string& text) {
    if (arguments.json) {
        std::cout << json{{"error", text}}.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
    } else {
        std::cerr << "understudy: " << text << '\n';
    }
    return status;
}

int written() {
    std::cout.flush();
    return std::cout ? exit_done : exit_failed;
}

// The agent's word that it could not; nothing if the answer is no error.
std::optional<int> failed(const Arguments& arguments, const std::string& answer) {
    const json document = json::parse(answer, nullptr, false);
    if (!document.is_object()) {
        return fail(arguments, exit_no_agent, "the agent's answer is not understood");
    }
    const auto error = document.find("error");
    if (error == document.end()) {
        return std::nullopt;
    }
    const bool usage = document.value("usage", false);
    return fail(arguments, usage ? exit_usage : exit_failed,
                error->is_string() ? error->get<std::string>() : "the agent reports an error");
}

// Asks, and gives the answer to `show`.
template <class Show>
int ask(const Arguments& arguments, const control::Request& request, milliseconds patience,
        const Show& show) {
    auto connection = Connection::open(arguments.runtime_dir);
    if (!connection) {
        return fail(arguments, exit_no_agent, connection.error());
    }
    if (!connection->send(control::to_json(request))) {
        return fail(arguments, exit_no_agent, "the agent has gone");
    }
    const auto answer = connection->receive(patience);
    if (!answer) {
        return fail(arguments, exit_no_agent, "the agent does not answer");
    }
    if (const auto status = failed(arguments, *answer)) {
        return *status;
    }
    if (arguments.json) {
        std::cout << *answer << '\n';
    } else {
        show(*answer);
    }
    return written();
}

std::string operand(const Arguments& arguments) {
    return arguments.operands.empty() ? std::string{} : arguments.operands.front();
}

int status(const Arguments& arguments) {
    const bool redraws = arguments.watch && !arguments.json && isatty(STDOUT_FILENO) == 1;
    while (true) {
        const int result = ask(arguments, control::StatusRequest{operand(arguments)}, usual_patience,
                               [&](const std::string& answer) {
                                   std::cout << (redraws ? "\x1b[H\x1b[2J" : "")
                                             << present_status(answer, wants_colour());
                               });
        if (!arguments.watch || result != exit_done) {
            return result;
        }
        std::this_thread::sleep_for(milliseconds{1000});
    }
}

int why(const Arguments& arguments) {
    return ask(arguments, control::WhyRequest{operand(arguments)}, usual_patience,
               [](const std::string& answer) { std::cout << present_why(answer); });
}

void show_done(const std::string& answer) {
    std::cout << json::parse(answer).value("done", "done") << '\n';
}

int failover(const Arguments& arguments) {
    const bool shows_progress = !arguments.json && isatty(STDERR_FILENO) == 1;
    if (shows_progress) {
        std::cerr << "waiting for a peer to take over ..." << std::flush;
    }
    const auto timeout = std::chrono::ceil<milliseconds>(arguments.timeout);
    const int result = ask(arguments, control::FailoverRequest{operand(arguments), arguments.timeout},
                           timeout + usual_patience, [&](const std::string& answer) {
                               std::cerr << (shows_progress ? "\r\x1b[K" : "");
                               show_done(answer);
                           });
    return result;
}

// The first answer has what was kept; with --follow a line for each later event comes after it.
int events(const Arguments& arguments) {
    auto connection = Connection::open(arguments.runtime_dir);
    if (!connection) {
        return fail(arguments, exit_no_agent, connection.error());
    }
    connection->send(control::to_json(control::EventsRequest{arguments.follow}));
    const auto answer = connection->receive(usual_patience);
    if (!answer) {
        return fail(arguments, exit_no_agent, "the agent does not answer");
    }
    if (const auto result = failed(arguments, *answer)) {
        return *result;
    }
    if (arguments.json && !arguments.follow) {
        std::cout << *answer << '\n';
        return written();
    }
    const auto show = [&](const std::string& event) {
        std::cout << (arguments.json ? event + '\n' : present_event(event)) << std::flush;
    };
    const auto document = nlohmann::ordered_json::parse(*answer, nullptr, false);
    for (const auto& event : document.value("events", nlohmann::ordered_json::array())) {
        show(event.dump());
    }
    while (arguments.follow && std::cout) {
        const auto event = connection->receive(std::nullopt);
        if (!event) {
            return fail(arguments, exit_no_agent, "the agent has gone");
        }
        show(*event);
    }
    return written();
}

int config_show(const Arguments& arguments) {
    return ask(arguments, control::ConfigShowRequest{}, usual_patience,
               [](const std::string& answer) { std::cout << json::parse(answer).value("config", ""); });
}

int config_check(const Arguments& arguments) {
    config::Diagnostics found;
    std::vector<config::NodeFile> nodes;
    for (const std::string& file : arguments.operands) {
        config::Result result = config::read_file(file);
        found.insert(found.end(), result.diagnostics.begin(), result.diagnostics.end());
        if (result.configuration) {
            nodes.push_back({file, std::move(*result.configuration), std::move(result.vips)});
        }
    }
    if (nodes.size() > 1) {
        const auto differences = config::compare_nodes(nodes);
        found.insert(found.end(), differences.begin(), differences.end());
    }
    json listed = json::array();
    for (const config::Diagnostic& diagnostic : found) {
        std::cerr << config::to_string(diagnostic) << '\n';
        const bool warning = diagnostic.severity == config::Severity::warning;
        listed.push_back({{"file", diagnostic.place.file},
                          {"line", diagnostic.place.line},
                          {"column", diagnostic.place.column},
                          {"severity", warning ? "warning" : "error"},
                          {"message", diagnostic.message}});
    }
    const bool valid = !config::has_errors(found);
    if (arguments.json) {
        const json document{{"valid", valid}, {"diagnostics", std::move(listed)}};
        std::cout << document.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
    } else if (valid) {
        std::cout << "valid\n";
    }
    const int status = written();
    return valid ? status : exit_failed;
}

}  // namespace

int run(const Arguments& arguments) {
    switch (arguments.command) {
        case Command::help:
            std::cout << help_text();
            return written();
        case Command::version:
            std::cout << "understudy " UNDERSTUDY_VERSION "\n";
            return written();
        case Command::status:
            return status(arguments);
        case Command::why:
            return why(arguments);
        case Command::failover:
            return failover(arguments);
        case Command::takeover:
            return ask(arguments, control::TakeoverRequest{operand(arguments), arguments.force},
                       usual_patience, show_done);
        case Command::failback:
            return ask(arguments, control::FailbackRequest{operand(arguments)}, usual_patience,
                       show_done);
        case Command::events:
            return events(arguments);
        case Command::config_check:
            return config_check(arguments);
        case Command::config_show:
            return config_show(arguments);
    }
    return exit_usage;
}

}  // namespace understudy::cli
