// Records what the Node is told and decides ([agent] record = yes): the heartbeat makes the line, a
// thread of its own writes it. If that one is too slow the oldest lines are dropped; their numbers
// are missing then. Events that led to transitions are written a second time, to files in the
// folder "transitions", where no flood of other events pushes them out. When the thread wants the
// state of the Node, the heartbeat makes a copy, and no text of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "agent/core/action.hpp"
#include "agent/core/event.hpp"
#include "agent/core/node.hpp"
#include "agent/record/record.hpp"

namespace understudy::host {

class Recorder {
public:
    // What goes wrong with the files is said in the log.
    Recorder(const std::filesystem::path& dir, const record::Header& header);
    // Writes out what is queued.
    ~Recorder();
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    // `node`: after the event.
    void record(TimePoint at, const core::Event& event, const core::Outbox& outbox,
                const core::Node& node);

private:
    class Thread;

    std::unique_ptr<Thread> thread_;
    std::uint64_t number_ = 0;
};

}  // namespace understudy::host
