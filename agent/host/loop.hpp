// The heartbeat process: one thread, one epoll loop, one timer. Reads -> events -> Node -> actions.
//
// Nothing in the loop waits. What could, because it needs a lock of the kernel, is done by the
// KernelWorker, and comes back as an event.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>
#include <expected>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "agent/core/node.hpp"
#include "agent/host/advert_times.hpp"
#include "agent/host/control_thread.hpp"
#include "agent/host/executor.hpp"
#include "agent/host/giving_away.hpp"
#include "agent/host/health_link.hpp"
#include "agent/host/introduction.hpp"
#include "agent/host/kernel_monitor.hpp"
#include "agent/host/kernel_worker.hpp"
#include "agent/host/maintenance_file.hpp"
#include "agent/host/packet_sockets.hpp"
#include "agent/host/recorder.hpp"
#include "agent/host/reloader.hpp"
#include "agent/host/rule_keeper.hpp"
#include "agent/host/service_notify.hpp"
#include "agent/host/signals.hpp"
#include "agent/host/turn_meter.hpp"
#include "agent/host/vrrp_socket.hpp"

namespace understudy::host {

class Loop {
public:
    // Opens everything that the agent needs; `file` is where a reload reads, and without a `runner`
    // nothing can be checked; without `rules`, of the caller, there are none. Throws
    // std::runtime_error if something is refused.
    Loop(core::Configuration configuration, std::filesystem::path file,
         const std::filesystem::path& runtime_dir, std::optional<RunnerEnds> runner,
         PacketSockets packet_sockets = open_packet_sockets({}), RuleKeeper* rules = nullptr);
    ~Loop();

    // Reads the kernel's links and addresses and the maintenance file, then reports READY=1. Throws
    // std::runtime_error if something is refused.
    void start();
    // Until the agent has stopped. True if it was asked to leave its addresses where they are, for
    // the agent that is started next.
    bool run();

private:
    void feed(const core::Event& event);
    void handle(const core::Event& event);
    void carry_out(std::span<const core::Action> actions);
    void carry_out(const core::Action& action);
    Executor::Listeners listeners();
    core::Event with_true_age(core::Event event) const;
    control::Response completed(control::Response response) const;
    void answer_question();
    void on_request(core::ClientId client, const control::Request& request);
    void show_configuration(core::ClientId client, bool with_network);
    void reload(std::optional<core::ClientId> asker);
    void reloaded(Reloaded result, const std::vector<core::ClientId>& askers);
    void take_over(const core::ConfigurationChanged& change);

    void open_listener(const core::Listener& listener);
    void opened(const core::Listener& listener, std::uint64_t attempt,
                std::expected<VrrpSocket, std::string> socket);
    void close_listener(const core::Listener& listener);
    void close_elsewhere(std::optional<VrrpSocket> socket);
    void forget_ear(const core::Listener& listener);
    void hear(const core::Listener& listener, boost::asio::posix::stream_descriptor& ear);
    void hear_owners();
    void receive(const core::Listener& listener);
    void receive_owners();
    void read_sockets();
    void introduce_after(const core::Event& event);

    void wait_for_timer();
    void wait_for_kernel();
    void observe_again();
    void wait_for_signal();
    void obey(const Signal& signal);
    std::string what_a_stop_does() const;
    void restore_maintenance();
    void arm_timer();
    void go_on_later();
    void after_round();

    boost::asio::io_context io_;
    TurnMeter meter_;
    ServiceNotify notify_;
    TimePoint started_;
    std::shared_ptr<const core::Configuration> running_;
    std::string running_text_;  // made when it is asked for
    core::Node node_;
    std::unique_ptr<Recorder> recorder_;  // if it is asked for
    MaintenanceFile maintenance_;
    AdvertTimes advert_times_;
    core::Outbox outbox_;
    std::deque<core::Event> pending_;  // what arose while actions were carried out
    bool busy_ = false;
    bool stopped_ = false;
    bool leaves_addresses_ = false;
    bool continuing_ = false;

    KernelWorker worker_;
    PacketSockets packet_sockets_;
    VrrpSockets sockets_;
    Introduction introduction_;
    // They wait on descriptors of `sockets_`, and let go of them before those are closed.
    std::map<core::Listener, boost::asio::posix::stream_descriptor> ears_;
    std::map<core::Listener, std::uint64_t> attempts_;  // to open it, the last one
    boost::asio::posix::stream_descriptor owners_ear_;
    KernelMonitor monitor_;
    RuleKeeper* rules_;
    GivingAway giving_away_;
    Executor executor_;
    std::optional<HealthLink> health_;
    boost::asio::posix::stream_descriptor kernel_;
    boost::asio::posix::stream_descriptor timer_;
    SignalReader signal_reader_;
    boost::asio::posix::stream_descriptor signals_;
    ControlThread control_;
    FileDescriptor text_for_runner_;  // of the configuration that is being taken over
    bool stopping_ = false;
    Reloader reloader_;
    std::optional<TimePoint> armed_;
    std::optional<TimePoint> life_sign_at_;
};

}  // namespace understudy::host
