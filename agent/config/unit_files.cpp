#include "agent/config/unit_files.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <string_view>

namespace understudy::config {

namespace {

// systemd.unit(5), the search path of the system manager; the first file of a name counts.
constexpr std::array folders = {
    "/etc/systemd/system",          "/run/systemd/system",         "/run/systemd/generator",
    "/run/systemd/generator.early", "/run/systemd/generator.late", "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",      "/lib/systemd/system",         "/run/systemd/transient"};

bool exists(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
}

std::string file_of(const std::string& name) {
    for (const char* folder : folders) {
        if (const std::string path = std::string{folder} + '/' + name; exists(path)) {
            return path;
        }
    }
    return {};
}

// In the order in which they are read: by their names, whichever folder they are in.
std::map<std::string, std::string> drop_ins_of(const std::string& name) {
    std::map<std::string, std::string> found;
    for (const char* folder : folders) {
        std::error_code error;
        const std::filesystem::directory_iterator files(std::string{folder} + '/' + name + ".d",
                                                        error);
        for (const auto& file : files) {
            if (file.path().extension() == ".conf") {
                found.emplace(file.path().filename(), file.path());
            }
        }
    }
    return found;
}

void read_rights(const std::string& path, UnitRights& rights) {
    std::ifstream file(path);
    constexpr std::string_view user = "User=";
    constexpr std::string_view ambient = "AmbientCapabilities=";
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(user)) {
            rights.user = line.substr(user.size());
        } else if (line == ambient) {
            rights.changes_user = false;  // an empty value takes back what was before
        } else if (line.starts_with(ambient)) {
            rights.changes_user =
                rights.changes_user || line.find("CAP_SETUID") != std::string::npos;
        }
    }
}

}  // namespace

bool has_unit_file(const std::string& name) {
    const auto at = name.find('@');
    const auto dot = name.rfind('.');
    const bool is_instance = at != std::string::npos && dot != std::string::npos && at < dot;
    return !file_of(name).empty() ||
           (is_instance && !file_of(name.substr(0, at + 1) + name.substr(dot)).empty());
}

UnitRights rights_of_unit(const std::string& name) {
    UnitRights rights;
    const std::string path = file_of(name);
    if (path.empty()) {
        return rights;
    }
    rights = {"", false};
    read_rights(path, rights);
    for (const auto& [_, drop_in] : drop_ins_of(name)) {
        read_rights(drop_in, rights);
    }
    if (rights.user.empty() || rights.user == "root") {
        return {};
    }
    return rights;
}

}  // namespace understudy::config
