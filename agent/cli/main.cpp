// understudy: the command line client.
#include <csignal>
#include <exception>

#include "agent/cli/arguments.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/console.hpp"

int main(int argc, char** argv) {
    using namespace understudy::cli;
    std::signal(SIGPIPE, SIG_IGN);  // a closed stdout is seen as a failed write
    const Console console = standard_console();
    bool json = false;
    try {
        const auto arguments = parse_arguments({argv + (argc > 0 ? 1 : 0), argv + argc});
        if (!arguments) {
            return console.fail(arguments.error().json, exit_usage, arguments.error().text);
        }
        json = arguments->json;
        return run(*arguments, console);
    } catch (const std::exception& error) {
        return console.fail(json, exit_failed, error.what());
    }
}
