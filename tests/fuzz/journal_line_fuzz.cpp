// Any bytes as lines of a journal: no crash, no exception, an error text where one is not
// understood; what is understood means the same after it was written again, and can be replayed.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/record/replay.hpp"
#include "base/ensure.hpp"

namespace {

using namespace understudy;

std::string written(const record::Line& line) {
    if (const auto* header = std::get_if<record::Header>(&line)) {
        return record::to_line(*header);
    }
    if (const auto* state = std::get_if<record::State>(&line)) {
        return state->node ? record::to_line(state->before, state->at, *state->node) : "";
    }
    const auto& entry = std::get<record::Entry>(line);
    return record::to_line(entry.number, entry.at, entry.event, entry.decisions);
}

void fuzz_line(std::string_view line) {
    const auto parsed = record::parse_line(line);
    if (!parsed) {
        ensure(!parsed.error().empty(), "a refused line has a reason");
        return;
    }
    const std::string once = written(*parsed);
    if (once.empty()) {
        return;  // a state in a form that is not ours
    }
    ensure(once.find('\n') == std::string::npos, "a line is one line");
    const auto again = record::parse_line(once);
    ensure(again.has_value(), "a written line is accepted");
    ensure(written(*again) == once, "it says the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text{reinterpret_cast<const char*>(data), size};
    record::Replay replay;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        fuzz_line(line);
        const auto taken = replay.take(line, "f:1");
        ensure(taken.has_value() || !taken.error().empty(), "a refused line has a reason");
    }
    ensure(replay.verdict().decided <= replay.verdict().events, "what is decided was read");
    return 0;
}
