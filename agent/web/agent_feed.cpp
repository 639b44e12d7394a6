#include "agent/web/agent_feed.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "agent/control/json.hpp"
#include "base/system_error.hpp"

namespace understudy::web {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Two questions are at least so far apart, however many look: an answer costs the heartbeat time.
constexpr milliseconds spacing{100};
constexpr milliseconds refresh{1000};          // while somebody watches
constexpr milliseconds agents_patience{2000};  // how long the agent may take
constexpr milliseconds retry{500};             // between two attempts to connect
constexpr seconds idle{30};                    // without a question, the connection is given up
constexpr control::BootOrigin utc{};           // times in answers are UTC

}  // namespace

AgentFeed::Watch::Watch(AgentFeed& feed) : feed_(feed) {
    {
        const std::lock_guard lock(feed_.mutex_);
        ++feed_.watchers_;
    }
    feed_.wake();
}

AgentFeed::Watch::~Watch() {
    const std::lock_guard lock(feed_.mutex_);
    --feed_.watchers_;
}

AgentFeed::AgentFeed(std::filesystem::path runtime_dir)
    : runtime_dir_(std::move(runtime_dir)), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (wake_fd_ < 0) {
        throw_system_error("cannot create an eventfd");
    }
    thread_ = std::thread([this] { run(); });
}

AgentFeed::~AgentFeed() {
    stop();
    thread_.join();
    close(wake_fd_);
}

void AgentFeed::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
    }
    changed_.notify_all();
    wake();
}

void AgentFeed::wake() {
    eventfd_write(wake_fd_, 1);
}

// --- for those who look --------------------------------------------------------------------------

std::shared_ptr<const Answer> AgentFeed::ask() {
    std::unique_lock lock(mutex_);
    const std::uint64_t mine = ++wanted_;
    wake();
    const bool came =
        changed_.wait_for(lock, 2 * agents_patience, [&] { return answered_ >= mine || stopped_; });
    if (came && !stopped_) {
        return latest_;
    }
    auto nothing = std::make_shared<Answer>();
    nothing->trouble = "the agent does not answer";
    return nothing;
}

AgentFeed::News AgentFeed::wait(Place& place, milliseconds patience) {
    std::unique_lock lock(mutex_);
    const auto newest = [&] { return events_.empty() ? 0 : events_.back().number; };
    changed_.wait_for(lock, patience, [&] {
        return stopped_ || latest_->number > place.answer ||
               (place.run == run_ && newest() > place.last_event);
    });
    News news;
    news.over = stopped_;
    if (latest_->number > place.answer) {
        news.answer = latest_;
        place.answer = latest_->number;
    }
    // The numbers of another run of the agent begin anew; a watcher that comes back from a former
    // one has seen more than there is.
    if (place.run != run_ && (place.run != 0 || place.last_event > newest())) {
        place.last_event = 0;
    }
    place.run = run_;
    for (const control::StateEvent& event : events_) {
        if (event.number > place.last_event) {
            news.events.push_back(event);
            place.last_event = event.number;
        }
    }
    return news;
}

// --- the thread ----------------------------------------------------------------------------------

bool AgentFeed::is_wanted(Clock::time_point now) const {
    return watchers_ > 0 || wanted_ > answered_ || now - last_wanted_ < idle;
}

void AgentFeed::run() {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
        if (watchers_ == 0 && wanted_ == answered_) {
            lock.unlock();
            pollfd waiting{wake_fd_, POLLIN, 0};
            poll(&waiting, 1, -1);
            eventfd_t count = 0;
            eventfd_read(wake_fd_, &count);
            lock.lock();
            continue;
        }
        asking_for_ = wanted_;
        last_wanted_ = Clock::now();
        lock.unlock();
        auto connection =
            client::Connection::open(runtime_dir_, agents_patience, control::Access::questions);
        Answer end;
        if (connection) {
            follow(*connection);
        } else {
            end.trouble = connection.error();
            publish(std::move(end));
        }
        lock.lock();
        if (watchers_ > 0) {
            changed_.wait_for(lock, retry, [&] { return stopped_ || wanted_ > answered_; });
        }
    }
}

// Until the agent has gone, or nobody wants to know anything any more.
void AgentFeed::follow(client::Connection& connection) {
    {
        const std::lock_guard lock(mutex_);
        events_.clear();
        ++run_;
    }
    hurry_ = true;
    asked_at_.reset();
    give_up_at_.reset();
    const auto fail = [&](std::string why) {
        Answer answer;
        answer.trouble = std::move(why);
        publish(std::move(answer));
    };
    const std::string events = control::to_json(control::Request{control::EventsRequest{true}});
    if (const auto sent = connection.send(events, agents_patience); !sent) {
        fail(client::in_words(sent.error()));
        return;
    }
    while (true) {
        const auto now = Clock::now();
        if (!send_due_question(connection, now)) {
            return;
        }
        if (give_up_at_ && now >= *give_up_at_) {
            fail(client::in_words(client::Trouble::silent));
            return;
        }
        const auto line =
            connection.receive(time_to_next_question(now), client::Disturbance{wake_fd_, POLLIN});
        if (line && !take(*line)) {
            fail("the agent's answer is not understood");
            return;
        }
        if (!line && line.error() == client::Trouble::disturbed) {
            eventfd_t count = 0;
            eventfd_read(wake_fd_, &count);
        } else if (!line && line.error() != client::Trouble::silent) {
            fail(client::in_words(line.error()));
            return;
        }
    }
}

// False: there is no more to do on this connection.
bool AgentFeed::send_due_question(client::Connection& connection, Clock::time_point now) {
    {
        const std::lock_guard lock(mutex_);
        if (stopped_ || !is_wanted(now)) {
            return false;
        }
        const bool old = !asked_at_ || now >= *asked_at_ + refresh;
        const bool due = hurry_ || wanted_ > answered_ || (watchers_ > 0 && old);
        if (give_up_at_ || !due || (asked_at_ && now < *asked_at_ + spacing)) {
            return true;
        }
        asking_for_ = wanted_;
        if (wanted_ > answered_) {
            last_wanted_ = now;
        }
    }
    hurry_ = false;
    asked_at_ = now;
    give_up_at_ = now + agents_patience;
    const std::string question = control::to_json(control::Request{control::StatusRequest{}});
    if (const auto sent = connection.send(question, agents_patience); !sent) {
        Answer answer;
        answer.trouble = client::in_words(sent.error());
        publish(std::move(answer));
        return false;
    }
    return true;
}

milliseconds AgentFeed::time_to_next_question(Clock::time_point now) const {
    const std::lock_guard lock(mutex_);
    Clock::time_point next = now + idle;
    if (give_up_at_) {
        next = *give_up_at_;
    } else if (hurry_ || wanted_ > answered_) {
        next = asked_at_ ? *asked_at_ + spacing : now;
    } else if (watchers_ > 0) {
        next = asked_at_ ? *asked_at_ + refresh : now;
    }
    return std::max(std::chrono::ceil<milliseconds>(next - now), milliseconds{0});
}

// False: it is nothing that an agent would say to us.
bool AgentFeed::take(const std::string& line) {
    auto response = control::parse_response(line, utc);
    if (!response) {
        return false;
    }
    if (auto* events = std::get_if<control::EventsResponse>(&*response)) {
        add_events(std::move(events->events));
        hurry_ = true;
        return true;
    }
    Answer answer;
    if (auto* status = std::get_if<control::StatusResponse>(&*response)) {
        answer.line = line;
        answer.status = std::move(*status);
    } else if (auto* error = std::get_if<control::ErrorResponse>(&*response)) {
        answer.trouble = error->text;
    } else {
        return false;
    }
    give_up_at_.reset();
    publish(std::move(answer));
    return true;
}

void AgentFeed::publish(Answer answer) {
    {
        const std::lock_guard lock(mutex_);
        answer.number = latest_->number + 1;
        latest_ = std::make_shared<const Answer>(std::move(answer));
        answered_ = std::max(answered_, asking_for_);
    }
    changed_.notify_all();
}

void AgentFeed::add_events(std::vector<control::StateEvent> events) {
    {
        const std::lock_guard lock(mutex_);
        std::ranges::move(events, std::back_inserter(events_));
        while (events_.size() > control::most_events_kept) {
            events_.pop_front();
        }
    }
    changed_.notify_all();
}

}  // namespace understudy::web
