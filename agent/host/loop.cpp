#include "agent/host/loop.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <boost/asio/post.hpp>

#include "agent/config/render.hpp"
#include "agent/host/boot_clock.hpp"
#include "agent/host/journal.hpp"
#include "base/overloaded.hpp"
#include "base/system_error.hpp"

namespace understudy::host {

namespace {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

int make_timer() {
    const int fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0) {
        throw_system_error("cannot create a timer");
    }
    return fd;
}

}  // namespace

Loop::Loop(core::Configuration configuration, std::filesystem::path file,
           const std::filesystem::path& runtime_dir, std::optional<RunnerEnds> runner,
           PacketSockets packet_sockets)
    : started_(boot_now()),
      running_(std::make_shared<const core::Configuration>(std::move(configuration))),
      node_(*running_, started_),
      maintenance_(runtime_dir),
      packet_sockets_(std::move(packet_sockets)),
      sockets_(packet_sockets_.owners.get()),
      introduction_(packet_sockets_.frames.get()),
      owners_ear_(io_, packet_sockets_.owners.get()),
      executor_(
          sockets_, packet_sockets_.frames.get(), [this](const core::Event& event) { feed(event); },
          [this](const core::Action& action) { carry_out(action); }),
      kernel_(io_, monitor_.fd()),
      timer_(io_, make_timer()),
      signals_(io_, signal_reader_.fd()),
      control_(
          io_, runtime_dir / "control.sock",
          [this](core::ClientId client, const control::Request& request) {
              on_request(client, request);
          },
          [this](core::ClientId client) { feed(core::ClientGone{client}); }),
      reloader_(
          io_, std::move(file), runner && runner->changes_user, [this] { return running_; },
          [this](Reloaded result, const std::vector<core::ClientId>& askers) {
              reloaded(std::move(result), askers);
          }) {
    control_.offer_answers(runtime_dir / "status.sock");
    if (node_.configuration().agent.record) {
        recorder_ = std::make_unique<Recorder>(
            runtime_dir, record::make_header(node_.configuration(), started_,
                                             boot_origin() + started_.time_since_epoch()));
    }
    if (runner) {
        health_.emplace(io_, std::move(*runner), running_, [this](const core::Event& event) {
            feed(event);
            if (!busy_) {
                after_round();
            }
        });
    }
}

// What they wait on belongs to somebody else.
Loop::~Loop() {
    kernel_.release();
    signals_.release();
    owners_ear_.release();
    for (auto& [listener, ear] : ears_) {
        ear.release();
    }
}

void Loop::start() {
    wait_for_timer();
    wait_for_kernel();
    wait_for_signal();
    reap_children();  // that ended before their signal was waited for
    hear_owners();
    restore_maintenance();
    monitor_.observe_all([this](const core::Event& event) { feed(event); });
    notify_.ready();
    if (const auto period = notify_.life_sign_period()) {
        life_sign_at_ = boot_now() + *period;
    }
    after_round();
}

bool Loop::run() {
    io_.run();
    notify_.stopping();
    return leaves_addresses_;
}

// Before anything is known, so that nothing is taken first.
void Loop::restore_maintenance() {
    std::string problem;
    const auto request = maintenance_.read(problem);
    if (!problem.empty()) {
        write_line(core::LogLevel::error, problem);
    }
    if (request) {
        feed(core::CommandReceived{0, *request});
    }
}

// --- events in, actions out ----------------------------------------------------------------------

// An event that arises while actions are carried out (a refused address, an opened socket) waits
// for its turn: the Node sees one event after the other.
void Loop::feed(const core::Event& event) {
    if (busy_) {
        pending_.push_back(event);
        return;
    }
    busy_ = true;
    handle(event);
    while (!pending_.empty()) {
        const core::Event next = std::move(pending_.front());
        pending_.pop_front();
        handle(next);
    }
    busy_ = false;
}

void Loop::handle(const core::Event& event) {
    if (stopped_) {
        return;
    }
    outbox_.clear();
    sockets_.observe(event);
    const TimePoint now = boot_now();
    node_.handle(now, event, outbox_);
    if (const auto* change = std::get_if<core::ConfigurationChanged>(&event)) {
        take_over(*change);  // what follows is meant as it has it
    }
    if (!outbox_.actions.empty()) {
        executor_.execute(outbox_);
    }
    introduce_after(event);
    if (recorder_) {
        recorder_->record(now, event, outbox_, node_);
    }
}

void Loop::carry_out(const core::Action& action) {
    std::visit(Overloaded{
                   [&](const core::OpenListener& a) { open_listener(a.listener); },
                   [&](const core::CloseListener& a) { close_listener(a.listener); },
                   [&](const core::Reply& a) { control_.reply(a.client, a.response); },
                   [&](const core::Log& a) { write_line(a.level, a.text); },
                   [&](const core::Publish& a) {
                       const control::StateEvent& event = a.event;
                       write_line(core::LogLevel::info,
                                  event.vip + ": " + std::string{control::name_of(event.from)} +
                                      " -> " + std::string{control::name_of(event.to)} + ": " +
                                      event.cause);
                       control_.publish(event);
                   },
                   [&](const core::RunCheck& a) { health_->carry_out(a); },
                   [&](const core::RestartProber& a) { health_->carry_out(a); },
                   [&](const core::StartService& a) { health_->carry_out(a); },
                   [&](const core::StopService& a) { health_->carry_out(a); },
                   [&](const core::RunHook& a) {
                       if (health_) {
                           health_->carry_out(a);
                       } else {
                           feed(core::HookFinished{a.order, false, "there is no runner"});
                       }
                   },
                   [&](const core::KeepMaintenance& a) { maintenance_.keep(a); },
                   [&](const core::Exit&) {
                       stopped_ = true;
                       io_.stop();
                   },
                   [](const auto&) {},
               },
               action);
}

void Loop::on_request(core::ClientId client, const control::Request& request) {
    if (std::holds_alternative<control::ConfigShowRequest>(request)) {
        control_.reply(
            client, control::ConfigResponse{config::render(*running_), reloader_.file().string()});
        return;
    }
    if (std::holds_alternative<control::ReloadRequest>(request)) {
        reload(client);
        return;
    }
    feed(core::CommandReceived{client, request});
    after_round();
}

// --- VRRP sockets --------------------------------------------------------------------------------

void Loop::open_listener(const core::Listener& listener) {
    forget_ear(listener);
    const auto fd = sockets_.open(listener);
    if (!fd) {
        feed(core::ListenerFailed{listener, fd.error()});
        return;
    }
    hear(listener, ears_.emplace(listener, stream_descriptor{io_, *fd}).first->second);
    feed(core::ListenerOpened{listener});
}

void Loop::close_listener(const core::Listener& listener) {
    forget_ear(listener);
    sockets_.close(listener);
}

void Loop::forget_ear(const core::Listener& listener) {
    if (const auto ear = ears_.find(listener); ear != ears_.end()) {
        ear->second.release();
        ears_.erase(ear);
    }
}

void Loop::hear(const core::Listener& listener, stream_descriptor& ear) {
    ear.async_wait(stream_descriptor::wait_read, [this, listener](error_code error) {
        if (error) {
            return;
        }
        receive(listener);
        after_round();
        if (const auto found = ears_.find(listener); found != ears_.end()) {
            hear(listener, found->second);
        }
    });
}

void Loop::hear_owners() {
    owners_ear_.async_wait(stream_descriptor::wait_read, [this](error_code error) {
        if (error) {
            return;
        }
        receive_owners();
        after_round();
        hear_owners();
    });
}

void Loop::receive_owners() {
    sockets_.receive_owners([this](const core::Event& event) { feed(event); });
}

void Loop::receive(const core::Listener& listener) {
    const int error = sockets_.receive(listener, [this](const core::Event& event) { feed(event); });
    if (error != 0 && ears_.contains(listener)) {
        feed(core::ListenerFailed{listener, system_error_text("cannot receive", error)});
    }
}

// The peers are asked once there is a socket that hears what they have been keeping back, and again
// when there is an address to ask from, or another peer.
void Loop::introduce_after(const core::Event& event) {
    const auto introduce = [&](const core::Listener& listener) {
        introduction_.introduce(*running_, sockets_.held(), listener.interface, listener.family);
    };
    if (const auto* opened = std::get_if<core::ListenerOpened>(&event)) {
        introduce(opened->listener);
        return;
    }
    const bool has_come = introduction_.has_come(event);
    if (!has_come && !std::holds_alternative<core::ConfigurationChanged>(event)) {
        return;
    }
    const auto* seen = std::get_if<core::AddressSeen>(&event);
    for (const auto& [listener, ear] : ears_) {
        if (seen == nullptr || (listener.interface == seen->index &&
                                listener.family == seen->prefix.address.family())) {
            introduce(listener);
        }
    }
}

// --- the timer, the kernel, signals --------------------------------------------------------------

// Datagrams that wait in the sockets are older than the deadline that has just come: a standby that
// was held up must not take over from an Active router whose advertisements it has not read yet.
// (An Active one that was held up stands down with the first event, whichever that is.)
void Loop::wait_for_timer() {
    timer_.async_wait(stream_descriptor::wait_read, [this](error_code error) {
        if (error) {
            return;
        }
        std::uint64_t expirations = 0;
        [[maybe_unused]] const auto size =
            ::read(timer_.native_handle(), &expirations, sizeof expirations);
        armed_.reset();
        std::vector<core::Listener> listeners;
        for (const auto& [listener, ear] : ears_) {
            listeners.push_back(listener);
        }
        for (const core::Listener& listener : listeners) {
            receive(listener);
        }
        receive_owners();
        feed(core::TimePassed{});
        after_round();
        wait_for_timer();
    });
}

void Loop::wait_for_kernel() {
    kernel_.async_wait(stream_descriptor::wait_read, [this](error_code error) {
        if (error) {
            return;
        }
        monitor_.read_events([this](const core::Event& event) { feed(event); });
        after_round();
        wait_for_kernel();
    });
}

void Loop::after_round() {
    if (stopped_) {
        return;
    }
    const TimePoint now = boot_now();
    if (life_sign_at_ && now >= *life_sign_at_) {
        notify_.alive();
        life_sign_at_ = now + *notify_.life_sign_period();
    }
    notify_.status(node_.summary());
    arm_timer();
    if (!continuing_ && executor_.go_on()) {
        go_on_later();
    }
}

// Many announcements are sent in portions, with everything else in between.
void Loop::go_on_later() {
    continuing_ = true;
    boost::asio::post(io_, [this] {
        continuing_ = false;
        if (executor_.go_on()) {
            go_on_later();
        }
    });
}

// Only an earlier deadline re-arms the timer: with every advertisement that a standby hears its
// deadline moves on, and one wake-up too many in three intervals is cheaper than a system call for
// each.
void Loop::arm_timer() {
    auto deadline = node_.next_deadline();
    if (life_sign_at_) {
        deadline = deadline ? std::min(*deadline, *life_sign_at_) : life_sign_at_;
    }
    if (!deadline || (armed_ && *armed_ <= *deadline)) {
        return;
    }
    armed_ = deadline;
    const auto since_boot = std::max(deadline->time_since_epoch(), Duration{1});
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
    itimerspec when{};
    when.it_value.tv_sec = seconds.count();
    when.it_value.tv_nsec = std::chrono::nanoseconds{since_boot - seconds}.count();
    timerfd_settime(timer_.native_handle(), TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace understudy::host
