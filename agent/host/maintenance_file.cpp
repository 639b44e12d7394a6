#include "agent/host/maintenance_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "agent/control/json.hpp"
#include "agent/host/boot_clock.hpp"
#include "agent/host/file_descriptor.hpp"
#include "agent/host/journal.hpp"
#include "agent/host/privileges.hpp"

namespace understudy::host {

namespace {

std::filesystem::path state_dir(const std::filesystem::path& runtime_dir) {
    const char* given = std::getenv("STATE_DIRECTORY");
    return given != nullptr && *given != '\0' ? std::filesystem::path{given} : runtime_dir;
}

std::string trouble_with(const std::filesystem::path& path) {
    return path.string() + ": " + std::strerror(errno);
}

// The new content or the old one, also after a loss of power.
std::string replace_file(const std::filesystem::path& path, const std::string& content) {
    std::filesystem::path draft = path;
    draft += ".new";
    const FileDescriptor file{
        open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640)};
    if (!file.is_open()) {
        return trouble_with(draft);
    }
    const bool whole =
        ::write(file.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size());
    if (!whole || fsync(file.get()) < 0 || rename(draft.c_str(), path.c_str()) < 0) {
        return trouble_with(draft);
    }
    return {};
}

}  // namespace

MaintenanceFile::MaintenanceFile(const std::filesystem::path& runtime_dir)
    : path_(state_dir(runtime_dir) / "maintenance.json") {}

std::optional<control::MaintenanceRequest> MaintenanceFile::read(std::string& problem) const {
    std::ifstream file(path_);
    if (!file) {
        return std::nullopt;
    }
    control::MaintenanceRequest request;
    request.on = true;
    const auto content = nlohmann::json::parse(file, nullptr, false);
    if (!content.is_object() || (content.contains("until") && !content["until"].is_string())) {
        problem = path_.string() + " is not understood: maintenance goes on without an end";
        return request;
    }
    if (!content.contains("until")) {
        return request;
    }
    const auto until = control::parse_utc(content["until"].get<std::string>());
    if (!until) {
        problem = path_.string() + ": until is not a time: maintenance goes on without an end";
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
    if (!working_) {
        working_ = true;
        thread_ = std::jthread([this] { work(); });  // the former one has done its work
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
        return unlink(path_.c_str()) < 0 && errno != ENOENT ? trouble_with(path_) : "";
    }
    nlohmann::json content{{"maintenance", true}};
    if (what.until) {
        content["until"] = control::format_utc(boot_origin() + what.until->time_since_epoch());
    }
    return replace_file(path_, content.dump() + '\n');
}

}  // namespace understudy::host
