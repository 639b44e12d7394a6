// The hooks that are under way in the runner, each until nothing of its process group runs.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "checks/processes/command.hpp"
#include "checks/processes/wire.hpp"

namespace understudy::host {

class HookRuns {
public:
    using Tell = std::function<void(const checks::Report&)>;

    HookRuns(boost::asio::io_context& context, Tell tell)
        : context_(context), tell_(std::move(tell)) {}

    // Tells how it ended: unlike that of a check, the end of a hook that was over its limit is told
    // when it is gone, so that the next one never runs beside it.
    void run(const checks::HookOrder& order, const std::string& user);

private:
    struct Running {
        explicit Running(boost::asio::io_context& context) : limit(context) {}
        boost::asio::steady_timer limit;
        bool expired = false;
        std::unique_ptr<checks::Command> command;
    };

    void expire(std::uint32_t run);
    void finished(const checks::HookOrder& order, const checks::CommandResult& result);

    boost::asio::io_context& context_;
    Tell tell_;
    std::map<std::uint32_t, std::unique_ptr<Running>> running_;
};

// How it ended, in a few words; what it wrote, and how much of it is left out.
checks::Outcome outcome_of_hook(const checks::CommandResult& result, bool expired,
                                std::chrono::milliseconds limit);

// At most this many lines of a hook are logged.
inline constexpr std::size_t most_output_lines = 40;

// Lines that a terminal can show, whatever bytes there are.
std::vector<std::string> output_lines(std::string_view output);

}  // namespace understudy::host
