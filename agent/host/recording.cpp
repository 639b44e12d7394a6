#include "agent/host/recording.hpp"

#include "agent/record/record.hpp"

namespace understudy::host {

std::string Recording::write(std::uint64_t number, std::string_view line) {
    std::string error = segments_.write(line);
    is_written_ = error.empty();
    has_gap_ = has_gap_ || !is_written_ || number != last_ + 1;
    last_ = number;
    return error;
}

std::string Recording::write_state(std::uint64_t before, TimePoint at, core::Node node) {
    const std::string line = record::to_line(before, at, std::move(node));
    const bool stays = segments_.has_room_for(line) && !segments_.is_nearly_full();
    return stays ? segments_.write(line) : segments_.begin_with(line);
}

bool Recording::asks_for_state(bool caught_up) {
    const std::size_t file = segments_.begun();
    const bool ends = segments_.is_nearly_full() && asked_in_ != file;
    const bool mends = has_gap_ && is_written_ && caught_up && mended_in_ != file;
    if (ends) {
        asked_in_ = file;
    } else if (mends) {
        mended_in_ = file;
    }
    has_gap_ = has_gap_ && !ends && !mends;
    return ends || mends;
}

}  // namespace understudy::host
