#include "checks/processes/systemd_bus.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>

namespace understudy::checks {

namespace {

constexpr const char* destination = "org.freedesktop.systemd1";
constexpr const char* manager_path = "/org/freedesktop/systemd1";
constexpr const char* manager = "org.freedesktop.systemd1.Manager";
constexpr const char* unit_interface = "org.freedesktop.systemd1.Unit";
constexpr std::size_t most_removed = 64;

std::string words(int error) {
    return std::strerror(-error);
}

std::string error_in(sd_bus_message* reply) {
    const sd_bus_error* error = sd_bus_message_get_error(reply);
    return error == nullptr            ? "an unknown error"
           : error->message == nullptr ? error->name
                                       : error->message;
}

}  // namespace

SystemdBus::SystemdBus(boost::asio::io_context& context) : context_(context), timer_(context) {}

SystemdBus::~SystemdBus() {
    waiting_.clear();
    disconnect("");
}

SystemdBus::Ticket SystemdBus::expect(const std::string& unit, Told told) {
    waiting_[++last_] = Waiting{unit, "", std::move(told)};
    return last_;
}

void SystemdBus::forget(Ticket ticket) {
    waiting_.erase(ticket);
    calls_.erase(ticket);
}

SystemdBus::Call& SystemdBus::make_call(Ticket ticket) {
    auto& call = calls_[ticket];
    call = std::make_unique<Call>(*this, ticket);
    return *call;
}

void SystemdBus::answer(Ticket ticket, const Answer& what) {
    const auto found = waiting_.find(ticket);
    calls_.erase(ticket);
    if (found == waiting_.end()) {
        return;
    }
    const Told told = std::move(found->second.told);
    waiting_.erase(found);
    told(what);
}

void SystemdBus::answer_later(Ticket ticket, std::string error) {
    boost::asio::post(context_,
                      [this, ticket, weak = std::weak_ptr<int>(alive_), text = std::move(error)] {
                          if (!weak.expired()) {
                              Answer what;
                              what.error = text;
                              answer(ticket, what);
                          }
                      });
}

// --- the connection ------------------------------------------------------------------------------

std::string SystemdBus::connect() {
    if (bus_ != nullptr) {
        return {};
    }
    const int opened = sd_bus_open_system(&bus_);
    if (opened < 0) {
        bus_ = nullptr;
        return "no system bus: " + words(opened);
    }
    if (std::string error = watch_descriptor(); !error.empty()) {
        sd_bus_close_unref(std::exchange(bus_, nullptr));
        return "no system bus: " + error;
    }
    sd_bus_match_signal_async(bus_, nullptr, destination, manager_path, manager, "JobRemoved",
                              &SystemdBus::on_job_removed, nullptr, this);
    sd_bus_call_method_async(bus_, nullptr, destination, manager_path, manager, "Subscribe",
                             nullptr, nullptr, "");
    watch();
    return {};
}

std::string SystemdBus::watch_descriptor() {
    // A copy: the bus closes its own.
    const int fd = fcntl(sd_bus_get_fd(bus_), F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return words(-errno);
    }
    boost::system::error_code error;
    descriptor_ = std::make_unique<boost::asio::posix::stream_descriptor>(context_);
    descriptor_->assign(fd, error);
    if (error) {
        close(fd);
        descriptor_.reset();
        return error.message();
    }
    return {};
}

void SystemdBus::disconnect(const std::string& why) {
    timer_.cancel();
    descriptor_.reset();
    calls_.clear();  // each holds on to the bus
    if (bus_ != nullptr) {
        sd_bus_close_unref(std::exchange(bus_, nullptr));
    }
    removed_.clear();
    std::vector<Ticket> tickets;
    for (const auto& [ticket, waiting] : waiting_) {
        tickets.push_back(ticket);
    }
    for (const Ticket ticket : tickets) {
        answer_later(ticket, why);
    }
}

void SystemdBus::watch() {
    if (bus_ == nullptr) {
        return;
    }
    const int events = sd_bus_get_events(bus_);
    const auto ready = [this,
                        weak = std::weak_ptr<int>(alive_)](const boost::system::error_code& error) {
        if (!error && !weak.expired()) {
            process();
        }
    };
    descriptor_->cancel();
    timer_.cancel();
    if (events > 0 && (static_cast<unsigned>(events) & POLLIN) != 0) {
        descriptor_->async_wait(boost::asio::posix::stream_descriptor::wait_read, ready);
    }
    if (events > 0 && (static_cast<unsigned>(events) & POLLOUT) != 0) {
        descriptor_->async_wait(boost::asio::posix::stream_descriptor::wait_write, ready);
    }
    std::uint64_t until = 0;
    if (sd_bus_get_timeout(bus_, &until) > 0 && until != UINT64_MAX) {
        timespec now{};
        clock_gettime(CLOCK_MONOTONIC, &now);
        const auto now_us = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000U +
                            static_cast<std::uint64_t>(now.tv_nsec) / 1000U;
        const std::uint64_t left = until > now_us ? until - now_us : 0;
        timer_.expires_after(std::chrono::microseconds{static_cast<std::int64_t>(left)});
        timer_.async_wait(ready);
    }
}

void SystemdBus::process() {
    while (bus_ != nullptr) {
        const int done = sd_bus_process(bus_, nullptr);
        if (done < 0) {
            disconnect("the system bus is gone: " + words(done));
            return;
        }
        if (done == 0) {
            break;
        }
    }
    watch();
}

// --- questions -----------------------------------------------------------------------------------

SystemdBus::Ticket SystemdBus::unit_state(const std::string& unit, Told told) {
    const Ticket ticket = expect(unit, std::move(told));
    if (std::string error = connect(); !error.empty()) {
        answer_later(ticket, std::move(error));
        return ticket;
    }
    // LoadUnit, not GetUnit: a unit that is not running is not in memory.
    Call& call = make_call(ticket);
    const int sent =
        sd_bus_call_method_async(bus_, &call.slot, destination, manager_path, manager, "LoadUnit",
                                 &SystemdBus::on_unit, &call, "s", unit.c_str());
    if (sent < 0) {
        disconnect("the system bus is gone: " + words(sent));
    } else {
        watch();
    }
    return ticket;
}

int SystemdBus::on_unit(sd_bus_message* reply, void* data, sd_bus_error*) {
    const Ticket ticket = static_cast<Call*>(data)->ticket;
    SystemdBus& self = *static_cast<Call*>(data)->bus;
    const char* path = nullptr;
    Answer answer;
    if (sd_bus_message_is_method_error(reply, nullptr) > 0) {
        answer.error = error_in(reply);
    } else if (sd_bus_message_read(reply, "o", &path) < 0) {
        answer.error = "the service manager answered something else";
    } else {
        Call& next = self.make_call(ticket);  // instead of the one that `data` pointed to
        if (sd_bus_call_method_async(self.bus_, &next.slot, destination, path,
                                     "org.freedesktop.DBus.Properties", "GetAll",
                                     &SystemdBus::on_properties, &next, "s", unit_interface) >= 0) {
            return 0;
        }
        answer.error = "the system bus is gone";
    }
    self.answer(ticket, answer);
    return 0;
}

int SystemdBus::on_properties(sd_bus_message* reply, void* data, sd_bus_error*) {
    const Call& call = *static_cast<Call*>(data);
    Answer answer;
    if (sd_bus_message_is_method_error(reply, nullptr) > 0) {
        answer.error = error_in(reply);
    } else if (sd_bus_message_enter_container(reply, 'a', "{sv}") >= 0) {
        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
            const char* name = nullptr;
            const char* value = nullptr;
            sd_bus_message_read(reply, "s", &name);
            const bool wanted = name != nullptr && (std::strcmp(name, "ActiveState") == 0 ||
                                                    std::strcmp(name, "SubState") == 0);
            if (!wanted || sd_bus_message_read(reply, "v", "s", &value) < 0) {
                sd_bus_message_skip(reply, "v");
            } else {
                (*name == 'A' ? answer.active : answer.sub) = value;
            }
            sd_bus_message_exit_container(reply);
        }
    }
    call.bus->answer(call.ticket, answer);
    return 0;
}

// --- jobs ----------------------------------------------------------------------------------------

SystemdBus::Ticket SystemdBus::start_unit(const std::string& unit, Told told) {
    return order_job("StartUnit", unit, std::move(told));
}

SystemdBus::Ticket SystemdBus::stop_unit(const std::string& unit, Told told) {
    return order_job("StopUnit", unit, std::move(told));
}

SystemdBus::Ticket SystemdBus::order_job(const char* method, const std::string& unit, Told told) {
    const Ticket ticket = expect(unit, std::move(told));
    if (std::string error = connect(); !error.empty()) {
        answer_later(ticket, std::move(error));
        return ticket;
    }
    Call& call = make_call(ticket);
    const int sent =
        sd_bus_call_method_async(bus_, &call.slot, destination, manager_path, manager, method,
                                 &SystemdBus::on_job, &call, "ss", unit.c_str(), "replace");
    if (sent < 0) {
        disconnect("the system bus is gone: " + words(sent));
    } else {
        watch();
    }
    return ticket;
}

int SystemdBus::on_job(sd_bus_message* reply, void* data, sd_bus_error*) {
    const Ticket ticket = static_cast<Call*>(data)->ticket;
    SystemdBus& self = *static_cast<Call*>(data)->bus;
    const char* job = nullptr;
    Answer answer;
    if (sd_bus_message_is_method_error(reply, nullptr) > 0) {
        answer.error = error_in(reply);
    } else if (sd_bus_message_read(reply, "o", &job) < 0) {
        answer.error = "the service manager answered something else";
    } else if (const auto ended = self.removed_.find(job); ended != self.removed_.end()) {
        answer.result = ended->second;
        self.removed_.erase(ended);
    } else {
        if (const auto found = self.waiting_.find(ticket); found != self.waiting_.end()) {
            found->second.job = job;
        }
        self.calls_.erase(ticket);  // its answer comes as a signal
        return 0;
    }
    self.answer(ticket, answer);
    return 0;
}

int SystemdBus::on_job_removed(sd_bus_message* signal, void* data, sd_bus_error*) {
    SystemdBus& self = *static_cast<SystemdBus*>(data);
    std::uint32_t number = 0;
    const char* job = nullptr;
    const char* unit = nullptr;
    const char* result = nullptr;
    if (sd_bus_message_read(signal, "uoss", &number, &job, &unit, &result) < 0) {
        return 0;
    }
    for (const auto& [ticket, waiting] : self.waiting_) {
        if (waiting.job == job) {
            Answer answer;
            answer.result = result;
            self.answer(ticket, answer);
            return 0;
        }
    }
    // It may be the one whose number has not been told yet.
    if (self.removed_.size() >= most_removed) {
        self.removed_.clear();
    }
    self.removed_[job] = result;
    return 0;
}

}  // namespace understudy::checks
