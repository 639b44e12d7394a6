#include "agent/cli/progress.hpp"

#include <utility>

namespace understudy::cli {

namespace {

constexpr const char* wipe_line = "\r\x1b[K";

}  // namespace

Progress::Progress(const Console& console, bool json, std::string text)
    : console_(console),
      shown_(console.err_is_terminal && !json),
      text_(harmless(std::move(text))) {}

Progress::~Progress() {
    if (shown_) {
        console_.err << wipe_line << std::flush;
    }
}

void Progress::draw(const std::string& how_far) const {
    if (shown_) {
        console_.err << wipe_line << text_ << ", " << how_far << std::flush;
    }
}

}  // namespace understudy::cli
