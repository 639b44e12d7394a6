// The service manager over D-Bus, on an Asio loop. Connected when it is first needed, and again
// when the connection was lost.
#pragma once

#include <systemd/sd-bus.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace understudy::checks {

class SystemdBus {
public:
    struct Answer {
        std::string error;   // "no system bus: connection refused", "unit x.service not found"
        std::string active;  // ActiveState: active, reloading, inactive, failed, activating …
        std::string sub;     // SubState: running, dead, exited …
        std::string result;  // of a job: done, failed, timeout, dependency, canceled, skipped
    };
    // Called once, from the loop, never from within the call below.
    using Told = std::function<void(const Answer&)>;
    using Ticket = std::uint64_t;

    explicit SystemdBus(boost::asio::io_context& context);
    SystemdBus(const SystemdBus&) = delete;
    SystemdBus& operator=(const SystemdBus&) = delete;
    ~SystemdBus();

    Ticket unit_state(const std::string& unit, Told told);
    // Told when the job has ended.
    Ticket start_unit(const std::string& unit, Told told);
    Ticket stop_unit(const std::string& unit, Told told);
    // Not told any more.
    void forget(Ticket ticket);

private:
    struct Waiting {
        std::string unit;
        std::string job;  // its object path, once it is known
        Told told;
    };
    // The bus calls back with a pointer to it, and no more once it is gone.
    struct Call {
        Call(SystemdBus& owner, Ticket number) : bus(&owner), ticket(number) {}
        Call(const Call&) = delete;
        Call& operator=(const Call&) = delete;
        ~Call() { sd_bus_slot_unref(slot); }

        SystemdBus* bus;
        Ticket ticket;
        sd_bus_slot* slot = nullptr;
    };

    Ticket expect(const std::string& unit, Told told);
    Ticket order_job(const char* method, const std::string& unit, Told told);
    std::string connect();
    void disconnect(const std::string& why);
    void process();
    void watch();
    void answer(Ticket ticket, const Answer& what);
    void answer_later(Ticket ticket, std::string error);
    Call& make_call(Ticket ticket);
    std::string watch_descriptor();

    static int on_unit(sd_bus_message* reply, void* call, sd_bus_error*);
    static int on_properties(sd_bus_message* reply, void* call, sd_bus_error*);
    static int on_job(sd_bus_message* reply, void* call, sd_bus_error*);
    static int on_job_removed(sd_bus_message* signal, void* self, sd_bus_error*);

    boost::asio::io_context& context_;
    sd_bus* bus_ = nullptr;
    std::unique_ptr<boost::asio::posix::stream_descriptor> descriptor_;
    boost::asio::steady_timer timer_;
    std::map<Ticket, Waiting> waiting_;
    std::map<Ticket, std::unique_ptr<Call>> calls_;  // the one that is under way for each
    std::map<std::string, std::string> removed_;  // jobs that ended before their number was known
    Ticket last_ = 0;
    std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace understudy::checks
