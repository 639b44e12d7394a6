// A reload, up to the point where the Node is told: the file is read, validated and compared in a
// thread that lives as long as that takes. The heartbeat sees the result, and nothing before it.
//
// One reload at a time. Who asks while one is under way gets another one after it, since the file
// may have been read already.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/config/difference.hpp"
#include "agent/config/parse.hpp"
#include "agent/core/event.hpp"
#include "agent/host/file_descriptor.hpp"
#include "agent/host/rule_keeper.hpp"

namespace understudy::host {

struct Reloaded {
    config::Diagnostics problems;                      // warnings among them
    std::optional<core::ConfigurationChanged> change;  // nothing if there is an error
    config::Difference difference;
    FileDescriptor text;                   // the configuration, for the runner
    std::optional<uid_t> prober_user;      // that it is from now on, if not this one's
    std::string rules_trouble;             // what the kernel's packet rules do not do, and why
    std::vector<std::string> lost_routes;  // of the host, with the addresses that go
};

class Reloader {
public:
    using Running = std::function<std::shared_ptr<const core::Configuration>()>;
    using Done = std::function<void(Reloaded, const std::vector<core::ClientId>& askers)>;

    // `changes_user`: whether the runner may run something as another user. `rules`: may be null.
    // `done` is called on the loop.
    Reloader(boost::asio::io_context& io, std::filesystem::path file, bool changes_user,
             RuleKeeper* rules, Running running, Done done);
    // Waits for the thread.
    ~Reloader();
    Reloader(const Reloader&) = delete;
    Reloader& operator=(const Reloader&) = delete;

    // Reads the file and compares it with what runs. `asker` is named by `done`; nobody: a signal.
    void ask(std::optional<core::ClientId> asker);
    bool is_under_way() const { return thread_.joinable(); }
    const std::filesystem::path& file() const { return file_; }

private:
    struct Handover;

    void start();
    Reloaded read(const core::Configuration& running) const;
    void take(const std::shared_ptr<Handover>& handover);

    boost::asio::io_context& io_;
    std::filesystem::path file_;
    bool changes_user_;
    RuleKeeper* rules_;
    Running running_;
    Done done_;
    std::thread thread_;
    std::vector<core::ClientId> askers_;  // of the one under way
    std::vector<core::ClientId> next_askers_;
    bool again_ = false;
};

}  // namespace understudy::host
