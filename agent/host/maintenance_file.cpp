#include "agent/host/maintenance_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "agent/control/json.hpp"
#include "agent/host/boot_clock.hpp"
#include "agent/host/file_descriptor.hpp"
#include "agent/host/journal.hpp"
#include "agent/host/privileges.hpp"
#include "base/system_error.hpp"

namespace understudy::host {

namespace {

std::filesystem::path state_dir(const std::filesystem::path& runtime_dir) {
    const char* given = std::getenv("STATE_DIRECTORY");
    return given != nullptr && *given != '\0' ? std::filesystem::path{given} : runtime_dir;
}

// The new content or the old one, also after a loss of power.
std::string replace_file(const std::filesystem::path& path, const std::string& content) {
    std::filesystem::path draft = path;
    draft += ".new";
    const FileDescriptor file{
        open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640)};
    if (!file.is_open()) {
        return system_error_text("cannot create " + draft.string());
    }
    const ssize_t size = ::write(file.get(), content.data(), content.size());
    if (size != static_cast<ssize_t>(content.size())) {
        return system_error_text("cannot write " + draft.string(), size < 0 ? errno : ENOSPC);
    }
    if (fsync(file.get()) < 0) {
        return system_error_text("cannot write " + draft.string());
    }
    if (rename(draft.c_str(), path.c_str()) < 0) {
        return system_error_text("cannot replace " + path.string());
    }
    return {};
}

}  // namespace

MaintenanceFile::MaintenanceFile(const std::filesystem::path& runtime_dir)
    : path_(state_dir(runtime_dir) / "maintenance.json") {}

std::optional<control::MaintenanceRequest> MaintenanceFile::read(std::string& problem) const {
    errno = 0;
    std::ifstream file(path_);
    if (!file && errno == ENOENT) {
        return std::nullopt;
    }
    control::MaintenanceRequest request;
    request.on = true;
    if (!file) {
        problem = system_error_text("cannot open " + path_.string()) +
                  ": maintenance continues without an expiry";
        return request;
    }
    const auto content = nlohmann::json::parse(file, nullptr, false);
    if (!content.is_object() || (content.contains("until") && !content["until"].is_string())) {
        problem = path_.string() + " is damaged: maintenance continues without an expiry";
        return request;
    }
    if (!content.contains("until")) {
        return request;
    }
    const auto until = control::parse_utc(content["until"].get<std::string>());
    if (!until) {
        problem = path_.string() + ": until is not a time: maintenance continues without an expiry";
        return request;
    }
    const Duration left = *until - (boot_origin() + boot_now().time_since_epoch());
    if (left < control::shortest_maintenance) {
        return std::nullopt;
    }
    request.expiry = std::min<Duration>(left, control::longest_maintenance);
    return request;
}

void MaintenanceFile::keep(const core::KeepMaintenance& what) {
    const std::scoped_lock lock(mutex_);
    wanted_ = what;
    if (working_) {
        return;
    }
    try {
        thread_ = std::jthread([this] { work(); });  // the former one has done its work
        working_ = true;
    } catch (const std::system_error& error) {
        write_line(core::LogLevel::error,
                   std::string{"maintenance will not survive a restart: cannot start a thread: "} +
                       error.code().message());
    }
}

void MaintenanceFile::work() {
    give_up_rights();
    while (true) {
        std::optional<core::KeepMaintenance> what;
        {
            const std::scoped_lock lock(mutex_);
            what.swap(wanted_);
            working_ = what.has_value();
        }
        if (!what) {
            return;
        }
        if (const std::string error = write(*what); !error.empty()) {
            write_line(core::LogLevel::error, "maintenance will not survive a restart: " + error);
        }
    }
}

std::string MaintenanceFile::write(const core::KeepMaintenance& what) const {
    if (!what.on) {
        return unlink(path_.c_str()) < 0 && errno != ENOENT
                   ? system_error_text("cannot remove " + path_.string())
                   : "";
    }
    nlohmann::json content{{"maintenance", true}};
    if (what.until) {
        content["until"] = control::format_utc(boot_origin() + what.until->time_since_epoch());
    }
    return replace_file(path_, content.dump() + '\n');
}

}  // namespace understudy::host
