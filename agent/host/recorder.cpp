#include "agent/host/recorder.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "agent/control/json.hpp"
#include "agent/host/boot_clock.hpp"
#include "agent/host/journal.hpp"
#include "agent/host/recording.hpp"
#include "base/overloaded.hpp"

namespace understudy::host {

namespace {

constexpr std::size_t most_waiting = 8192;
// Some thousands of transitions, also of former agents.
constexpr Segments::Limits transition_limits{1024 * 1024, 4};

// What one event led to; and its line.
struct Transitions {
    std::vector<control::StateEvent> events;
    std::string line;
};

struct Item {
    std::uint64_t number = 0;  // of the event; the state is the one before it
    TimePoint at;
    std::variant<std::string, core::Node, Transitions> what;

    bool is_line() const { return std::holds_alternative<std::string>(what); }
};

}  // namespace

// A queue of its own: many events must not push out the lines that people read.
class Recorder::Thread {
public:
    Thread(const std::filesystem::path& dir, const record::Header& header)
        : recording_(Segments{dir, record::to_line(header)}),
          transitions_dir_(dir / "transitions"),
          transitions_(transitions_dir_, record::to_line(header), transition_limits),
          thread_([this](const std::stop_token& end) { run(end); }) {}

    bool wants_state() { return wants_state_.exchange(false); }

    void push(Item item) {
        {
            const std::lock_guard lock(mutex_);
            if (waiting_.size() >= most_waiting) {
                drop_a_line();
            }
            waiting_.push_back(std::move(item));
        }
        more_.notify_one();
    }

private:
    // The oldest one. States were asked for, and there are one or two of them; transitions are what
    // somebody looks for afterwards.
    void drop_a_line() {
        const auto oldest = std::ranges::find_if(waiting_, &Item::is_line);
        waiting_.erase(oldest == waiting_.end() ? waiting_.begin() : oldest);
    }

    // Ends after what is queued.
    void run(const std::stop_token& end) {
        stand_back();
        std::deque<Item> taken;
        while (take(end, taken)) {
            while (!taken.empty()) {
                write(std::move(taken.front()));
                taken.pop_front();
                if (recording_.asks_for_state(taken.empty())) {
                    wants_state_ = true;
                }
            }
        }
    }

    // It has time, the heartbeat has not.
    static void stand_back() {
        constexpr int niceness = 10;
        give_up_rights();
        setpriority(PRIO_PROCESS, 0, niceness);  // of this thread
    }

    bool take(const std::stop_token& end, std::deque<Item>& taken) {
        std::unique_lock lock(mutex_);
        more_.wait(lock, end, [this] { return !waiting_.empty(); });
        taken.swap(waiting_);
        return !taken.empty();
    }

    void write(Item item) {
        const std::string error = std::visit(
            Overloaded{
                [&](const std::string& line) { return recording_.write(item.number, line); },
                [&](core::Node& node) {
                    return recording_.write_state(item.number, item.at, std::move(node));
                },
                [&](const Transitions& transitions) { return write(transitions); },
            },
            item.what);
        if (!error.empty() && error != said_) {
            write_line(core::LogLevel::warn, "events are not recorded: " + error);
        }
        said_ = error;
    }

    // The line of the event once more, with what it led to.
    std::string write(const Transitions& transitions) {
        std::string line = transitions.line.substr(0, transitions.line.size() - 1);
        const char* before = ",\"transitions\":[";
        for (const control::StateEvent& event : transitions.events) {
            line += std::exchange(before, ",") + control::to_json(event, boot_origin());
        }
        std::error_code error;
        std::filesystem::create_directory(transitions_dir_, error);
        return error ? "cannot create " + transitions_dir_.string() + ": " + error.message()
                     : transitions_.write(line + "]}");
    }

    Recording recording_;
    std::filesystem::path transitions_dir_;
    Segments transitions_;
    std::string said_;  // the last error: once is enough
    std::atomic<bool> wants_state_ = false;
    std::mutex mutex_;
    std::condition_variable_any more_;
    std::deque<Item> waiting_;
    std::jthread thread_;  // the last, so that it ends before what it uses
};

Recorder::Recorder(const std::filesystem::path& dir, const record::Header& header)
    : thread_(std::make_unique<Thread>(dir, header)) {}
Recorder::~Recorder() = default;

void Recorder::record(TimePoint at, const core::Event& event, const core::Outbox& outbox,
                      const core::Node& node) {
    ++number_;
    Transitions transitions;
    for (const core::Action& action : outbox.actions) {
        if (const auto* published = std::get_if<core::Publish>(&action)) {
            transitions.events.push_back(published->event);
        }
    }
    std::string line = record::to_line(number_, at, event, record::decisions_of(outbox));
    if (!transitions.events.empty()) {
        transitions.line = line;
        thread_->push({number_, at, std::move(transitions)});
    }
    thread_->push({number_, at, std::move(line)});
    if (thread_->wants_state()) {
        thread_->push({number_ + 1, at, node});
    }
}

}  // namespace understudy::host
