#include "agent/host/runner.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>

#include "agent/config/parse.hpp"
#include "agent/host/boot_clock.hpp"
#include "agent/host/hook_runs.hpp"
#include "agent/host/privileges.hpp"
#include "agent/host/signals.hpp"
#include "agent/host/spare_runner.hpp"
#include "base/system_error.hpp"
#include "checks/probes/attempts.hpp"
#include "checks/probes/channel.hpp"
#include "checks/probes/command.hpp"
#include "checks/probes/prober.hpp"
#include "checks/probes/script.hpp"
#include "checks/probes/systemd_bus.hpp"
#include "checks/probes/unit.hpp"
#include "checks/probes/wire.hpp"

namespace understudy::host {

namespace {

using checks::Attempt;
using checks::Finish;
using checks::Outcome;

// A prober that dies at once would otherwise be started as fast as the machine can.
constexpr Duration restart_pause = std::chrono::milliseconds{200};
constexpr auto longest_death = std::chrono::seconds{2};

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

// The configuration, by the numbers that orders have.
struct Numbered {
    core::AgentSettings agent;
    std::map<std::uint32_t, core::ServiceSettings> services;
    std::map<std::uint32_t, checks::CheckSettings> checks;
    std::uint32_t configuration = 0;

    Numbered() = default;
    Numbered(core::Configuration&& from, std::istream& numbers, std::uint32_t number)
        : agent(std::move(from.agent)), configuration(number) {
        std::uint32_t next = 0;
        for (checks::CheckSettings& check : from.checks) {
            numbers >> next;
            checks.emplace(next, std::move(check));
        }
        for (core::ServiceSettings& service : from.services) {
            numbers >> next;
            services.emplace(next, std::move(service));
        }
    }
};

std::string content_of(int file) {
    std::string text;
    std::array<char, 65536> part{};
    for (off_t at = 0;;) {
        const ssize_t size = pread(file, part.data(), part.size(), at);
        if (size <= 0) {
            return text;
        }
        text.append(part.data(), static_cast<std::size_t>(size));
        at += size;
    }
}

// The heartbeat is spared when the kernel runs out of memory; what it starts is not, least of all
// what a hook or a service needs. Raising the score needs no right.
void be_killed_before_the_agent() {
    constexpr const char* path = "/proc/self/oom_score_adj";
    int score = 0;
    if (std::ifstream{path} >> score && score < 0) {
        std::ofstream{path} << 0;
    }
}

checks::ProberUser prober_user(const std::string& script_user) {
    const auto account = may_change_user() ? account_of_prober(script_user) : std::nullopt;
    return account ? checks::ProberUser{true, account->uid, account->gid} : checks::ProberUser{};
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
          prober_(context_),
          retirement_(context_),
          pause_(context_),
          burial_(context_) {}

    void run() {
        keep_spare();
        channel_.listen([this](std::span<const std::byte> packet) { obey(packet); },
                        [this] { context_.stop(); });
        context_.run();
        if (prober_pid_ > 0) {
            kill(prober_pid_, SIGKILL);
        }
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
                replace_prober();
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

    // --- the prober ------------------------------------------------------------------------------

    void configure(std::uint32_t number);
    void start_prober(const std::string& why);
    void start_next_prober();
    void replace_prober();
    void leave_prober();
    void wait_for_retirement(int fd);
    void prober_retired(std::uint32_t for_configuration);
    void prober_ended();

    RunnerPlace place_;
    Numbered numbered_;
    boost::asio::io_context context_{1};
    checks::Channel channel_;
    std::size_t next_set_ = 0;
    checks::SystemdBus bus_;
    checks::Attempts attempts_;
    HookRuns hooks_;
    boost::asio::posix::stream_descriptor spare_;  // a pidfd
    boost::asio::steady_timer spare_pause_;
    boost::asio::posix::stream_descriptor prober_;  // a pidfd
    pid_t prober_pid_ = -1;
    boost::asio::posix::stream_descriptor retirement_;  // from it
    bool starting_ = false;                             // the next one, after a pause
    std::optional<std::uint32_t> wanted_;  // a prober for this configuration, which is not here yet
    boost::asio::steady_timer pause_;
    boost::asio::steady_timer burial_;
};

// What runs goes on with what it was started with.
void Runner::configure(std::uint32_t number) {
    const FileDescriptor file{channel_.take_file()};
    const std::string text = file.is_open() ? content_of(file.get()) : "";
    const auto end = std::min(text.find('\0'), text.size());
    config::Result read = config::parse_text("config", text.substr(0, end), "");
    if (!read.configuration) {
        std::cerr << "understudyd: runner: the configuration is not understood\n";
        return;
    }
    if (const std::string error = keep_runner_rights(*read.configuration); !error.empty()) {
        std::cerr << "understudyd: runner: " << error << '\n';
    }
    std::istringstream numbers(text.substr(std::min(end + 1, text.size())));
    numbered_ = Numbered{std::move(*read.configuration), numbers, number};
    const bool first = prober_pid_ < 0 && !starting_ && !numbered_.checks.empty();
    if (first || (wanted_ && *wanted_ <= number)) {
        start_next_prober();
    }
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

void Runner::start_next_prober() {
    wanted_.reset();
    start_prober("");
}

// Its end starts the next one. One that cannot be killed hangs in the kernel, and is not waited
// for.
void Runner::replace_prober() {
    if (prober_pid_ <= 0) {
        return;
    }
    kill(prober_pid_, SIGKILL);
    burial_.expires_after(longest_death);
    burial_.async_wait([this, pid = prober_pid_](const boost::system::error_code& error) {
        if (!error && prober_pid_ == pid) {
            leave_prober();
            start_prober("the prober cannot be killed, since it hangs in the kernel");
        }
    });
}

// It is buried when it has ended.
void Runner::leave_prober() {
    auto old = std::make_shared<boost::asio::posix::stream_descriptor>(context_, prober_.release());
    old->async_wait(
        boost::asio::posix::stream_descriptor::wait_read,
        [old, pid = prober_pid_](const boost::system::error_code&) { waitpid(pid, nullptr, 0); });
    prober_pid_ = -1;
}

void Runner::start_prober(const std::string& why) {
    starting_ = false;
    checks::ProberTask task{numbered_.checks, numbered_.configuration,
                            prober_user(numbered_.agent.script_user),
                            place_.sockets.at(next_set_++ % place_.sockets.size())};
    const pid_t parent = getpid();
    std::array<int, 2> retirement{-1, -1};
    const pid_t pid = pipe2(retirement.data(), O_CLOEXEC) == 0 ? fork() : -1;
    if (pid == 0) {
        prctl(PR_SET_NAME, "understudy-prob");
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        // Of the runner it keeps nothing: neither its loop nor its orders.
        keep_only_descriptors({place_.probers_end, retirement[1], task.sockets.echo_v4,
                               task.sockets.echo_v6, task.sockets.arp});
        if (getppid() != parent) {
            std::_Exit(EXIT_FAILURE);
        }
        checks::run_prober(task, place_.probers_end, retirement[1]);
    }
    const int watched = pid > 0 ? static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) : -1;
    const int refusal = errno;
    ::close(retirement[1]);
    if (watched < 0) {
        std::cerr << system_error_text("understudyd: runner: cannot start the prober", refusal) +
                         '\n';
        if (pid > 0) {
            kill(pid, SIGKILL);
            waitpid(pid, nullptr, 0);
        }
        ::close(retirement[0]);
        starting_ = true;
        pause_.expires_after(std::chrono::seconds{1});
        pause_.async_wait([this, why](const boost::system::error_code&) { start_prober(why); });
        return;
    }
    prober_pid_ = pid;
    prober_.close();
    prober_.assign(watched);
    prober_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       [this](const boost::system::error_code& error) {
                           if (!error) {
                               prober_ended();
                           }
                       });
    wait_for_retirement(retirement[0]);
    if (why.empty()) {
        return;  // it takes over what the former one has not read; nothing is lost
    }
    checks::Report report{checks::ReportKind::prober_started, 0, 0, {}};
    report.outcome.detail = why;
    channel_.send(encode(report));
}

void Runner::wait_for_retirement(int fd) {
    retirement_.close();
    retirement_.assign(fd);
    retirement_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [this](const boost::system::error_code& error) {
                               std::uint32_t configuration = 0;
                               // Without a number it has died, which is seen elsewhere.
                               if (!error && ::read(retirement_.native_handle(), &configuration,
                                                    sizeof configuration) == sizeof configuration) {
                                   prober_retired(configuration);
                               }
                           });
}

// It finishes what it has begun, and ends by itself.
void Runner::prober_retired(std::uint32_t for_configuration) {
    leave_prober();
    wanted_ = for_configuration;
    if (numbered_.configuration >= for_configuration) {
        start_next_prober();
    }
}

void Runner::prober_ended() {
    int status = 0;
    waitpid(prober_pid_, &status, 0);
    prober_pid_ = -1;
    starting_ = true;
    const std::string why =
        WIFSIGNALED(status) ? "the prober was killed by signal " + std::to_string(WTERMSIG(status))
                            : "the prober ended with status " + std::to_string(WEXITSTATUS(status));
    pause_.expires_after(restart_pause);
    pause_.async_wait([this, why](const boost::system::error_code&) { start_prober(why); });
}

}  // namespace

int run_runner(const std::string& arguments) {
    std::istringstream numbers(arguments);
    RunnerPlace place;
    numbers >> place.orders >> place.probers_end;
    for (checks::RawDescriptors& set : place.sockets) {
        numbers >> set.echo_v4 >> set.echo_v6 >> set.arp;
    }
    if (!numbers || place.orders < 0 || place.probers_end < 0) {
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
