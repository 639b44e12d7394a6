// Which units of this host empty the rule set of nftables: they say so themselves, or in the file
// that they load.
#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

#include "agent/doctor/gather/gather.hpp"

namespace understudy::doctor {

namespace {

namespace fs = std::filesystem;

constexpr const char* flush = "flush ruleset";

// The first line that does, with its place; a comment does nothing.
std::string flushing_line(const std::string& path, const std::string& content) {
    std::istringstream lines(content);
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        const auto at = line.find(flush);
        if (at != std::string::npos && line.find('#') > at) {
            return path + ':' + std::to_string(number);
        }
    }
    return {};
}

// What `nft -f FILE` in one of the unit's commands loads.
std::vector<std::string> loaded_files(const std::string& unit) {
    std::vector<std::string> files;
    std::istringstream lines(unit);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string former;
        bool is_nft = false;
        for (std::string word; words >> word; former = word) {
            is_nft = is_nft || word.ends_with("nft");
            if (is_nft && (former == "-f" || former == "--file")) {
                files.push_back(word);
            }
        }
    }
    return files;
}

bool is_enabled(const std::string& root, const std::string& unit) {
    std::error_code error;
    for (const fs::directory_entry& entry :
         fs::directory_iterator(root + "etc/systemd/system", error)) {
        const std::string name = entry.path().filename();
        std::error_code none;
        if ((name.ends_with(".wants") || name.ends_with(".requires")) &&
            fs::is_symlink(entry.path() / unit, none)) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::vector<FlushingUnit> gather_flushing_units(const std::string& root) {
    // Those further down come before the others, as for systemd.
    std::map<std::string, std::string> units;
    for (const char* place : {"lib/systemd/system", "usr/lib/systemd/system", "run/systemd/system",
                              "etc/systemd/system"}) {
        std::error_code error;
        for (const fs::directory_entry& entry : fs::directory_iterator(root + place, error)) {
            if (entry.path().extension() == ".service") {
                units[entry.path().filename()] = entry.path();
            }
        }
    }
    std::vector<FlushingUnit> flushing;
    for (const auto& [name, path] : units) {
        const std::string content = content_of(path);
        if (content.find("nft") == std::string::npos) {
            continue;
        }
        std::string by = flushing_line(path, content);
        for (const std::string& file : loaded_files(content)) {
            const std::string place = root + file.substr(file.find_first_not_of('/'));
            const std::string line = flushing_line(place, content_of(place));
            by = line.empty() ? by : line;
        }
        if (!by.empty()) {
            flushing.push_back({name, by, is_enabled(root, name)});
        }
    }
    return flushing;
}

}  // namespace understudy::doctor
