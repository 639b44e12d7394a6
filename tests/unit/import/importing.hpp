// What the tests of the import have in common.
#pragma once

#include <map>
#include <string>

#include "agent/import/convert.hpp"

namespace understudy::importer {

// The files there are, by their paths. No pattern, but for "*" as the whole name.
inline config::Surroundings surroundings(const std::map<std::string, std::string>& files = {}) {
    config::Surroundings world;
    world.environment = [](const std::string& name) {
        return name == "SITE" ? std::optional<std::string>{"7"} : std::nullopt;
    };
    world.read = [files](const std::string& path, std::string& error) {
        error = "no such file";
        const auto found = files.find(path);
        return found == files.end() ? std::nullopt : std::optional{found->second};
    };
    world.glob = [files](const std::string& pattern, std::string&) {
        std::vector<std::string> found;
        const bool any = pattern.ends_with("/*");
        for (const auto& [path, text] : files) {
            if (path == pattern ||
                (any && path.starts_with(pattern.substr(0, pattern.size() - 1)))) {
                found.push_back(path);
            }
        }
        return found;
    };
    return world;
}

inline Result import(const std::string& text, const std::map<std::string, std::string>& files = {},
                     const std::string& id = "lb1") {
    return convert("/etc/keepalived/keepalived.conf", text, id, surroundings(files));
}

// The [vip] that an instance with these lines becomes; every one needs some of them.
inline Result instance(const std::string& lines, const std::string& before = {}) {
    return import(before + "\nvrrp_instance one {\ninterface eth0\nvirtual_router_id 51\n" + lines +
                  "\n}\n");
}

inline std::string addresses = "virtual_ipaddress {\n192.0.2.10/24\n}\n";

// The notes of a severity or more, one a line, without their file.
inline std::string notes_of(const Result& result, Severity least = Severity::note) {
    std::string text;
    for (const Note& note : result.notes) {
        if (note.severity >= least) {
            text += std::to_string(note.place.line) + ": " + std::string{name_of(note.severity)} +
                    ": " + note.text + '\n';
        }
    }
    return text;
}

}  // namespace understudy::importer
