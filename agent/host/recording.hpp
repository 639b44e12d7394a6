// The files of a journal, so written that it can be decided again from the beginning of each: when
// one is nearly full, the state of the Node is asked for, and the next one begins with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/core/node.hpp"
#include "agent/host/segments.hpp"

namespace understudy::host {

class Recording {
public:
    explicit Recording(Segments segments) : segments_(std::move(segments)) {}

    // Both return what went wrong.
    std::string write(std::uint64_t number, std::string_view line);
    std::string write_state(std::uint64_t before, TimePoint at, core::Node node);

    // Whether a state is wanted now: when a file is nearly full, and when lines were lost before
    // the last one; once for each file, whatever becomes of it, since a copy costs the heartbeat
    // time. `caught_up`: nothing more is waiting, so that this does not come to lose more of them.
    bool asks_for_state(bool caught_up);

private:
    Segments segments_;
    std::uint64_t last_ = 0;  // line
    bool is_written_ = false;
    bool has_gap_ = false;       // lines are missing since the last state
    std::size_t asked_in_ = 0;   // a file, by its number, because it was nearly full
    std::size_t mended_in_ = 0;  // the same, because of a gap
};

}  // namespace understudy::host
