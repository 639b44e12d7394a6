// The attempts that are under way, each with its time limit.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/time.hpp"
#include "checks/probes/attempt.hpp"
#include "checks/probes/wire.hpp"

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
    struct Running {
        Report report;
        Duration timeout{};
        std::unique_ptr<Attempt> attempt;
        std::unique_ptr<boost::asio::steady_timer> timer;
        bool expired = false;
    };

    void finished(std::uint64_t number, Outcome outcome);
    void expired(std::uint64_t number);
    void limit(std::uint64_t number, Duration after);

    boost::asio::io_context& context_;
    Tell tell_;
    std::map<std::uint64_t, Running> running_;
    std::uint64_t last_ = 0;
};

}  // namespace understudy::checks
