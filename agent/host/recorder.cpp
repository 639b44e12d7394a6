#include "agent/host/recorder.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/resource.h>

#include <mutex>

#include "agent/host/journal.hpp"
#include "agent/host/segments.hpp"

namespace understudy::host {

namespace {

constexpr std::size_t queued_lines = 8192;

class SegmentsSink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    SegmentsSink(const std::filesystem::path& dir, std::string header)
        : segments_(dir, std::move(header)) {}

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        const std::string error = segments_.write({message.payload.data(), message.payload.size()});
        if (!error.empty() && error != said_) {
            write_line(core::LogLevel::warn, "events are not recorded: " + error);
        }
        said_ = error;
    }
    void flush_() override {}

private:
    Segments segments_;
    std::string said_;  // the last error: once is enough
};

// It has time, the heartbeat has not.
void stand_back() {
    constexpr int niceness = 10;
    give_up_rights();
    setpriority(PRIO_PROCESS, 0, niceness);  // of this thread
}

}  // namespace

// A queue of its own: many events must not push out the lines that people read.
struct Recorder::Thread {
    Thread(const std::filesystem::path& dir, const record::Header& header)
        : pool(std::make_shared<spdlog::details::thread_pool>(queued_lines, 1, stand_back)),
          lines(std::make_shared<spdlog::async_logger>(
              "events", std::make_shared<SegmentsSink>(dir, record::to_line(header)), pool,
              spdlog::async_overflow_policy::overrun_oldest)) {}

    std::shared_ptr<spdlog::details::thread_pool> pool;  // ends after what is queued
    std::shared_ptr<spdlog::async_logger> lines;
};

Recorder::Recorder(const std::filesystem::path& dir, const record::Header& header)
    : thread_(std::make_unique<Thread>(dir, header)) {}
Recorder::~Recorder() = default;

void Recorder::record(TimePoint at, const core::Event& event, const core::Outbox& outbox) {
    const std::string line = record::to_line(++number_, at, event, record::decisions_of(outbox));
    thread_->lines->log(spdlog::level::info, spdlog::string_view_t{line});
}

}  // namespace understudy::host
