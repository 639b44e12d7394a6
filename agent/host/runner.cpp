#include "agent/host/runner.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>

#include "agent/config/numbered.hpp"
#include "agent/host/boot_clock.hpp"
#include "agent/host/hook_runs.hpp"
#include "agent/host/privileges.hpp"
#include "agent/host/prober_keeper.hpp"
#include "agent/host/signals.hpp"
#include "agent/host/spare_runner.hpp"
#include "base/system_error.hpp"
#include "checks/processes/attempts.hpp"
#include "checks/processes/channel.hpp"
#include "checks/processes/command.hpp"
#include "checks/processes/script.hpp"
#include "checks/processes/systemd_bus.hpp"
#include "checks/processes/unit.hpp"
#include "checks/processes/wire.hpp"

namespace understudy::host {

namespace {

using checks::Attempt;
using checks::Finish;
using checks::Outcome;

// A start or stop by command; what ends well has nothing to tell.
class ServiceCommand : public Attempt {
public:
    ServiceCommand(boost::asio::io_context& context, const checks::CommandSpec& spec, Finish finish)
        : finish_(std::move(finish)),
          command_(context, spec, [this](const checks::CommandResult& result) {
              Outcome outcome;
              outcome.passed = result.error.empty() && result.exit_code == 0;
              outcome.detail = words_for(result);
              const Finish done = std::move(finish_);
              done(std::move(outcome));
          }) {}
    std::string progress() const override { return "the command still runs"; }
    bool expire() override {
        command_.expire();
        return true;
    }

private:
    static std::string words_for(const checks::CommandResult& result) {
        if (!result.error.empty()) {
            return result.error;
        }
        const std::string line = result.output.substr(0, result.output.find('\n'));
        return (result.signal != 0 ? "killed by signal " + std::to_string(result.signal)
                                   : "exit status " + std::to_string(result.exit_code)) +
               (line.empty() ? "" : ": " + line);
    }

    Finish finish_;
    checks::Command command_;
};

// A start or stop by the service manager.
class UnitJob : public Attempt {
public:
    UnitJob(checks::SystemdBus& bus, const std::string& unit, bool start, Finish finish)
        : bus_(bus), finish_(std::move(finish)) {
        const auto told = [this, unit](const checks::SystemdBus::Answer& answer) {
            Outcome outcome;
            outcome.passed = answer.error.empty() && answer.result == "done";
            outcome.detail = answer.error.empty() ? unit + ": job " + answer.result : answer.error;
            const Finish done = std::move(finish_);
            done(std::move(outcome));
        };
        ticket_ = start ? bus_.start_unit(unit, told) : bus_.stop_unit(unit, told);
    }
    ~UnitJob() override { bus_.forget(ticket_); }
    std::string progress() const override { return "waiting for the service manager"; }

private:
    checks::SystemdBus& bus_;
    Finish finish_;
    checks::SystemdBus::Ticket ticket_ = 0;
};

// The heartbeat is spared when the kernel runs out of memory; what it starts is not, least of all
// what a hook or a service needs. Raising the score needs no right.
void be_killed_before_the_agent() {
    constexpr const char* path = "/proc/self/oom_score_adj";
    int score = 0;
    if (std::ifstream{path} >> score && score < 0) {
        std::ofstream{path} << 0;
    }
}

std::optional<Account> prober_user(const std::string& script_user) {
    return may_change_user() ? account_of_prober(script_user) : std::nullopt;
}

class Runner {
public:
    // Knows nothing before the first configuration comes.
    explicit Runner(const RunnerPlace& place)
        : place_(place),
          channel_(context_, place.orders),
          bus_(context_),
          attempts_(context_,
                    [this](const checks::Report& report) { channel_.send(encode(report)); }),
          hooks_(context_, [this](const checks::Report& report) { channel_.send(encode(report)); }),
          spare_(context_),
          spare_pause_(context_),
          prober_(context_, place_,
                  [this](const checks::Report& report) { channel_.send(encode(report)); }) {}

    void run() {
        keep_spare();
        channel_.listen([this](std::span<const std::byte> packet) { obey(packet); },
                        [this] { context_.stop(); });
        context_.run();
        prober_.kill();
    }

private:
    void obey(std::span<const std::byte> packet) {
        if (const auto hook = checks::decode_hook_order(packet)) {
            hooks_.run(*hook, numbered_.agent.script_user);
            return;
        }
        const auto order = checks::decode_order(packet);
        if (!order) {
            return;
        }
        switch (order->kind) {
            case checks::OrderKind::run_check:
                run_check(*order);
                break;
            case checks::OrderKind::start_service:
            case checks::OrderKind::stop_service:
                run_service(*order);
                break;
            case checks::OrderKind::restart_prober:
                prober_.replace();
                break;
            case checks::OrderKind::configure:
                configure(order->index);
                break;
            case checks::OrderKind::retire_prober:
            case checks::OrderKind::run_hook:
                break;  // not one of these
        }
    }

    void run_check(const checks::Order& order) {
        const auto found = numbered_.checks.find(order.index);
        if (found == numbered_.checks.end()) {
            return;
        }
        const checks::CheckSettings& check = found->second;
        if (checks::run_by_runner(check.question)) {
            attempts_.run(order, checks::ReportKind::check_finished, check.timeout,
                          [&](Finish finish) { return start(check.question, std::move(finish)); });
        }
    }

    std::unique_ptr<Attempt> start(const checks::Question& question, Finish finish) {
        if (const auto* unit = std::get_if<checks::Unit>(&question)) {
            return checks::start_unit_check(bus_, *unit, std::move(finish));
        }
        return checks::start_script(context_, std::get<checks::Script>(question),
                                    numbered_.agent.script_user, std::move(finish));
    }

    void run_service(const checks::Order& order) {
        const auto found = numbered_.services.find(order.index);
        if (found == numbered_.services.end()) {
            return;
        }
        const core::ServiceSettings& service = found->second;
        const bool start = order.kind == checks::OrderKind::start_service;
        const std::vector<std::string>& command = start ? service.start : service.stop;
        if (service.unit.empty() && command.empty()) {
            checks::Report report{checks::ReportKind::command_finished, order.index, order.run, {}};
            report.outcome.passed = true;  // there is nothing to do
            channel_.send(encode(report));
            return;
        }
        attempts_.run(
            order, checks::ReportKind::command_finished,
            start ? service.start_timeout : service.stop_timeout,
            [&](Finish finish) -> std::unique_ptr<Attempt> {
                if (!service.unit.empty()) {
                    return std::make_unique<UnitJob>(bus_, service.unit, start, std::move(finish));
                }
                return std::make_unique<ServiceCommand>(
                    context_,
                    checks::CommandSpec{command, numbered_.agent.script_user, checks::Tree::left},
                    std::move(finish));
            });
    }

    void keep_spare();

    void configure(std::uint32_t number);

    RunnerPlace place_;
    config::Numbered numbered_;
    boost::asio::io_context context_{1};
    checks::Channel channel_;
    checks::SystemdBus bus_;
    checks::Attempts attempts_;
    HookRuns hooks_;
    boost::asio::posix::stream_descriptor spare_;  // a pidfd
    boost::asio::steady_timer spare_pause_;
    ProberKeeper prober_;
};

// What runs goes on with what it was started with.
void Runner::configure(std::uint32_t number) {
    FileDescriptor text{channel_.take_file()};
    auto numbered = config::read_numbered(text.get(), number);
    if (!numbered) {
        std::cerr << "understudyd: runner: the configuration is not understood\n";
        return;
    }
    numbered_ = std::move(*numbered);
    if (const std::string error = keep_runner_rights(numbered_.services); !error.empty()) {
        std::cerr << "understudyd: runner: " << error << '\n';
    }
    prober_.configure({std::move(text), number, prober_user(numbered_.agent.script_user)},
                      !numbered_.checks.empty());
}

// Its parent buries it.
void Runner::keep_spare() {
    const pid_t pid = start_spare(place_, [](const RunnerPlace& place) {
        prctl(PR_SET_NAME, "understudy-run");
        Runner{place}.run();
    });
    const int watched = pid > 0 ? static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) : -1;
    spare_.close();
    const auto again = [this] {
        spare_pause_.expires_after(std::chrono::seconds{1});
        spare_pause_.async_wait([this](const boost::system::error_code&) { keep_spare(); });
    };
    if (watched < 0) {
        again();
        return;
    }
    spare_.assign(watched);
    spare_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [again](const boost::system::error_code& error) {
                          if (!error) {
                              again();
                          }
                      });
}

}  // namespace

int run_runner(const std::string& arguments) {
    std::istringstream numbers(arguments);
    RunnerPlace place;
    numbers >> place.orders >> place.probers_end >> place.prober_program;
    for (checks::RawDescriptors& set : place.sockets) {
        numbers >> set.echo_v4 >> set.echo_v6 >> set.arp;
    }
    if (!numbers || place.orders < 0 || place.probers_end < 0 || place.prober_program < 0) {
        std::cerr << "understudyd: --runner is for understudyd itself\n";
        return EXIT_FAILURE;
    }
    for (const int fd : place.descriptors()) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    keep_only_descriptors(place.descriptors());
    prctl(PR_SET_NAME, "understudy-run");
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    setpriority(PRIO_PROCESS, 0, 0);  // what it starts does not go before everybody else
    be_killed_before_the_agent();
    // What is meant for the agent comes to the whole group at times. The agent still needs this
    // process to stop; it ends with the agent.
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
        std::signal(signal, SIG_IGN);
    }
    unblock_signals();
    place.started = boot_now();
    Runner{place}.run();
    return EXIT_SUCCESS;
}

}  // namespace understudy::host
