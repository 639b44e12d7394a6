#include "agent/host/health_link.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <string_view>
#include <utility>

#include "agent/host/hook_runs.hpp"
#include "agent/host/journal.hpp"
#include "base/system_error.hpp"
#include "checks/processes/wire.hpp"
#include "checks/processes/words.hpp"

namespace understudy::host {

namespace {

// Bounded already; lines stay lines.
std::string printable_lines(std::string_view text) {
    std::string lines;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        lines += checks::printable(line, std::numeric_limits<std::uint32_t>::max());
        text.remove_prefix(line.size());
        if (!text.empty()) {
            lines += '\n';
            text.remove_prefix(1);
        }
    }
    return lines;
}

}  // namespace

HealthLink::HealthLink(boost::asio::io_context& io, RunnerEnds ends,
                       std::shared_ptr<const core::Configuration> configuration, EventSink sink)
    : configuration_(std::move(configuration)),
      sink_(std::move(sink)),
      runner_(io, ends.runner.release()),
      prober_(io, ends.prober.release()),
      text_(std::move(ends.text)) {
    // As start_runner() numbers them.
    for (std::uint32_t i = 0; i < configuration_->checks.size(); ++i) {
        checks_.push_back({i, checks::run_by_runner(configuration_->checks[i].question)});
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
void HealthLink::configure(const core::ConfigurationChanged& change, FileDescriptor text) {
    const auto former = std::exchange(configuration_, change.configuration);
    std::map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < former->checks.size(); ++i) {
        places.emplace(former->checks[i].name, i);
    }
    const std::vector<Check> checks = std::exchange(checks_, {});
    const bool other_user = former->agent.script_user != configuration_->agent.script_user;
    bool other_probes = other_user && !configuration_->checks.empty();
    for (const checks::CheckSettings& check : configuration_->checks) {
        const bool by_runner = checks::run_by_runner(check.question);
        const auto place = places.find(check.name);
        const bool same =
            place != places.end() &&
            std::ranges::find(change.other_questions, check.name) == change.other_questions.end();
        checks_.push_back({same ? checks[place->second].number : next_number_++, by_runner});
        other_probes =
            other_probes ||
            (!by_runner && (!same || former->checks[place->second].timeout != check.timeout));
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
        send_configuration(std::move(text), other_probes);
    }
}

// The prober that is at work finishes what it has begun. What is ordered from now on waits for the
// next one, which the runner starts.
void HealthLink::send_configuration(FileDescriptor text, bool other_probes) {
    std::vector<std::uint32_t> numbers;
    for (const Check& check : checks_) {
        numbers.push_back(check.number);
    }
    numbers.insert(numbers.end(), services_.begin(), services_.end());
    ++configuration_number_;
    text_ = std::move(text);
    if (!append_numbers(text_, numbers) || !send_text()) {
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

bool HealthLink::send_text() {
    const checks::Order order{checks::OrderKind::configure, configuration_number_, 0};
    return runner_.try_send(encode(order), text_.get());
}

// --- reports -------------------------------------------------------------------------------------

// The prober reports outcomes of its checks and nothing else: not of those that the runner runs.
// Its texts may be what a stranger wanted to have written.
void HealthLink::hear(std::span<const std::byte> packet, bool from_runner) {
    auto report = checks::decode_report(packet);
    if (!report) {
        return;
    }
    if (report->kind != checks::ReportKind::check_finished) {
        if (from_runner) {
            hear_runner(*report);
        }
        return;
    }
    const auto place = check_places_.find(report->index);
    if (place == check_places_.end() || checks_[place->second].by_runner != from_runner) {
        return;
    }
    if (!from_runner) {
        report->outcome.detail = printable_lines(report->outcome.detail);
        std::ranges::replace(report->outcome.detail, '\n', ' ');
        report->outcome.output = printable_lines(report->outcome.output);
    }
    sink_(core::CheckFinished{place->second, report->run, report->outcome});
}

void HealthLink::hear_runner(const checks::Report& report) {
    switch (report.kind) {
        case checks::ReportKind::command_finished:
            commands_.erase({report.index, report.run});
            if (const auto place = service_places_.find(report.index);
                place != service_places_.end()) {
                sink_(core::ServiceCommandFinished{place->second, report.run, report.outcome.passed,
                                                   report.outcome.detail});
            }
            break;
        case checks::ReportKind::hook_finished:
            hook_finished(report);
            break;
        case checks::ReportKind::prober_started:
            if (!report.outcome.detail.empty()) {
                write_line(core::LogLevel::error, report.outcome.detail + "; started a new one");
            }
            sink_(core::ProberStarted{});
            break;
        case checks::ReportKind::runner_died:
            runner_died(report.outcome.detail);
            break;
        case checks::ReportKind::runner_started:
            runner_started();
            break;
        case checks::ReportKind::check_finished:
            break;  // not one of these
    }
}

void HealthLink::runner_died(const std::string& pause) {
    status_.trouble = "the runner died and is started again";
    write_line(core::LogLevel::error,
               "the runner died, and with it the prober, hooks and service commands; the next one "
               "starts in " +
                   pause);
    fail_orders("the runner died");
}

// It knows nothing until it has the configuration, and what was ordered before is lost.
void HealthLink::runner_started() {
    status_.trouble.clear();
    ++status_.restarts;
    fail_orders("the runner died");
    if (!send_text()) {
        write_line(core::LogLevel::error,
                   "the runner does not take the configuration: restart the agent");
        return;
    }
    write_line(core::LogLevel::info, "another runner was started");
    sink_(core::ProberStarted{});
}

void HealthLink::runner_is_gone() {
    status_.trouble = "the runner died";
    write_line(
        core::LogLevel::error,
        "the runner and its spare died: no check, service command or hook can run; the states "
        "of the checks become unknown soon; restart the agent");
    fail_orders("the runner died");
}

// An order that failed may lead to the next one at once.
void HealthLink::fail_orders(const std::string& why) {
    for (const auto& [order, what] : std::exchange(hooks_, {})) {
        sink_(core::HookFinished{order, false, why});
    }
    for (const auto& [service, order] : std::exchange(commands_, {})) {
        if (const auto place = service_places_.find(service); place != service_places_.end()) {
            sink_(core::ServiceCommandFinished{place->second, order, false, why});
        }
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
    (check.by_runner ? runner_ : prober_).try_send(encode(order));
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
    if (!status_.trouble.empty()) {
        sink_(core::HookFinished{action.order, false, status_.trouble});
        return;
    }
    if (packet.size() > checks::longest_order || !runner_.try_send(packet)) {
        sink_(core::HookFinished{action.order, false, "the runner does not answer"});
        return;
    }
    hooks_[action.order] = action.vip + ": " + core::name_of(action.kind);
}

void HealthLink::order_service(checks::OrderKind kind, std::size_t service, std::uint32_t order) {
    const std::uint32_t number = services_.at(service);
    std::string trouble = status_.trouble;
    if (trouble.empty() && !runner_.try_send(encode(checks::Order{kind, number, order}))) {
        trouble = "the runner does not answer";
    }
    if (trouble.empty()) {
        commands_.emplace(number, order);
    } else {
        sink_(core::ServiceCommandFinished{service, order, false, trouble});
    }
}

}  // namespace understudy::host
