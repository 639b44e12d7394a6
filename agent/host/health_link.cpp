#include "agent/host/health_link.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "agent/host/hook_runs.hpp"
#include "agent/host/journal.hpp"
#include "base/system_error.hpp"
#include "checks/probes/wire.hpp"

namespace understudy::host {

namespace {

bool is_script(const checks::CheckSettings& check) {
    return std::holds_alternative<checks::Script>(check.question);
}

}  // namespace

HealthLink::HealthLink(boost::asio::io_context& io, RunnerEnds ends,
                       std::shared_ptr<const core::Configuration> configuration, EventSink sink)
    : configuration_(std::move(configuration)),
      sink_(std::move(sink)),
      runner_(io, ends.runner.release()),
      prober_(io, ends.prober.release()) {
    // As start_runner() numbers them.
    for (std::uint32_t i = 0; i < configuration_->checks.size(); ++i) {
        checks_.push_back({i, is_script(configuration_->checks[i])});
    }
    for (std::uint32_t i = 0; i < configuration_->services.size(); ++i) {
        services_.push_back(i);
    }
    next_number_ = static_cast<std::uint32_t>(std::max(checks_.size(), services_.size()));
    index_places();
    runner_.listen([this](std::span<const std::byte> packet) { hear(packet, true); },
                   [this] { runner_is_gone(); });
    prober_.listen([this](std::span<const std::byte> packet) { hear(packet, false); }, [] {});
}

void HealthLink::index_places() {
    check_places_.clear();
    for (std::size_t i = 0; i < checks_.size(); ++i) {
        check_places_.emplace(checks_[i].number, i);
    }
    service_places_.clear();
    for (std::size_t i = 0; i < services_.size(); ++i) {
        service_places_.emplace(services_[i], i);
    }
}

// --- a reload ------------------------------------------------------------------------------------

// What asks something else has another number: answers to the former question find nobody.
void HealthLink::configure(const core::ConfigurationChanged& change, const FileDescriptor& text) {
    const auto former = std::exchange(configuration_, change.configuration);
    std::map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < former->checks.size(); ++i) {
        places.emplace(former->checks[i].name, i);
    }
    const std::vector<Check> checks = std::exchange(checks_, {});
    const bool other_user = former->agent.script_user != configuration_->agent.script_user;
    bool other_probes = other_user && !configuration_->checks.empty();
    for (const checks::CheckSettings& check : configuration_->checks) {
        const auto place = places.find(check.name);
        const bool same =
            place != places.end() &&
            std::ranges::find(change.other_questions, check.name) == change.other_questions.end();
        checks_.push_back({same ? checks[place->second].number : next_number_++, is_script(check)});
        other_probes =
            other_probes || (!is_script(check) &&
                             (!same || former->checks[place->second].timeout != check.timeout));
    }
    std::map<std::string, std::uint32_t> numbers;
    for (std::size_t i = 0; i < former->services.size(); ++i) {
        numbers.emplace(former->services[i].name, services_[i]);
    }
    services_.clear();
    for (const core::ServiceSettings& service : configuration_->services) {
        const auto known = numbers.find(service.name);
        services_.push_back(known == numbers.end() ? next_number_++ : known->second);
    }
    index_places();
    if (former->checks != configuration_->checks || former->services != configuration_->services ||
        other_user) {
        send_configuration(text, other_probes);
    }
}

// The prober that is at work finishes what it has begun. What is ordered from now on waits for the
// next one, which the runner starts.
void HealthLink::send_configuration(const FileDescriptor& text, bool other_probes) {
    std::vector<std::uint32_t> numbers;
    for (const Check& check : checks_) {
        numbers.push_back(check.number);
    }
    numbers.insert(numbers.end(), services_.begin(), services_.end());
    const checks::Order order{checks::OrderKind::configure, ++configuration_number_, 0};
    if (!append_numbers(text, numbers) || !runner_.try_send(encode(order), text.get())) {
        write_line(core::LogLevel::error,
                   system_error_text("the runner does not take the configuration") +
                       "; new checks do not run; restart the agent");
        return;
    }
    if (other_probes) {
        prober_.try_send(
            encode(checks::Order{checks::OrderKind::retire_prober, configuration_number_, 0}));
    }
}

// --- reports -------------------------------------------------------------------------------------

// The prober tells outcomes of checks and nothing else.
void HealthLink::hear(std::span<const std::byte> packet, bool from_runner) {
    const auto report = checks::decode_report(packet);
    if (!report) {
        return;
    }
    if (report->kind == checks::ReportKind::check_finished) {
        if (const auto place = check_places_.find(report->index); place != check_places_.end()) {
            sink_(core::CheckFinished{place->second, report->run, report->outcome});
        }
    } else if (from_runner && report->kind == checks::ReportKind::command_finished) {
        const auto place = service_places_.find(report->index);
        if (place != service_places_.end()) {
            sink_(core::ServiceCommandFinished{place->second, report->run, report->outcome.passed,
                                               report->outcome.detail});
        }
    } else if (from_runner && report->kind == checks::ReportKind::hook_finished) {
        hook_finished(*report);
    } else if (from_runner) {
        if (!report->outcome.detail.empty()) {
            write_line(core::LogLevel::error, report->outcome.detail + "; started a new one");
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
    const Check& check = checks_.at(action.check);
    const checks::Order order{checks::OrderKind::run_check, check.number, action.run};
    (check.is_script ? runner_ : prober_).try_send(encode(order));
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
    const bool sent = !runner_gone_ &&
                      runner_.try_send(encode(checks::Order{kind, services_.at(service), order}));
    if (!sent) {
        sink_(core::ServiceCommandFinished{service, order, false, "the runner does not answer"});
    }
}

}  // namespace understudy::host
