#include "checks/processes/attempts.hpp"

#include <chrono>
#include <utility>

#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

// An attempt that ends itself (a script that is asked to) gets this long for it.
constexpr Duration farewell = std::chrono::milliseconds{1500};

}  // namespace

Attempts::Attempts(boost::asio::io_context& context, Tell tell)
    : timer_(context), tell_(std::move(tell)) {}

void Attempts::run(const Order& order, ReportKind kind, Duration timeout, const Start& start) {
    const std::uint64_t number = ++last_;
    Running& running = running_[number];
    running.report.kind = kind;
    running.report.index = order.index;
    running.report.run = order.run;
    running.timeout = timeout;
    limit(number, timeout);
    running.attempt =
        start([this, number](Outcome outcome) { finished(number, std::move(outcome)); });
}

void Attempts::limit(std::uint64_t number, Duration after) {
    Running& running = running_.at(number);
    running.limit = Clock::now() + after;
    limits_.emplace(running.limit, number);
    arm();
}

// Most limits are never reached: the timer is not set anew when one is taken away.
void Attempts::arm() {
    if (limits_.empty() || (armed_ && *armed_ <= limits_.begin()->first)) {
        return;
    }
    armed_ = limits_.begin()->first;
    timer_.expires_at(*armed_);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            armed_.reset();
            time_passed();
        }
    });
}

void Attempts::time_passed() {
    const auto now = Clock::now();
    while (!limits_.empty() && limits_.begin()->first <= now) {
        const std::uint64_t number = limits_.begin()->second;
        limits_.erase(limits_.begin());
        expired(number);
    }
    arm();
}

void Attempts::finished(std::uint64_t number, Outcome outcome) {
    const auto found = running_.find(number);
    if (found == running_.end()) {
        return;
    }
    // Out of the table before it is told: telling may start the next one.
    const auto node = running_.extract(found);
    Running& running = node.mapped();
    limits_.erase({running.limit, number});
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
    // First the outcome: what is destroyed afterwards might take its time.
    const Report report = running.report;
    tell_(report);
    if (running.attempt->expire()) {
        limit(number, farewell);
    } else {
        running_.erase(number);
    }
}

}  // namespace understudy::checks
