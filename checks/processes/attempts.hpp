// The attempts that are under way, each with its time limit.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/time.hpp"
#include "checks/processes/attempt.hpp"
#include "checks/processes/wire.hpp"

namespace understudy::checks {

class Attempts {
public:
    using Start = std::function<std::unique_ptr<Attempt>(Finish)>;
    using Tell = std::function<void(const Report&)>;

    Attempts(boost::asio::io_context& context, Tell tell);

    // Tells the outcome of `start`, at the latest when `timeout` is over.
    void run(const Order& order, ReportKind kind, Duration timeout, const Start& start);
    std::size_t count() const { return running_.size(); }

private:
    using Clock = std::chrono::steady_clock;

    struct Running {
        Report report;
        Duration timeout{};
        std::unique_ptr<Attempt> attempt;
        Clock::time_point limit;
        bool expired = false;
    };

    void finished(std::uint64_t number, Outcome outcome);
    void expired(std::uint64_t number);
    void limit(std::uint64_t number, Duration after);
    void arm();
    void time_passed();

    boost::asio::steady_timer timer_;
    std::optional<Clock::time_point> armed_;  // at most as late as the earliest limit
    std::set<std::pair<Clock::time_point, std::uint64_t>> limits_;
    Tell tell_;
    std::map<std::uint64_t, Running> running_;
    std::uint64_t last_ = 0;
};

}  // namespace understudy::checks
