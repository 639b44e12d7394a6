// understudyd: the agent.
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <csignal>
#include <expected>
#include <filesystem>
#include <iostream>
#include <memory>
#include <stdexcept>

#include "agent/config/file_access.hpp"
#include "agent/host/journal.hpp"
#include "agent/host/loop.hpp"
#include "agent/host/packet_rules.hpp"
#include "agent/host/packet_sockets.hpp"
#include "agent/host/privileges.hpp"
#include "agent/host/release.hpp"
#include "agent/host/rule_keeper.hpp"
#include "agent/host/runner.hpp"
#include "agent/host/runtime_dir.hpp"
#include "agent/host/signals.hpp"
#include "base/version.hpp"

namespace {

namespace po = boost::program_options;
using namespace understudy;
using core::LogLevel;

constexpr int done = 0;
constexpr int failed = 1;
constexpr int usage = 2;
// EX_CONFIG of sysexits(3): an invalid configuration at the start. The unit does not try again.
constexpr int invalid_configuration = 78;
// The unit knows it: what comes next is another start, so nothing is released.
constexpr int left_to_the_next = 75;
// A start that fails ends with a status of sysexits.h, which tells the unit whether another attempt
// may help: no after EX_CONFIG (78) and EX_NOPERM (77), perhaps after EX_OSERR (71).

// Texts, because Program_options reads a path only as far as its first blank.
struct Options {
    std::string config = "/etc/understudy/understudy.conf";
    std::string runtime_dir = "/run/understudy";
    bool check = false;
    bool release = false;
    bool open_sockets = false;
    std::string runner;
};

po::options_description description(Options& options) {
    po::options_description text("understudyd [options]");
    text.add_options()(
        "config", po::value(&options.config)->value_name("FILE")->default_value(options.config),
        "the configuration")(
        "runtime-dir",
        po::value(&options.runtime_dir)->value_name("DIR")->default_value(options.runtime_dir),
        "where the control socket is")("check", po::bool_switch(&options.check),
                                       "validate the configuration, and exit")(
        "release", po::bool_switch(&options.release),
        "remove every address that a dead agent left behind, and exit")(
        "open-sockets", po::bool_switch(&options.open_sockets),
        "leave the sockets that the agent may not open with the service manager, and exit")(
        "version", "print the version, and exit")("help", "print this, and exit");
    return text;
}

// The configuration, or every problem on stderr.
std::optional<core::Configuration> load(const std::filesystem::path& file,
                                        config::Severity if_others_may_change) {
    config::Result result = config::read_file(file);
    config::check_file_access(result, if_others_may_change);
    for (const config::Diagnostic& diagnostic : result.diagnostics) {
        std::cerr << config::to_string(diagnostic) << '\n';
    }
    return std::move(result.configuration);
}

int release(const Options& options) {
    if (const std::string missing = host::missing_capability(); !missing.empty()) {
        std::cerr << "understudyd: " << missing << ": nothing is released\n";
        return failed;
    }
    // A living agent would put back what is taken from it, and be without its rules.
    const auto lock = std::filesystem::exists(options.runtime_dir)
                          ? host::claim_runtime_dir(options.runtime_dir)
                          : host::FileDescriptor{};
    if (!lock) {
        std::cerr << "understudyd: " << lock.error() << ": nothing is released\n";
        return failed;
    }
    const std::size_t count = host::release_everything();
    host::remove_packet_rules();
    std::cout << "released " << count << (count == 1 ? " address\n" : " addresses\n");
    return done;
}

// A page fault on a busy disk must not delay a heartbeat. Only where the limit allows any amount:
// with a finite one, the allocation that exceeds it later would fail.
void lock_memory() {
    rlimit limit{};
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY) {
        mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
    }
}

// As the unit has it, for those who start the agent without it: a heartbeat is short, and its delay
// is an outage. Only root may; others go on as they are.
void go_first() {
    constexpr int niceness = -10;
    setpriority(PRIO_PROCESS, 0, niceness);
}

// Why there is no agent: with which status this process ends.
struct Refusal {
    int status = EX_OSERR;
    std::string why;
};

// The loop ends before the rules that it arms, and both before another agent may claim the
// directory.
struct Agent {
    host::FileDescriptor lock;
    std::unique_ptr<host::RuleKeeper> rules;
    std::unique_ptr<host::Loop> loop;
};

using Start = std::expected<Agent, Refusal>;

// The agent, ready to run. Throws what the kernel refuses.
Start start_agent(const Options& options) {
    auto configuration = load(options.config, config::Severity::error);
    if (!configuration) {
        return std::unexpected(Refusal{EX_CONFIG, ""});  // load() has written all the problems
    }
    std::string missing = host::missing_capability();
    if (missing.empty()) {
        missing = host::missing_right_for(*configuration, host::may_change_user());
    }
    if (!missing.empty()) {
        return std::unexpected(Refusal{EX_NOPERM, missing});
    }
    auto claimed = host::claim_runtime_dir(options.runtime_dir);
    if (!claimed) {
        return std::unexpected(Refusal{EX_OSERR, claimed.error()});
    }
    Agent agent;
    agent.lock = std::move(*claimed);
    std::signal(SIGPIPE, SIG_IGN);
    // Before there are threads, sockets, and timers.
    // Also without anything to run: a reload may bring it.
    host::HandedSockets handed = host::take_handed_sockets();
    host::RunnerEnds runner = host::start_runner(*configuration, handed.probers);
    go_first();
    host::block_signals();
    host::start_journal(configuration->agent.log_level);
    const std::size_t vips = configuration->vips.size();
    host::write_line(LogLevel::info, "understudyd " + program_version() + " starts as " +
                                         configuration->agent.name + " with " +
                                         std::to_string(vips) + (vips == 1 ? " VIP" : " VIPs"));
    agent.rules = std::make_unique<host::RuleKeeper>(*configuration);
    if (const std::string trouble = agent.rules->status().trouble; !trouble.empty()) {
        host::write_line(LogLevel::warn, trouble);
    }
    agent.loop = std::make_unique<host::Loop>(
        std::move(*configuration), std::filesystem::absolute(options.config), options.runtime_dir,
        std::move(runner), host::open_packet_sockets(std::move(handed.heartbeat)),
        agent.rules.get());
    if (const std::string error = host::drop_privileges(); !error.empty()) {
        host::write_line(LogLevel::warn, error);
    }
    // Reading the configuration took more memory than is kept, and the rest may be locked now.
    malloc_trim(0);
    lock_memory();
    agent.loop->start();
    return agent;
}

Start start(const Options& options) {
    try {
        return start_agent(options);
    } catch (const host::ConfigurationError& error) {
        return std::unexpected(Refusal{EX_CONFIG, error.what()});
    } catch (const std::exception& error) {
        return std::unexpected(Refusal{EX_OSERR, error.what()});
    }
}

int run(const Options& options) {
    auto agent = start(options);
    if (!agent) {
        host::stop_journal();
        if (!agent.error().why.empty()) {
            std::cerr << "understudyd: " << agent.error().why << '\n';
        }
        return agent.error().status;
    }
    const bool left = agent->loop->run();
    agent->loop.reset();
    // After a crash or an error they stay with the addresses, which the next agent adopts.
    if (!left) {
        agent->rules->remove();
    }
    host::write_line(LogLevel::info,
                     left ? "understudyd stopped; its addresses stay for the next agent"
                          : "understudyd stopped");
    host::stop_journal();
    return left ? left_to_the_next : done;
}

int open_sockets() {
    const std::string error = host::leave_sockets_with_manager();
    if (!error.empty()) {
        std::cerr << "understudyd: " << error << '\n';
    }
    return error.empty() ? done : failed;
}

int obey(int argc, char** argv) {
    Options options;
    const po::options_description known = description(options);
    po::options_description hidden;
    hidden.add_options()("runner", po::value(&options.runner));
    po::options_description all;
    all.add(known).add(hidden);
    po::variables_map values;
    try {
        // No guessing: "--rel" is not "--release".
        const int style =
            po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
        po::store(po::command_line_parser(argc, argv)
                      .options(all)
                      .positional(po::positional_options_description{})
                      .style(style)
                      .run(),
                  values);
        po::notify(values);
    } catch (const po::error& error) {
        std::cerr << "understudyd: " << error.what() << "\n\n" << known;
        return usage;
    }
    for (const auto& [option, path] : {std::pair{"--config", &options.config},
                                       std::pair{"--runtime-dir", &options.runtime_dir}}) {
        if (path->empty()) {  // as of "$UNSET"
            std::cerr << "understudyd: " << option << ": an empty path\n\n" << known;
            return usage;
        }
    }
    if (values.contains("help")) {
        std::cout << known;
        return done;
    }
    if (values.contains("version")) {
        std::cout << "understudyd " << program_version() << "\n";
        return done;
    }
    if (values.contains("runner")) {
        return host::run_runner(options.runner);
    }
    if (options.check + options.release + options.open_sockets > 1) {
        std::cerr << "understudyd: one of --check, --release, --open-sockets\n\n" << known;
        return usage;
    }
    if (options.open_sockets) {
        return open_sockets();
    }
    if (options.check) {
        // Perhaps a draft, which is put into its place later.
        return load(options.config, config::Severity::warning) ? done : failed;
    }
    return options.release ? release(options) : run(options);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return obey(argc, argv);
    } catch (const std::exception& error) {
        understudy::host::stop_journal();
        std::cerr << "understudyd: " << error.what() << '\n';
        return failed;
    }
}
