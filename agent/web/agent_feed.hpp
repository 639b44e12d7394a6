// What the agent says, for everybody who looks at the page: one connection to it, however many they
// are, and none while nobody looks.
//
// The agent is asked at most ten times a second, once a second while somebody watches, and at once
// after each change of state. Safe to use from several threads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <expected>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/client/connection.hpp"
#include "agent/control/messages.hpp"

namespace understudy::web {

// The answer to one question: the agent's document, or why there is none.
struct Answer {
    std::uint64_t number = 0;  // of all answers, from 1; 0: nothing was asked yet
    std::string line;          // the document as the agent wrote it; empty: there is none
    control::StatusResponse status;
    std::string trouble;

    bool is_there() const { return !line.empty(); }
};

class AgentFeed {
public:
    // What one watcher has seen; a new one has seen nothing.
    struct Place {
        std::uint64_t answer = 0;
        std::uint64_t run = 0;         // of the agent, as far as we know
        std::uint64_t last_event = 0;  // its number, in that run
    };
    struct News {
        std::shared_ptr<const Answer> answer;  // if there is a new one
        std::vector<control::StateEvent> events;
        bool over = false;  // the feed has been stopped
    };
    // While this lives, somebody watches.
    class Watch {
    public:
        explicit Watch(AgentFeed& feed);
        ~Watch();
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;

    private:
        AgentFeed& feed_;
    };

    explicit AgentFeed(std::filesystem::path runtime_dir);
    ~AgentFeed();
    AgentFeed(const AgentFeed&) = delete;
    AgentFeed& operator=(const AgentFeed&) = delete;

    // An answer to a question that was asked after this call.
    std::shared_ptr<const Answer> ask();
    // Whatever came after `place`, which moves on; empty if nothing came within `patience`.
    News wait(Place& place, std::chrono::milliseconds patience);
    // Ends all waiting, for good.
    void stop();

private:
    using Clock = std::chrono::steady_clock;

    void run();
    void follow(client::Connection& connection);
    bool send_due_question(client::Connection& connection, Clock::time_point now);
    std::chrono::milliseconds time_to_next_question(Clock::time_point now) const;
    bool take(const std::string& line);
    void publish(Answer answer);
    void add_events(std::vector<control::StateEvent> events);
    bool is_wanted(Clock::time_point now) const;
    void wake();

    std::filesystem::path runtime_dir_;
    int wake_fd_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::shared_ptr<const Answer> latest_ = std::make_shared<Answer>();
    std::deque<control::StateEvent> events_;  // of this run of the agent
    std::uint64_t run_ = 0;
    std::uint64_t wanted_ = 0;    // questions
    std::uint64_t answered_ = 0;  // of them
    unsigned watchers_ = 0;
    Clock::time_point last_wanted_;
    bool stopped_ = false;

    // Of the thread only.
    bool hurry_ = false;  // something has changed
    std::optional<Clock::time_point> asked_at_;
    std::optional<Clock::time_point> give_up_at_;  // of the question that is under way
    std::uint64_t asking_for_ = 0;

    std::thread thread_;
};

}  // namespace understudy::web
