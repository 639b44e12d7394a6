// One Node, the kernel that does what it asks for, and the judge of its actions: one event after
// the other, as the loop of the host does it.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/hooks.hpp"
#include "agent/core/reload.hpp"
#include "base/ensure.hpp"
#include "base/overloaded.hpp"
#include "tests/fuzz/core_kernel.hpp"
#include "tests/fuzz/core_rules.hpp"
#include "tests/fuzz/core_trace.hpp"

namespace understudy::fuzz {

using namespace std::chrono_literals;

// To understand a finding: CORE_EVENTS_TRACE=1 build/fuzz/bin/core_events_fuzz FILE
inline const bool traced = std::getenv("CORE_EVENTS_TRACE") != nullptr;

// The Node waits a second for the kernel to show what was asked for, and then believes its eyes.
inline constexpr Duration longest_delay = 500ms;
inline constexpr int most_rounds_at_once = 8;
// A history of hours with an interval of 10 ms would take as long as it sounds.
inline constexpr int most_deadlines_to_the_end = 1000;

class Scene {
public:
    // How a request for a socket is answered.
    enum class Sockets : std::uint8_t { open, fail, are_silent };

    explicit Scene(core::Configuration configuration)
        : configuration_(std::make_shared<const core::Configuration>(std::move(configuration))),
          rules_(configuration_),
          node_(*configuration_, now_) {}

    TimePoint now() const { return now_; }
    bool exited() const { return rules_.exited(); }
    std::optional<TimePoint> next_deadline() const { return node_.next_deadline(); }
    const core::Configuration& configuration() const { return *configuration_; }

    // The Node is told for the first time what there is.
    void begin(Duration later) {
        now_ += later;
        tell_anew();
    }
    void feed(const core::Event& event);
    void reload(core::Configuration configuration);
    // The kernel tells what it has not told yet, or the oldest of it.
    void tell(std::size_t most);
    void tell_all() { tell(kernel.untold.size()); }
    void tell_anew();  // everything
    // To this time, which the Node learns, or does not.
    void advance(TimePoint to);
    void move_clock(TimePoint to);
    // Whatever happened before: who is asked to stop does, and in time.
    void end();

    Kernel kernel;
    Sockets sockets = Sockets::open;
    std::vector<core::RunCheck> runs;  // that are not answered yet
    std::vector<core::Event> orders;   // as they will be answered

private:
    void handle(const core::Event& event);
    // What is overlooked stays so for some events; and a look costs more than an event.
    static constexpr unsigned looks_every = 8;
    void look_for_what_is_overlooked();
    void carry_out(const core::Action& action);
    void answer_listener(const core::Listener& listener);
    void take_over(const core::ConfigurationChanged& change);
    void pass_time();
    void go_on_until(TimePoint latest);

    TimePoint now_{1000s};
    TimePoint told_ = now_;  // when the Node knew all that the kernel had
    std::shared_ptr<const core::Configuration> configuration_;
    Duration longest_hook_{};  // of those before the present configuration
    Rules rules_;
    core::Node node_;
    core::Outbox out_;
    unsigned handled_ = 0;
    std::deque<core::Event> pending_;
};

// One event after the other, as the loop of the host does it.
inline void Scene::feed(const core::Event& event) {
    handle(event);
    while (!pending_.empty()) {
        const core::Event next = std::move(pending_.front());
        pending_.pop_front();
        handle(next);
    }
}

inline void Scene::handle(const core::Event& event) {
    if (rules_.exited()) {
        return;
    }
    const auto due = node_.next_deadline();
    const bool in_time = !due || *due >= now_;
    out_.clear();
    rules_.told(now_, event);
    if (traced) {
        trace(now_, event);
    }
    node_.handle(now_, event, out_);
    if (traced) {
        trace(out_);
    }
    rules_.check(out_, !due || *due > now_);
    if (const auto* change = std::get_if<core::ConfigurationChanged>(&event)) {
        take_over(*change);  // what follows is meant as it has it
    }
    const auto next = node_.next_deadline();
    ensure(!in_time || !next || *next >= now_, "no deadline is in the past");
    if (++handled_ % looks_every == 0 && (!next || *next > now_)) {
        look_for_what_is_overlooked();
    }
    for (const core::Action& action : out_.actions) {
        carry_out(action);
    }
}

// A reload without a difference has everything looked at again.
inline void Scene::look_for_what_is_overlooked() {
    if (rules_.is_stopping() || !rules_.is_complete()) {
        return;
    }
    core::Node again = node_;
    core::Outbox out;
    again.handle(now_, core::change_of(*configuration_, configuration_), out);
    if (traced && !out.actions.empty()) {
        trace(out);
    }
    ensure(out.actions.empty(), "everything has been looked at");
}

inline void Scene::carry_out(const core::Action& action) {
    std::visit(
        Overloaded{
            [&](const core::AddAddress& a) {
                if (const auto refused = kernel.carry_out(now_, a)) {
                    pending_.emplace_back(*refused);
                }
            },
            [&](const core::RenewAddress& a) { kernel.carry_out(now_, a); },
            [&](const core::RemoveAddress& a) { kernel.carry_out(a); },
            [&](const core::OpenListener& a) { answer_listener(a.listener); },
            [&](const core::RunCheck& a) { runs.push_back(a); },
            [&](const core::StartService& a) {
                orders.emplace_back(core::ServiceCommandFinished{a.service, a.order, true, ""});
            },
            [&](const core::StopService& a) {
                orders.emplace_back(core::ServiceCommandFinished{a.service, a.order, true, ""});
            },
            [&](const core::RunHook& a) {
                orders.emplace_back(core::HookFinished{a.order, true, ""});
            },
            [](const auto&) {},
        },
        action);
}

inline void Scene::answer_listener(const core::Listener& listener) {
    if (sockets == Sockets::open) {
        pending_.emplace_back(core::ListenerOpened{listener});
    } else if (sockets == Sockets::fail) {
        pending_.emplace_back(core::ListenerFailed{listener, "refused"});
    }
}

// --- a reload ------------------------------------------------------------------------------------

inline void Scene::reload(core::Configuration configuration) {
    feed(core::change_of(*configuration_,
                         std::make_shared<const core::Configuration>(std::move(configuration))));
}

// Places may be others, and what is not asked any more is not answered (see core::CheckFinished).
inline void Scene::take_over(const core::ConfigurationChanged& change) {
    if (rules_.is_stopping()) {
        return;
    }
    const auto former = std::exchange(configuration_, change.configuration);
    const auto place = [](const auto& all, const std::string& name) {
        const auto found = std::ranges::find(all, name, [](const auto& a) { return a.name; });
        return found == all.end() ? std::nullopt
                                  : std::optional{static_cast<std::size_t>(found - all.begin())};
    };
    std::erase_if(runs, [&](core::RunCheck& run) {
        const std::string& name = former->checks[run.check].name;
        const auto now = place(configuration_->checks, name);
        run.check = now.value_or(0);
        return !now ||
               std::ranges::find(change.other_questions, name) != change.other_questions.end();
    });
    std::erase_if(orders, [&](core::Event& order) {
        auto* finished = std::get_if<core::ServiceCommandFinished>(&order);
        if (finished == nullptr) {
            return false;
        }
        const auto now = place(configuration_->services, former->services[finished->service].name);
        finished->service = now.value_or(0);
        return !now;
    });
    for (const core::VipSettings& vip : former->vips) {
        longest_hook_ = std::max(longest_hook_, vip.hooks.timeout + core::hook_grace);
    }
}

// --- time ----------------------------------------------------------------------------------------

inline void Scene::pass_time() {
    for (int round = 0;; ++round) {
        feed(core::TimePassed{});
        const auto next = node_.next_deadline();
        if (rules_.exited() || !next || *next > now_) {
            return;
        }
        ensure(round < most_rounds_at_once, "time that has passed is over");
    }
}

inline void Scene::advance(TimePoint to) {
    move_clock(to);
    pass_time();
}

inline void Scene::move_clock(TimePoint to) {
    for (int i = 0; i < most_rounds_at_once && to - told_ > longest_delay; ++i) {
        tell_all();  // which may lead to more
    }
    now_ = std::max(now_, to);
    kernel.expire(now_);
}

inline void Scene::tell(std::size_t most) {
    for (std::size_t i = 0; i < most && !kernel.untold.empty(); ++i) {
        const core::Event event = std::move(kernel.untold.front());
        kernel.untold.pop_front();
        feed(event);
    }
    told_ = kernel.untold.empty() ? now_ : told_;
}

inline void Scene::tell_anew() {
    for (const core::Event& event : kernel.dump(now_)) {
        feed(event);
    }
}

// --- the end -------------------------------------------------------------------------------------

inline void Scene::go_on_until(TimePoint latest) {
    for (int i = 0; i < most_deadlines_to_the_end && !rules_.exited(); ++i) {
        const auto next = node_.next_deadline();
        if (!next || *next > latest) {
            break;
        }
        advance(*next);
        tell_all();
    }
}

inline void Scene::end() {
    if (exited()) {
        return;
    }
    tell_all();
    feed(core::StopRequested{});
    TimePoint latest = now_ + configuration_->agent.stop_timeout;
    for (const core::ServiceSettings& service : configuration_->services) {
        latest += service.stop_timeout;
    }
    // One that runs, on_release, and another one of each VIP; a peer's on_promote. And one that was
    // begun before a reload.
    Duration hooks{};
    for (const core::VipSettings& vip : configuration_->vips) {
        hooks += vip.hooks.any() ? 5 * (vip.hooks.timeout + core::hook_grace) : Duration{};
        hooks += longest_hook_;
    }
    go_on_until(latest + hooks);
    advance(latest + hooks);
    // That may have been a long sleep, after which on_release still runs.
    go_on_until(latest + 2 * hooks);
    ensure(exited(), "it has stopped within its time");
    for (const auto& [key, held] : kernel.addresses) {
        ensure(!held.ours || kernel.denied.contains(key) || !rules_.was_ever_configured(key),
               "it leaves no address behind");
    }
}

}  // namespace understudy::fuzz
