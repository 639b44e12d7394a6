// The part of Loop that obeys signals.
#include <csignal>

#include "agent/host/boot_clock.hpp"
#include "agent/host/journal.hpp"
#include "agent/host/loop.hpp"

namespace understudy::host {

namespace {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

std::string sent_by(const Signal& signal) {
    return " (sent by " + signal.sender + ")";
}

}  // namespace

void Loop::wait_for_signal() {
    signals_.async_wait(stream_descriptor::wait_read, [this](error_code error) {
        if (error) {
            return;
        }
        const TurnMeter::Turn turn(meter_, "a signal");
        while (const auto signal = signal_reader_.read()) {
            obey(*signal);
        }
        after_round();
        wait_for_signal();
    });
}

void Loop::obey(const Signal& signal) {
    switch (signal.number) {
        case SIGCHLD:
            reap_children();
            break;
        case SIGHUP:
            write_line(core::LogLevel::info, "reload requested by SIGHUP: reading " +
                                                 reloader_.file().string() + sent_by(signal));
            reload(std::nullopt);
            break;
        case SIGUSR1:
            write_line(core::LogLevel::info,
                       "stop requested by SIGUSR1: leaving the addresses to the next agent" +
                           sent_by(signal));
            leaves_addresses_ = true;
            stopped_ = true;
            io_.stop();
            break;
        default:
            write_line(core::LogLevel::info,
                       std::string{"stop requested by "} +
                           (signal.number == SIGINT ? "SIGINT: " : "SIGTERM: ") +
                           what_a_stop_does() + sent_by(signal));
            notify_.stopping();
            life_sign_at_ = boot_now() + *notify_.life_sign_period();
            stopping_ = true;
            feed(core::StopRequested{});
    }
}

std::string Loop::what_a_stop_does() const {
    if (stopping_) {
        return "no longer waiting for a peer";
    }
    const std::size_t count = node_.active_vips();
    return count == 0 ? "no VIP is active here"
                      : "handing " + std::to_string(count) + (count == 1 ? " VIP" : " VIPs") +
                            " over to a peer";
}

}  // namespace understudy::host
