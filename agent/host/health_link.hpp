// The heartbeat's end of the line to the runner and the prober. Never waits for either.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <string>

#include "agent/core/action.hpp"
#include "agent/core/configuration.hpp"
#include "agent/host/event_sink.hpp"
#include "agent/host/runner.hpp"
#include "checks/probes/channel.hpp"
#include "checks/probes/wire.hpp"

namespace understudy::host {

class HealthLink {
public:
    HealthLink(boost::asio::io_context& io, RunnerEnds ends,
               const core::Configuration& configuration, EventSink sink);

    void carry_out(const core::RunCheck& action);
    void carry_out(const core::RestartProber& action);
    void carry_out(const core::StartService& action);
    void carry_out(const core::StopService& action);
    void carry_out(const core::RunHook& action);

private:
    void hear(std::span<const std::byte> packet, bool from_runner);
    void runner_is_gone();
    void hook_finished(const checks::Report& report);
    void order_service(checks::OrderKind kind, std::size_t service, std::uint32_t order);

    const core::Configuration& configuration_;
    EventSink sink_;
    checks::Channel runner_;
    checks::Channel prober_;
    bool runner_gone_ = false;
    std::map<std::uint32_t, std::string> hooks_;  // under way: "web: on_active", by order
};

}  // namespace understudy::host
