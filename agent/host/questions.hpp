// The questions of all clients, put to the Node together. Each different one is put to it once for
// all who ask it, and a round of them begins at most every 100 ms, because each answer takes time
// from the heartbeat.
//
// A client never gets an answer that is older than its question: one that comes while a round is
// under way waits for the next.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/control/json.hpp"
#include "agent/control/messages.hpp"
#include "agent/core/event.hpp"

namespace understudy::host {

class Questions {
public:
    static constexpr Duration spacing = std::chrono::milliseconds{100};  // of two rounds

    // A line of JSON without its end, the same for all who asked.
    struct Answer {
        std::vector<core::ClientId> clients;
        std::shared_ptr<const std::string> line;
    };

    void add(core::ClientId client, const control::Request& question);
    // The question that the Node has to answer next; the same one until answer() is called.
    const control::Request* next(TimePoint now);
    // When next() has to be called again; nothing if nobody waits for the next round.
    std::optional<TimePoint> next_round_at() const;
    // What the Node said to the question that next() gave.
    Answer answer(const control::Response& response, control::BootOrigin origin);

private:
    struct Question {
        std::string line;  // by which two are the same
        control::Request request;
        std::vector<core::ClientId> clients;
    };

    std::deque<Question> waiting_;
    std::deque<Question> round_;
    std::optional<TimePoint> began_;
};

}  // namespace understudy::host
