// The part of Loop that obeys whoever runs the agent: signals, and reloads.
#include <algorithm>
#include <csignal>

#include "agent/config/source.hpp"
#include "agent/host/boot_clock.hpp"
#include "agent/host/journal.hpp"
#include "agent/host/loop.hpp"

namespace understudy::host {

namespace {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

// ": FILE:LINE: message", and how many more there are.
std::string first_error(const config::Diagnostics& problems) {
    const auto is_error = [](const config::Diagnostic& problem) {
        return problem.severity == config::Severity::error;
    };
    const auto first = std::ranges::find_if(problems, is_error);
    const auto count = std::ranges::count_if(problems, is_error);
    if (first == problems.end()) {
        return {};
    }
    return ": " + config::to_string(*first) +
           (count > 1 ? " (and " + std::to_string(count - 1) + " more)" : "");
}

std::string sent_by(const Signal& signal) {
    return " (sent by " + signal.sender + ")";
}

}  // namespace

// --- signals -------------------------------------------------------------------------------------

void Loop::wait_for_signal() {
    signals_.async_wait(stream_descriptor::wait_read, [this](error_code error) {
        if (error) {
            return;
        }
        while (const auto signal = signal_reader_.read()) {
            obey(*signal);
        }
        after_round();
        wait_for_signal();
    });
}

void Loop::obey(const Signal& signal) {
    switch (signal.number) {
        case SIGCHLD:
            reap_children();
            break;
        case SIGHUP:
            write_line(core::LogLevel::info, "reload requested by SIGHUP: reading " +
                                                 reloader_.file().string() + sent_by(signal));
            reload(std::nullopt);
            break;
        case SIGUSR1:
            write_line(core::LogLevel::info,
                       "stop requested by SIGUSR1: leaving the addresses to the next agent" +
                           sent_by(signal));
            leaves_addresses_ = true;
            stopped_ = true;
            io_.stop();
            break;
        default:
            write_line(core::LogLevel::info,
                       std::string{"stop requested by "} +
                           (signal.number == SIGINT ? "SIGINT: " : "SIGTERM: ") +
                           what_a_stop_does() + sent_by(signal));
            notify_.stopping();
            life_sign_at_ = boot_now() + *notify_.life_sign_period();
            stopping_ = true;
            feed(core::StopRequested{});
    }
}

std::string Loop::what_a_stop_does() const {
    if (stopping_) {
        return "no longer waiting for a peer";
    }
    const std::size_t count = node_.active_vips();
    return count == 0 ? "no VIP is active here"
                      : "handing " + std::to_string(count) + (count == 1 ? " VIP" : " VIPs") +
                            " over to a peer";
}

// --- reload --------------------------------------------------------------------------------------

void Loop::reload(std::optional<core::ClientId> asker) {
    if (stopping_) {
        if (asker) {
            control_.reply(*asker, control::ErrorResponse{"the agent is stopping", false});
        }
        return;
    }
    if (!reloader_.is_under_way()) {
        notify_.reloading();
    }
    reloader_.ask(asker);
}

void Loop::reloaded(Reloaded result, const std::vector<core::ClientId>& askers) {
    control::ReloadResponse response;
    for (const config::Diagnostic& problem : result.problems) {
        const bool warning = problem.severity == config::Severity::warning;
        write_line(warning ? core::LogLevel::warn : core::LogLevel::error,
                   config::to_string(problem));
        response.problems.push_back({problem.place.file, problem.place.line, problem.place.column,
                                     warning, problem.message});
    }
    if (!result.change) {
        write_line(core::LogLevel::error,
                   "reload rejected, still running the previous configuration" +
                       first_error(result.problems));
    } else if (!stopping_) {
        for (const std::string& line :
             config::in_words(result.difference, config::Values::no_secrets)) {
            write_line(core::LogLevel::info, "reload: " + line);
        }
        if (!result.rules_trouble.empty()) {
            write_line(core::LogLevel::warn, result.rules_trouble);
        }
        text_for_runner_ = std::move(result.text);
        feed(*result.change);
        response.reloaded = true;
        response.changes = std::move(result.difference.changes);
        response.restarts = std::move(result.difference.restarts);
    }
    for (const core::ClientId asker : askers) {
        control_.reply(asker, stopping_ ? control::Response{control::ErrorResponse{
                                              "the agent is stopping", false}}
                                        : response);
    }
    notify_.ready();
    after_round();
}

void Loop::take_over(const core::ConfigurationChanged& change) {
    if (change.configuration->agent.log_level != running_->agent.log_level) {
        set_log_level(change.configuration->agent.log_level);
    }
    running_ = change.configuration;
    if (health_) {
        health_->configure(change, text_for_runner_);
    }
    text_for_runner_.reset();
}

}  // namespace understudy::host
