// The part of Loop that deals with requests of clients, reloads among them.
#include <algorithm>
#include <utility>

#include "agent/config/render.hpp"
#include "agent/host/boot_clock.hpp"
#include "agent/host/host_network.hpp"
#include "agent/host/journal.hpp"
#include "agent/host/loop.hpp"

namespace understudy::host {

namespace {

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

}  // namespace

void Loop::on_request(core::ClientId client, const control::Request& request) {
    const TurnMeter::Turn turn(meter_, "a request");
    if (const auto* show = std::get_if<control::ConfigShowRequest>(&request)) {
        show_configuration(client, show->network);
        return;
    }
    if (std::holds_alternative<control::ReloadRequest>(request)) {
        reload(client);
        return;
    }
    feed(core::CommandReceived{client, request});
    after_round();
}

// The kernel may be busy when it lists its routes.
void Loop::show_configuration(core::ClientId client, bool with_network) {
    if (running_text_.empty()) {
        running_text_ = config::render(*running_);
    }
    control::ConfigResponse response{running_text_, reloader_.file().string(), {}};
    if (!with_network) {
        control_.reply(client, response);
        return;
    }
    worker_.run([this, client, response = std::move(response)]() mutable {
        response.network = read_host_network();
        return [this, client, response = std::move(response)] { control_.reply(client, response); };
    });
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
    const TurnMeter::Turn turn(meter_, "a reload");
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
        for (const std::string& route : result.lost_routes) {
            write_line(core::LogLevel::warn, "reload: the kernel removes route " + route);
        }
        text_for_runner_ = std::move(result.text);
        control_.refuse(result.prober_user);
        feed(*result.change);
        response.reloaded = true;
        response.changes = std::move(result.difference.changes);
        response.restarts = std::move(result.difference.restarts);
        response.lost_routes = std::move(result.lost_routes);
    }
    // Behind what it changes, so that who is answered finds it done.
    worker_.run([this, askers, response = std::move(response)] {
        return [this, askers, response] {
            for (const core::ClientId asker : askers) {
                control_.reply(asker, stopping_ ? control::Response{control::ErrorResponse{
                                                      "the agent is stopping", false}}
                                                : response);
            }
            notify_.ready();
        };
    });
    after_round();
}

void Loop::take_over(const core::ConfigurationChanged& change) {
    if (change.configuration->agent.log_level != running_->agent.log_level) {
        set_log_level(change.configuration->agent.log_level);
    }
    running_ = change.configuration;
    running_text_.clear();
    if (health_) {
        health_->configure(change, std::move(text_for_runner_));
    }
    text_for_runner_.reset();
}

}  // namespace understudy::host
