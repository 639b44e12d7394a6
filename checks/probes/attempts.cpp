#include "checks/probes/attempts.hpp"

#include <chrono>
#include <utility>

#include "checks/probes/words.hpp"

namespace understudy::checks {

namespace {

// An attempt that ends itself (a script that is asked to) gets this long for it.
constexpr Duration farewell = std::chrono::milliseconds{1500};

}  // namespace

Attempts::Attempts(boost::asio::io_context& context, Tell tell)
    : context_(context), tell_(std::move(tell)) {}

void Attempts::run(const Order& order, ReportKind kind, Duration timeout, const Start& start) {
    const std::uint64_t number = ++last_;
    Running& running = running_[number];
    running.report.kind = kind;
    running.report.index = order.index;
    running.report.run = order.run;
    running.timeout = timeout;
    running.timer = std::make_unique<boost::asio::steady_timer>(context_);
    limit(number, timeout);
    running.attempt =
        start([this, number](Outcome outcome) { finished(number, std::move(outcome)); });
}

void Attempts::limit(std::uint64_t number, Duration after) {
    boost::asio::steady_timer& timer = *running_.at(number).timer;
    timer.expires_after(after);
    timer.async_wait([this, number](const boost::system::error_code& error) {
        if (!error) {
            expired(number);
        }
    });
}

void Attempts::finished(std::uint64_t number, Outcome outcome) {
    const auto found = running_.find(number);
    if (found == running_.end()) {
        return;
    }
    // Out of the table before it is told: telling may start the next one.
    const auto node = running_.extract(found);
    Running& running = node.mapped();
    running.timer->cancel();
    if (!running.expired) {
        running.report.outcome = std::move(outcome);
        tell_(running.report);
    }
}

void Attempts::expired(std::uint64_t number) {
    const auto found = running_.find(number);
    if (found == running_.end()) {
        return;
    }
    Running& running = found->second;
    if (running.expired) {
        running_.erase(found);
        return;
    }
    running.expired = true;
    running.report.outcome = failure("no result within " + milliseconds(running.timeout) + ": " +
                                     running.attempt->progress());
    running.report.outcome.timings.total = running.timeout;
    const Report report = running.report;
    if (running.attempt->expire()) {
        limit(number, farewell);
    } else {
        running_.erase(found);
    }
    tell_(report);
}

}  // namespace understudy::checks
