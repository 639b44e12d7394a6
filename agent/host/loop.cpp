#include "agent/host/loop.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

#include "agent/host/boot_clock.hpp"
#include "agent/host/journal.hpp"
#include "agent/host/privileges.hpp"
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
           PacketSockets packet_sockets, RuleKeeper* rules)
    : notify_(io_),
      started_(boot_now()),
      running_(std::make_shared<const core::Configuration>(std::move(configuration))),
      node_(*running_, started_),
      maintenance_(runtime_dir),
      advert_times_(runtime_dir),
      worker_(io_,
              [this](const std::function<void()>& done) {
                  const TurnMeter::Turn turn(meter_, "an answer of the kernel");
                  done();
                  after_round();
              }),
      packet_sockets_(std::move(packet_sockets)),
      sockets_(packet_sockets_.owners.get()),
      introduction_(packet_sockets_.frames.get()),
      owners_ear_(io_, packet_sockets_.owners.get()),
      rules_(rules),
      giving_away_(rules),
      executor_(sockets_, packet_sockets_.frames.get(), worker_, listeners()),
      kernel_(io_, monitor_.fd()),
      timer_(io_, make_timer()),
      signals_(io_, signal_reader_.fd()),
      control_(
          io_, runtime_dir,
          [this](core::ClientId client, const control::Request& request) {
              on_request(client, request);
          },
          [this](core::ClientId client) { feed(core::ClientGone{client}); }),
      reloader_(
          io_, std::move(file), runner && runner->changes_user, rules, [this] { return running_; },
          [this](Reloaded result, const std::vector<core::ClientId>& askers) {
              reloaded(std::move(result), askers);
          }) {
    if (node_.configuration().agent.record) {
        recorder_ = std::make_unique<Recorder>(
            runtime_dir, record::make_header(node_.configuration(), started_,
                                             boot_origin() + started_.time_since_epoch()));
    }
    if (runner) {
        if (const auto account = account_of_prober(running_->agent.script_user);
            account && runner->changes_user) {
            control_.refuse(account->uid);
        }
        health_.emplace(io_, std::move(*runner), running_, [this](const core::Event& event) {
            const TurnMeter::Turn turn(meter_, "a check or a hook");
            feed(event);
            if (!busy_) {
                after_round();
            }
        });
    }
}

Executor::Listeners Loop::listeners() {
    return {.events = [this](const core::Event& event) { feed(event); },
            .others = [this](std::span<const core::Action> actions) { carry_out(actions); },
            .catch_up =
                [this] {
                    read_sockets();
                    feed(core::TimePassed{});
                },
            .advertised =
                [this](const core::SendAdvert& advert, std::span<const std::byte> payload) {
                    if (advert.after != vrrp::After::release) {
                        advert_times_.sent(advert.interface, advert.vrid, boot_now());
                    }
                    giving_away_.advertised(advert, payload);
                },
            .announced =
                [this](std::span<const core::Announce> announcements) {
                    giving_away_.announced(announcements, executor_.links());
                },
            .step = [this](const char* what) { meter_.step(what); }};
}

// What they wait on belongs to somebody else.
Loop::~Loop() {
    worker_.stop();
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
    monitor_.observe_all([this](const core::Event& event) { feed(with_true_age(event)); });
    notify_.ready();
    if (const auto period = notify_.life_sign_period()) {
        life_sign_at_ = boot_now() + *period;
    }
    after_round();
}

bool Loop::run() {
    io_.run();
    notify_.stopping();
    if (!leaves_addresses_) {
        advert_times_.remove();
    }
    return leaves_addresses_;
}

// An address that a former agent has left is as old as the last advertisement that went with it.
core::Event Loop::with_true_age(core::Event event) const {
    auto* seen = std::get_if<core::AddressSeen>(&event);
    const SeenLinks& links = executor_.links();
    const core::LinkSeen* link = seen == nullptr ? nullptr : links.find(seen->index);
    if (link == nullptr || !seen->ours) {
        return event;
    }
    for (const core::VipSettings& vip : running_->vips) {
        const bool has = std::ranges::any_of(vip.addresses, [&](const auto& address) {
            return address.interface == link->name && address.prefix == seen->prefix;
        });
        const core::LinkSeen* wire = has ? links.find(vip.interface) : nullptr;
        const auto sent =
            wire == nullptr ? std::nullopt : advert_times_.former(wire->index, vip.vrid);
        if (sent) {
            seen->age = std::max(boot_now() - *sent, Duration::zero());
        }
    }
    return event;
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
    executor_.observe(event);
    giving_away_.observe(event);
    meter_.step("deciding");
    const TimePoint now = boot_now();
    node_.handle(now, event, outbox_);
    if (const auto* asked = std::get_if<core::CommandReceived>(&event);
        asked != nullptr && control::is_question(asked->request)) {
        answer_question();
    }
    if (const auto* change = std::get_if<core::ConfigurationChanged>(&event)) {
        take_over(*change);  // what follows is meant as it has it
    }
    if (!outbox_.actions.empty()) {
        executor_.execute(outbox_);
    }
    introduce_after(event);
    if (recorder_) {
        meter_.step("recording");
        recorder_->record(now, event, outbox_, node_);
    }
}

// The process knows more about itself than its Node.
control::Response Loop::completed(control::Response response) const {
    if (auto* status = std::get_if<control::StatusResponse>(&response)) {
        status->loop = meter_.status();
        if (rules_ != nullptr) {
            status->packet_rules = rules_->status();
        }
        if (health_) {
            status->runner = health_->runner_status();
        }
    }
    return response;
}

// Moved out of the outbox: the status of some hundred VIPs is thousands of strings. What is left of
// it there goes to a client that no longer waits.
void Loop::answer_question() {
    for (core::Action& action : outbox_.actions) {
        if (auto* reply = std::get_if<core::Reply>(&action)) {
            control_.reply(reply->client, completed(std::move(reply->response)));
        }
    }
}

void Loop::carry_out(std::span<const core::Action> actions) {
    const bool was_busy = std::exchange(busy_, true);
    meter_.step("answering, logging and ordering checks");
    for (const core::Action& action : actions) {
        carry_out(action);
    }
    busy_ = was_busy;
    if (!busy_ && !pending_.empty()) {
        const core::Event next = std::move(pending_.front());
        pending_.pop_front();
        feed(next);
    }
}

void Loop::carry_out(const core::Action& action) {
    std::visit(Overloaded{
                   [&](const core::OpenListener& a) { open_listener(a.listener); },
                   [&](const core::CloseListener& a) { close_listener(a.listener); },
                   [&](const core::Reply& a) { control_.reply(a.client, completed(a.response)); },
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

// --- the timer, the kernel, signals --------------------------------------------------------------

// Datagrams that wait in the sockets are older than the deadline that has just come: a standby that
// was held up must not take over from an Active router whose advertisements it has not read yet.
// (An Active one that was held up stands down with the first event, whichever that is.)
void Loop::wait_for_timer() {
    timer_.async_wait(stream_descriptor::wait_read, [this](error_code error) {
        if (error) {
            return;
        }
        const TurnMeter::Turn turn(meter_, "a timer");
        std::uint64_t expirations = 0;
        [[maybe_unused]] const auto size =
            ::read(timer_.native_handle(), &expirations, sizeof expirations);
        if (const auto due = std::exchange(armed_, std::nullopt)) {
            const TimePoint now = boot_now();
            meter_.delayed(now, now - *due);
        }
        read_sockets();
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
        const TurnMeter::Turn turn(meter_, "a change of the network");
        if (monitor_.read_events([this](const core::Event& event) { feed(event); })) {
            wait_for_kernel();
        } else {
            observe_again();
        }
        after_round();
    });
}

// What the kernel tells meanwhile is told after it.
void Loop::observe_again() {
    worker_.run([this] {
        std::vector<core::Event> seen;
        monitor_.observe_all([&](const core::Event& event) { seen.push_back(event); });
        return [this, seen = std::move(seen)] {
            for (const core::Event& event : seen) {
                feed(event);
            }
            wait_for_kernel();
        };
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
    giving_away_.apply(*running_, executor_.links(), sockets_.held());
    if (!continuing_ && executor_.go_on()) {
        go_on_later();
    }
    arm_timer();
}

// Many announcements are sent in portions, with everything else in between.
void Loop::go_on_later() {
    continuing_ = true;
    boost::asio::post(io_, [this] {
        const TurnMeter::Turn turn(meter_, "further announcements");
        continuing_ = false;
        if (executor_.go_on()) {
            go_on_later();
        }
        arm_timer();
    });
}

// Only an earlier deadline re-arms the timer: with every advertisement that a standby hears its
// deadline moves on, and one wake-up too many in three intervals is cheaper than a system call for
// each.
void Loop::arm_timer() {
    auto deadline = node_.next_deadline();
    for (const auto& other : {life_sign_at_, executor_.next_deadline()}) {
        if (other) {
            deadline = deadline ? std::min(*deadline, *other) : other;
        }
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
