// understudy-prober: what the runner executes to ask the network. It is a program of its own so
// that the libraries that parse what strangers answer are mapped here, and not in the process that
// holds the addresses.
#include <sys/prctl.h>

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>

#include "agent/config/numbered.hpp"
#include "checks/probes/prober.hpp"

namespace {

using namespace understudy;

// As agent/host/prober_start.cpp writes them.
struct Arguments {
    int channel = -1;
    int retired = -1;
    int text = -1;
    checks::ProberTask task;

    bool read(const std::string& words) {
        std::istringstream in(words);
        in >> channel >> retired >> text >> task.configuration >> task.user.changes >>
            task.user.uid >> task.user.gid >> task.sockets.echo_v4 >> task.sockets.echo_v6 >>
            task.sockets.arp;
        return !in.fail() && channel >= 0 && retired >= 0 && text >= 0;
    }
};

}  // namespace

int main(int argc, char** argv) {
    prctl(PR_SET_NAME, "understudy-prob");  // executed by a descriptor, it would have its number
    Arguments arguments;
    if (argc != 2 || !arguments.read(argv[1])) {
        std::cerr << "understudy-prober is started by understudyd\n";
        return EXIT_FAILURE;
    }
    auto numbered = config::read_numbered(arguments.text, arguments.task.configuration);
    if (!numbered) {
        std::cerr << "understudyd: prober: the configuration is not understood\n";
        return EXIT_FAILURE;
    }
    arguments.task.checks = std::move(numbered->checks);
    checks::run_prober(arguments.task, arguments.channel, arguments.retired);
}
