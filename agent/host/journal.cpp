#include "agent/host/journal.hpp"

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "checks/processes/capabilities.hpp"

namespace understudy::host {

namespace {

// Some lines for each of 255 VIPs that move at once; spdlog takes 430 bytes for each place of the
// queue beforehand.
constexpr std::size_t queued_lines = 2048;

spdlog::level::level_enum to_spdlog(core::LogLevel level) {
    switch (level) {
        case core::LogLevel::trace:
            return spdlog::level::trace;
        case core::LogLevel::debug:
            return spdlog::level::debug;
        case core::LogLevel::info:
            return spdlog::level::info;
        case core::LogLevel::warn:
            return spdlog::level::warn;
        case core::LogLevel::error:
            break;
    }
    return spdlog::level::err;
}

// sd-daemon(3): "<4>" before a line is its syslog priority.
class JournalPriority : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& message, const std::tm&,
                spdlog::memory_buf_t& out) override {
        const char* prefix = "<7>";
        if (message.level == spdlog::level::info) {
            prefix = "<6>";
        } else if (message.level == spdlog::level::warn) {
            prefix = "<4>";
        } else if (message.level >= spdlog::level::err) {
            prefix = "<3>";
        }
        out.append(prefix, prefix + 3);
    }
    std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<JournalPriority>();
    }
};

// systemd.exec(5): the variable is inherited, so it counts only if it names this very stream.
bool stderr_is_the_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat file{};
    return stream != nullptr && fstat(STDERR_FILENO, &file) == 0 &&
           std::to_string(file.st_dev) + ':' + std::to_string(file.st_ino) == stream;
}

}  // namespace

void give_up_rights() {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    checks::reduce_capabilities(0);
}

void start_journal(core::LogLevel level) {
    spdlog::init_thread_pool(queued_lines, 1, give_up_rights);
    auto logger = spdlog::create_async_nb<spdlog::sinks::stderr_sink_mt>("understudyd");
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<JournalPriority>('*');
    formatter->set_pattern(stderr_is_the_journal() ? "%*%v" : "%Y-%m-%dT%H:%M:%S.%e %l %v");
    logger->set_formatter(std::move(formatter));
    logger->set_level(to_spdlog(level));
    logger->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
}

void stop_journal() {
    spdlog::shutdown();
}

void set_log_level(core::LogLevel level) {
    if (auto* logger = spdlog::default_logger_raw(); logger != nullptr) {
        logger->set_level(to_spdlog(level));
    }
}

void write_line(core::LogLevel level, const std::string& text) {
    if (auto* logger = spdlog::default_logger_raw(); logger != nullptr) {
        logger->log(to_spdlog(level), "{}", text);
    }
}

}  // namespace understudy::host
