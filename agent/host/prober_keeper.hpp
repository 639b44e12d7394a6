// In the runner: keeps a prober at work. One that dies is replaced after a pause, one that hangs is
// killed, and one that is retired by a reload finishes what it has begun beside the next one.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "agent/host/file_descriptor.hpp"
#include "agent/host/privileges.hpp"
#include "agent/host/spare_runner.hpp"
#include "checks/processes/wire.hpp"

namespace understudy::host {

// What a prober is started with.
struct ProberConfiguration {
    FileDescriptor text;
    std::uint32_t number = 0;
    std::optional<Account> user;  // nothing: the prober keeps the user of the runner
};

class ProberKeeper {
public:
    using Tell = std::function<void(const checks::Report&)>;

    // `tell` gets ReportKind::prober_started for each prober that follows a dead one.
    ProberKeeper(boost::asio::io_context& context, const RunnerPlace& place, Tell tell);

    // For the next prober; the one that is at work goes on until the heartbeat retires it. The
    // first is started as soon as `has_checks`.
    void configure(ProberConfiguration configuration, bool has_checks);
    // It hangs. Its end starts the next one; if it cannot be killed, it is not waited for.
    void replace();
    // For good, before this process ends.
    void kill();

private:
    void start(const std::string& why);
    void start_after(std::chrono::milliseconds pause, const std::string& why);
    void start_next();
    void watch(int pidfd);
    void leave();
    void wait_for_retirement(int fd);
    void retired(std::uint32_t for_configuration);
    void ended();

    boost::asio::io_context& context_;
    const RunnerPlace& place_;
    Tell tell_;
    ProberConfiguration configuration_;
    std::size_t next_set_ = 0;
    boost::asio::posix::stream_descriptor prober_;  // a pidfd
    pid_t pid_ = -1;
    boost::asio::posix::stream_descriptor retirement_;  // from it
    bool starting_ = false;                             // the next one, after a pause
    std::optional<std::uint32_t> wanted_;  // a prober for this configuration, which is not here yet
    boost::asio::steady_timer pause_;
    boost::asio::steady_timer burial_;
};

}  // namespace understudy::host
