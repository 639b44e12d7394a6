// What is going to be written: sections of understudy.conf, each line with where it came from.
#pragma once

#include <string>
#include <vector>

#include "agent/import/notes.hpp"

namespace understudy::importer {

struct Line {
    std::string key;
    std::string value;
    Place place;
    std::string source;  // what stood there; empty: nothing did, it is said for clarity
};

struct Section {
    std::string kind;
    std::string name;
    Place place;
    std::string source;
    std::vector<Line> lines;

    void add(std::string key, std::string value, const Place& from, std::string text = {}) {
        lines.push_back({std::move(key), std::move(value), from, std::move(text)});
    }
};

}  // namespace understudy::importer
