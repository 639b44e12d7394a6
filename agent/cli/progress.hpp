// That a command still waits, and for how long: a line on a terminal that is drawn again. What is
// no terminal, or none that can draw, gets nothing but the outcome.
#pragma once

#include <string>

#include "agent/cli/console.hpp"

namespace understudy::cli {

class Progress {
public:
    Progress(const Console& console, bool json, std::string text);
    ~Progress();  // wipes the line
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void draw(const std::string& how_far) const;

private:
    const Console& console_;
    bool shown_;
    std::string text_;
};

}  // namespace understudy::cli
