// How the runner comes to be: executed, and told of the configuration.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <numeric>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "agent/config/parse.hpp"
#include "agent/config/render.hpp"
#include "agent/host/privileges.hpp"
#include "agent/host/prober_start.hpp"
#include "agent/host/runner.hpp"
#include "base/system_error.hpp"
#include "checks/processes/channel.hpp"
#include "checks/processes/wire.hpp"

namespace understudy::host {

namespace {

bool write_all(const FileDescriptor& file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t size = ::write(file.get(), text.data(), text.size());
        if (size <= 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
}

// Without being root, a program that is executed has what is ambient and nothing else.
void pass_on_rights(bool has_sockets) {
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_NET_ADMIN, 0, 0);
    if (has_sockets) {  // which are what it is for
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_NET_RAW, 0, 0);
    }
}

// In the forked process.
[[noreturn]] void execute_runner(const std::array<int, 3>& passed, const ProberSockets& sockets) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    std::string arguments;
    std::vector<int> kept = all_of(sockets);
    kept.insert(kept.begin(), passed.begin(), passed.end());
    for (const int fd : kept) {
        arguments += std::to_string(fd) + ' ';
        fcntl(fd, F_SETFD, 0);  // not closed by execve()
    }
    pass_on_rights(sockets.front().arp >= 0);
    execl("/proc/self/exe", "understudyd", "--runner", arguments.c_str(), nullptr);
    std::cerr << system_error_text("understudyd: cannot execute the runner") + '\n';
    std::_Exit(EXIT_FAILURE);
}

FileDescriptor first_text(const core::Configuration& configuration) {
    std::string error;
    FileDescriptor text = text_for_runner(configuration, error);
    std::vector<std::uint32_t> numbers(configuration.checks.size() + configuration.services.size());
    std::iota(numbers.begin(), numbers.end(), 0U);
    const auto services = numbers.begin() + std::ssize(configuration.checks);
    std::iota(services, numbers.end(), 0U);
    if (error.empty() && !append_numbers(text, numbers)) {
        error = system_error_text("cannot write its configuration");
    }
    if (!error.empty()) {
        throw std::runtime_error("cannot start the runner: " + error);
    }
    return text;
}

}  // namespace

FileDescriptor text_for_runner(const core::Configuration& configuration, std::string& error) {
    const std::string text = config::render(configuration);
    const config::Result again = config::parse_text("config", text, configuration.agent.name);
    if (!again.configuration || *again.configuration != configuration) {
        error = "a value has quotes and a comment sign, which cannot be passed on to the runner";
        return {};
    }
    // In memory, so that its size does not matter to whom it is sent.
    FileDescriptor file{memfd_create("understudy-configuration", MFD_CLOEXEC)};
    if (!file.is_open() || !write_all(file, text)) {
        error = system_error_text("cannot pass the configuration on to the runner");
        file.reset();
    }
    return file;
}

bool append_numbers(const FileDescriptor& text, const std::vector<std::uint32_t>& numbers) {
    std::string line(1, '\0');
    for (const std::uint32_t number : numbers) {
        line += std::to_string(number) + ' ';
    }
    return write_all(text, line);
}

RunnerEnds start_runner(const core::Configuration& configuration, const ProberSockets& sockets) {
    const std::string& user = configuration.agent.script_user;
    const bool has_use = !configuration.checks.empty() || !configuration.services.empty();
    if (has_use && !user_exists(user)) {
        throw ConfigurationError("script_user = " + user + ": there is no such user");
    }
    FileDescriptor text = first_text(configuration);
    const FileDescriptor prober = open_prober_program();
    const auto [orders, their_orders] = checks::make_channel();
    const auto [outcomes, probers_end] = checks::make_channel();
    const pid_t pid = fork();
    if (pid == 0) {
        execute_runner({their_orders, probers_end, prober.get()}, sockets);
    }
    ::close(their_orders);
    ::close(probers_end);
    for (const int fd : all_of(sockets)) {
        ::close(fd);
    }
    const checks::Order first{checks::OrderKind::configure, 0, 0};
    if (pid < 0 || !checks::send_with_file(orders, encode(first), text.get())) {
        throw_system_error("cannot start the runner");
    }
    return {FileDescriptor{orders}, FileDescriptor{outcomes}, may_change_user(), std::move(text)};
}

}  // namespace understudy::host
