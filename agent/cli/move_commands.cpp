// failover, takeover, failback, maintenance: what moves a VIP. Their exit status is about the move,
// so it does not change when nobody reads what they write.
#include <algorithm>
#include <chrono>

#include "agent/cli/commands.hpp"
#include "agent/cli/interruption.hpp"
#include "agent/cli/present.hpp"
#include "agent/cli/progress.hpp"
#include "agent/cli/question.hpp"
#include "agent/config/values.hpp"

namespace understudy::cli {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Done = Answer<control::DoneResponse>;

int finish(const Arguments& arguments, const Console& console,
           const std::expected<Done, Failure>& done) {
    if (!done) {
        return console.fail(arguments.json, done.error().status, done.error().text);
    }
    console.out << (arguments.json ? done->line : harmless(done->content.text)) << '\n'
                << std::flush;
    return exit_done;
}

std::string subject(const Arguments& arguments) {
    return arguments.vip().empty() ? "every VIP" : arguments.vip();
}

Failure interrupted(const Arguments& arguments) {
    if (arguments.command == "maintenance on") {
        return {exit_failed,
                "interrupted; maintenance stays on until `understudy maintenance off`"};
    }
    const std::string operand = arguments.all ? "--all" : arguments.vip();
    return {exit_failed, "interrupted; the node goes on trying to give " + subject(arguments) +
                             " away until " + config::format_duration(arguments.timeout) +
                             " have passed since the command; `understudy failback " + operand +
                             "` ends that"};
}

constexpr milliseconds redrawn_every{1000};

// The agent answers when a peer has taken over, or when the timeout has passed there.
std::expected<std::string, Failure> wait_for_peer(const Arguments& arguments,
                                                  const Console& console, Connection& agent,
                                                  const Interruption& interruption) {
    const auto started = Clock::now();
    const auto timeout = std::chrono::ceil<milliseconds>(arguments.timeout);
    const auto left_until = [&](milliseconds end) {
        return std::chrono::ceil<milliseconds>(started + end - Clock::now());
    };
    const Progress progress(console, arguments.json,
                            "waiting for a peer to take " + subject(arguments) + " over");
    while (true) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(left_until(timeout)).count();
        progress.draw(std::to_string(std::max<long>(seconds, 0)) + " s left");
        const milliseconds left = left_until(timeout + arguments.patience);
        auto line = agent.receive(std::clamp(left, milliseconds{0}, redrawn_every),
                                  interruption.disturbance());
        if (line) {
            return std::move(*line);
        }
        if (line.error() == Trouble::disturbed) {
            return std::unexpected(interrupted(arguments));
        }
        if (line.error() != Trouble::silent || left <= redrawn_every) {
            return std::unexpected(Failure{exit_no_agent, in_words(line.error())});
        }
    }
}

std::expected<Done, Failure> give_away(const Arguments& arguments, const Console& console,
                                       const control::Request& request) {
    auto agent = reach_agent(arguments, control::Access::commands);
    if (!agent) {
        return std::unexpected(std::move(agent.error()));
    }
    // Before the request: from then on an interruption has something to explain.
    const Interruption interruption;
    if (const auto sent = agent->send(control::to_json(request), arguments.patience); !sent) {
        return std::unexpected(Failure{exit_no_agent, in_words(sent.error())});
    }
    auto line = wait_for_peer(arguments, console, *agent, interruption);
    if (!line) {
        return std::unexpected(std::move(line.error()));
    }
    return expect_answer<control::DoneResponse>(std::move(*line));
}

// A cold node starts its service first, which may take as long as its start_timeout: the agent's to
// know, so the agent ends the waiting, if it still answers others.
std::expected<Done, Failure> take_here(const Arguments& arguments, const Console& console) {
    auto agent = reach_agent(arguments, control::Access::commands);
    if (!agent) {
        return std::unexpected(std::move(agent.error()));
    }
    const control::TakeoverRequest request{arguments.vip(), arguments.force};
    if (const auto sent = agent->send(control::to_json(request), arguments.patience); !sent) {
        return std::unexpected(Failure{exit_no_agent, in_words(sent.error())});
    }
    const Progress progress(console, arguments.json,
                            "waiting for this node to take " + subject(arguments) + " over");
    for (milliseconds waited{};; waited += redrawn_every) {
        progress.draw(std::to_string(waited / std::chrono::seconds{1}) + " s");
        auto line = agent->receive(std::min(redrawn_every, arguments.patience));
        if (line) {
            return expect_answer<control::DoneResponse>(std::move(*line));
        }
        const bool lives = line.error() == Trouble::silent &&
                           ask<control::StatusResponse>(arguments, control::StatusRequest{});
        if (!lives) {
            return std::unexpected(Failure{exit_no_agent, in_words(line.error())});
        }
    }
}

}  // namespace

int run_failover(const Arguments& arguments, const Console& console) {
    const control::FailoverRequest request{arguments.vip(), arguments.timeout};
    return finish(arguments, console, give_away(arguments, console, request));
}

int run_maintenance_on(const Arguments& arguments, const Console& console) {
    const control::MaintenanceRequest request{true, arguments.expiry, arguments.timeout};
    return finish(arguments, console, give_away(arguments, console, request));
}

int run_maintenance_off(const Arguments& arguments, const Console& console) {
    return finish(arguments, console,
                  ask<control::DoneResponse>(arguments, control::MaintenanceRequest{}));
}

int run_takeover(const Arguments& arguments, const Console& console) {
    return finish(arguments, console, take_here(arguments, console));
}

int run_failback(const Arguments& arguments, const Console& console) {
    const control::FailbackRequest request{arguments.vip()};
    return finish(arguments, console, ask<control::DoneResponse>(arguments, request));
}

}  // namespace understudy::cli
