// understudy: the command line client.
#include <csignal>
#include <iostream>

#include "agent/cli/arguments.hpp"
#include "agent/cli/commands.hpp"

int main(int argc, char** argv) {
    using namespace understudy::cli;
    std::signal(SIGPIPE, SIG_IGN);  // a closed stdout is seen as a failed write
    const auto arguments = parse_arguments({argv + 1, argv + argc});
    if (!arguments) {
        std::cerr << "understudy: " << arguments.error() << '\n';
        return exit_usage;
    }
    return run(*arguments);
}
