// systemd's view of the agent: ready, status, watchdog (sd_notify(3)). Does nothing elsewhere.
//
// Never waits for the manager, as sd_notify() of libsystemd does when the queue of the socket is
// full. Messages that the manager does not take are kept, merged into one, and sent again; of two
// states or two statuses, the later one.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <string>

#include "agent/host/file_descriptor.hpp"
#include "base/time.hpp"

namespace understudy::host {

class ServiceNotify {
public:
    explicit ServiceNotify(boost::asio::io_context& io);

    void ready();
    void reloading();  // ready() ends it
    // Asks for time beyond TimeoutStopSec=, as each alive() does from now on: what the stop waits
    // for has limits of its own.
    void stopping();
    void status(const std::string& text);  // sent only when it has changed
    // How often alive() is to be called: half of WatchdogSec=, and every 5 s while stopping;
    // nothing if nobody waits for it.
    std::optional<Duration> life_sign_period() const { return life_sign_period_; }
    void alive();

private:
    void send();
    bool try_send();
    bool is_connected();

    std::string socket_path_;  // empty: there is no manager
    FileDescriptor socket_;
    boost::asio::steady_timer retry_;
    std::optional<Duration> life_sign_period_;
    bool retry_is_set_ = false;
    bool stopping_ = false;
    std::string status_;

    // Not taken by the manager yet.
    std::string unsent_state_;
    bool status_unsent_ = false;
    bool life_sign_unsent_ = false;
};

}  // namespace understudy::host
