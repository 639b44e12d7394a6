#include "agent/host/health_link.hpp"

#include <chrono>
#include <utility>
#include <variant>

#include "agent/host/hook_runs.hpp"
#include "agent/host/journal.hpp"
#include "checks/probes/wire.hpp"

namespace understudy::host {

HealthLink::HealthLink(boost::asio::io_context& io, RunnerEnds ends,
                       const core::Configuration& configuration, EventSink sink)
    : configuration_(configuration),
      sink_(std::move(sink)),
      runner_(io, ends.runner.release()),
      prober_(io, ends.prober.release()) {
    runner_.listen([this](std::span<const std::byte> packet) { hear(packet, true); },
                   [this] { runner_is_gone(); });
    prober_.listen([this](std::span<const std::byte> packet) { hear(packet, false); }, [] {});
}

// The prober tells outcomes of checks and nothing else.
void HealthLink::hear(std::span<const std::byte> packet, bool from_runner) {
    const auto report = checks::decode_report(packet);
    if (!report) {
        return;
    }
    if (report->kind == checks::ReportKind::check_finished) {
        sink_(core::CheckFinished{report->index, report->run, report->outcome});
    } else if (from_runner && report->kind == checks::ReportKind::command_finished) {
        sink_(core::ServiceCommandFinished{report->index, report->run, report->outcome.passed,
                                           report->outcome.detail});
    } else if (from_runner && report->kind == checks::ReportKind::hook_finished) {
        hook_finished(*report);
    } else if (from_runner) {
        if (!report->outcome.detail.empty()) {
            write_line(core::LogLevel::error,
                       report->outcome.detail + ": another prober was started");
        }
        sink_(core::ProberStarted{});
    }
}

void HealthLink::runner_is_gone() {
    runner_gone_ = true;
    write_line(core::LogLevel::error,
               "the runner died: no check, no service command and no hook can be run any more; "
               "what is known "
               "of the checks is forgotten soon; restart the agent");
    for (const auto& [order, what] : std::exchange(hooks_, {})) {
        sink_(core::HookFinished{order, false, "the runner died"});
    }
}

// What it wrote is for the journal only: nothing is decided by it.
void HealthLink::hook_finished(const checks::Report& report) {
    const auto found = hooks_.find(report.run);
    if (found == hooks_.end()) {
        return;
    }
    for (const std::string& line : output_lines(report.outcome.output)) {
        write_line(core::LogLevel::info, found->second + ": " + line);
    }
    hooks_.erase(found);
    sink_(core::HookFinished{report.run, report.outcome.passed, report.outcome.detail});
}

// An order that is not taken, because nobody reads, is like one that is not answered.
void HealthLink::carry_out(const core::RunCheck& action) {
    const auto& check = configuration_.checks[action.check];
    const checks::Order order{checks::OrderKind::run_check,
                              static_cast<std::uint32_t>(action.check), action.run};
    const bool is_script = std::holds_alternative<checks::Script>(check.question);
    (is_script ? runner_ : prober_).try_send(encode(order));
}

void HealthLink::carry_out(const core::RestartProber&) {
    runner_.try_send(encode(checks::Order{checks::OrderKind::restart_prober, 0, 0}));
}

void HealthLink::carry_out(const core::StartService& action) {
    order_service(checks::OrderKind::start_service, action.service, action.order);
}

void HealthLink::carry_out(const core::StopService& action) {
    order_service(checks::OrderKind::stop_service, action.service, action.order);
}

void HealthLink::carry_out(const core::RunHook& action) {
    checks::HookOrder order;
    order.run = action.order;
    order.limit = std::chrono::ceil<std::chrono::milliseconds>(action.timeout);
    order.command = action.command;
    order.environment = action.environment;
    const auto packet = encode(order);
    if (runner_gone_ || packet.size() > checks::longest_order || !runner_.try_send(packet)) {
        sink_(core::HookFinished{action.order, false, "the runner does not answer"});
        return;
    }
    hooks_[action.order] = action.vip + ": " + core::name_of(action.kind);
}

void HealthLink::order_service(checks::OrderKind kind, std::size_t service, std::uint32_t order) {
    const bool sent =
        !runner_gone_ &&
        runner_.try_send(encode(checks::Order{kind, static_cast<std::uint32_t>(service), order}));
    if (!sent) {
        sink_(core::ServiceCommandFinished{service, order, false, "the runner does not answer"});
    }
}

}  // namespace understudy::host
