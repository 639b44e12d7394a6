#include "checks/probes/prober.hpp"

#include <grp.h>
#include <nss.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <utility>

#include "base/overloaded.hpp"
#include "base/system_error.hpp"
#include "checks/probes/arp.hpp"
#include "checks/probes/confinement.hpp"
#include "checks/probes/curl_loop.hpp"
#include "checks/probes/dns.hpp"
#include "checks/probes/file.hpp"
#include "checks/probes/file_threads.hpp"
#include "checks/probes/http.hpp"
#include "checks/probes/icmp.hpp"
#include "checks/probes/interface.hpp"
#include "checks/probes/loaded_files.hpp"
#include "checks/probes/process.hpp"
#include "checks/probes/raw_sockets.hpp"
#include "checks/probes/resolver.hpp"
#include "checks/probes/tcp.hpp"
#include "checks/probes/tls.hpp"
#include "checks/probes/trust_stores.hpp"
#include "checks/probes/udp.hpp"
#include "checks/probes/url.hpp"
#include "checks/processes/attempts.hpp"
#include "checks/processes/capabilities.hpp"
#include "checks/processes/channel.hpp"

namespace understudy::checks {

namespace {

// Enough for every check at once; what exceeds it is a leak, and the prober is replaced.
constexpr rlim_t most_memory = rlim_t{2} << 30U;

// A file that takes longer than this counts from when it has come.
constexpr auto longest_reading = std::chrono::seconds{1};

class Prober {
public:
    Prober(const ProberTask& task, int channel, int retired)
        : task_(task),
          retired_(retired),
          channel_(context_, channel),
          farewell_(context_),
          raw_(context_),
          resolver_(context_),
          file_threads_(context_),
          files_(context_),
          curl_(context_),
          attempts_(context_, [this](const Report& report) { channel_.send(encode(report)); }) {}

    // While there are rights.
    void prepare() {
        raw_.open(task_.sockets);
        for (const auto& [number, check] : task_.checks) {
            files_.name(check.question);
        }
        files_.read(longest_reading);
    }

    void run() {
        channel_.listen([this](std::span<const std::byte> packet) { obey(packet); },
                        [this] { context_.stop(); });
        context_.run();
    }

private:
    void obey(std::span<const std::byte> packet) {
        const auto order = decode_order(packet);
        if (order && order->kind == OrderKind::retire_prober) {
            retire(order->index);
            return;
        }
        const auto found = order && order->kind == OrderKind::run_check
                               ? task_.checks.find(order->index)
                               : task_.checks.end();
        if (found == task_.checks.end()) {
            return;
        }
        const CheckSettings& check = found->second;
        attempts_.run(*order, ReportKind::check_finished, check.timeout,
                      [&](Finish finish) { return start(check.question, std::move(finish)); });
    }

    // One that was started with the newer configuration already is not meant.
    void retire(std::uint32_t configuration) {
        if (configuration <= task_.configuration) {
            return;
        }
        channel_.stop_listening();
        [[maybe_unused]] const auto size = ::write(retired_, &configuration, sizeof configuration);
        end_when_idle();
    }

    void end_when_idle() {
        if (attempts_.count() == 0) {
            context_.stop();
            return;
        }
        constexpr auto look_again = std::chrono::milliseconds{50};
        farewell_.expires_after(look_again);
        farewell_.async_wait([this](const boost::system::error_code&) { end_when_idle(); });
    }

    std::unique_ptr<Attempt> start(const Question& question, Finish finish) {
        return std::visit(
            Overloaded{
                [&](const Icmp& q) { return start_icmp(resolver_, raw_, q, finish); },
                [&](const Arp& q) { return start_arp(context_, raw_, q, finish); },
                [&](const Tcp& q) { return start_tcp(resolver_, q, finish); },
                [&](const Udp& q) { return start_udp(resolver_, q, finish); },
                [&](const Tls& q) { return start_tls(resolver_, contexts_, q, finish); },
                [&](const Http& q) { return start_http(resolver_, tools_, q, finish); },
                [&](const Dns& q) { return start_dns(resolver_, q, finish); },
                [&](const Url& q) { return start_url(resolver_, tools_, q, finish); },
                // run_by_runner(): they are never ordered here.
                [&](const Script&) { return std::unique_ptr<Attempt>{}; },
                [&](const Unit&) { return std::unique_ptr<Attempt>{}; },
                [&](const Process& q) { return start_process(file_threads_, q, finish); },
                [&](const File& q) { return start_file(file_threads_, q, finish); },
                [&](const Interface& q) { return start_interface(context_, q, finish); },
            },
            question);
    }

    const ProberTask& task_;
    int retired_;
    boost::asio::io_context context_{1};
    Channel channel_;
    boost::asio::steady_timer farewell_;
    RawSockets raw_;
    Resolver resolver_;
    FileThreads file_threads_;
    LoadedFiles files_;
    TrustStores trust_{files_};
    TlsContexts contexts_{files_, trust_};
    CurlLoop curl_;
    CurlTools tools_{curl_, files_, trust_};
    Attempts attempts_;
};

bool give_up_rights(const ProberUser& user) {
    if (user.changes &&
        (setgroups(0, nullptr) != 0 || setresgid(user.gid, user.gid, user.gid) != 0 ||
         setresuid(user.uid, user.uid, user.uid) != 0)) {
        return false;
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return reduce_capabilities(0);
}

void set_limits() {
    constexpr int niceness = 5;  // after the heartbeat, and after what is being checked
    setpriority(PRIO_PROCESS, 0, niceness);
#ifndef __SANITIZE_THREAD__  // whose own memory is more than that
    const rlimit memory{most_memory, most_memory};
    setrlimit(RLIMIT_DATA, &memory);
#endif
    const rlimit no_core{0, 0};  // it holds credentials
    setrlimit(RLIMIT_CORE, &no_core);
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

}  // namespace

void run_prober(const ProberTask& task, int channel, int retired) {
    // Names are looked up by the Resolver. Should a library want to do so itself, it finds the
    // hosts file and nothing that waits: libldap asks for the name of this machine when it is first
    // used.
    __nss_configure_lookup("hosts", "files");
    try {
        Prober prober(task, channel, retired);
        prober.prepare();
        set_limits();
        if (!give_up_rights(task.user)) {
            std::cerr << system_error_text("understudyd: the prober cannot give up its rights") +
                             '\n';
            std::_Exit(EXIT_FAILURE);
        }
        // After the user has changed, which takes it back.
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        // A kernel without seccomp(2) is no reason to go without checks, but a reason to say so.
        if (const std::string error = confine_prober(); !error.empty()) {
            std::cerr << "understudyd: the prober runs unconfined: " + error + '\n';
        }
        prober.run();
    } catch (const std::exception& error) {
        std::cerr << "understudyd: prober: " << error.what() << '\n';
        std::_Exit(EXIT_FAILURE);
    }
    std::_Exit(EXIT_SUCCESS);
}

}  // namespace understudy::checks
