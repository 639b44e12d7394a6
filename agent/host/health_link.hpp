// The heartbeat's end of the line to the runner and the prober. Never waits for either.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/control/messages.hpp"
#include "agent/core/action.hpp"
#include "agent/core/configuration.hpp"
#include "agent/host/event_sink.hpp"
#include "agent/host/runner.hpp"
#include "checks/processes/channel.hpp"
#include "checks/processes/wire.hpp"

namespace understudy::host {

class HealthLink {
public:
    HealthLink(boost::asio::io_context& io, RunnerEnds ends,
               std::shared_ptr<const core::Configuration> configuration, EventSink sink);

    // A reload: what is carried out from now on is meant as this configuration has it. `text` is
    // the same for the runner. What was ordered before is still answered, in the new places.
    void configure(const core::ConfigurationChanged& change, FileDescriptor text);

    const control::RunnerStatus& runner_status() const { return status_; }

    void carry_out(const core::RunCheck& action);
    void carry_out(const core::RestartProber& action);
    void carry_out(const core::StartService& action);
    void carry_out(const core::StopService& action);
    void carry_out(const core::RunHook& action);

private:
    void hear(std::span<const std::byte> packet, bool from_runner);
    void hear_runner(const checks::Report& report);
    void runner_died(const std::string& pause);
    void runner_started();
    void runner_is_gone();
    void fail_orders(const std::string& why);
    void hook_finished(const checks::Report& report);
    void order_service(checks::OrderKind kind, std::size_t service, std::uint32_t order);

    struct Check {
        std::uint32_t number = 0;
        bool by_runner = false;
    };
    void index_places();
    void send_configuration(FileDescriptor text, bool other_probes);
    bool send_text();

    // Configurations move checks and services around; whoever runs them knows them by numbers.
    std::shared_ptr<const core::Configuration> configuration_;
    std::uint32_t configuration_number_ = 0;
    std::vector<Check> checks_;            // by place
    std::vector<std::uint32_t> services_;  // by place
    std::uint32_t next_number_ = 0;
    std::map<std::uint32_t, std::size_t> check_places_;
    std::map<std::uint32_t, std::size_t> service_places_;
    EventSink sink_;
    checks::Channel runner_;
    checks::Channel prober_;
    control::RunnerStatus status_;                // with a trouble, the runner carries nothing out
    FileDescriptor text_;                         // what the runner knows, for the next one
    std::map<std::uint32_t, std::string> hooks_;  // under way: "web: on_active", by order
    std::set<std::pair<std::uint32_t, std::uint32_t>> commands_;  // under way: service, order
};

}  // namespace understudy::host
