// Maintenance outlives the agent, and the machine: a small file says that it is on.
//
// It is in $STATE_DIRECTORY where the service manager gives one (StateDirectory=), otherwise in the
// runtime directory, which a reboot empties.
#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "agent/control/messages.hpp"
#include "agent/core/action.hpp"

namespace understudy::host {

class MaintenanceFile {
public:
    explicit MaintenanceFile(const std::filesystem::path& runtime_dir);

    // What the next agent asks its Node for; nothing if maintenance is off, or its time is over. A
    // file that cannot be understood counts as maintenance without an end: `problem` is told why.
    std::optional<control::MaintenanceRequest> read(std::string& problem) const;

    // Returns at once: a thread writes, of which there is one at a time, and the last word counts.
    void keep(const core::KeepMaintenance& what);

    // What was asked for is in the file when this ends.
    ~MaintenanceFile() = default;
    MaintenanceFile(const MaintenanceFile&) = delete;
    MaintenanceFile& operator=(const MaintenanceFile&) = delete;

private:
    void work();
    std::string write(const core::KeepMaintenance& what) const;

    std::filesystem::path path_;
    std::mutex mutex_;  // of the next two
    std::optional<core::KeepMaintenance> wanted_;
    bool working_ = false;
    std::jthread thread_;  // last, so that it ends first
};

}  // namespace understudy::host
