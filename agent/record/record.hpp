// The journal of an agent: what its Node was told, as JSON lines, so that it can be told again.
//
// A line is the header of the journal, one event, or the state of the Node before an event. With
// each event stands a digest of what the Node decided on it: whoever replays the events can say
// where the decisions begin to differ. With a state one can begin in the middle. Nothing secret is
// in it: what checks send, and what they got back, is left away.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/core/action.hpp"
#include "agent/core/configuration.hpp"
#include "agent/core/event.hpp"
#include "agent/core/node.hpp"
#include "base/time.hpp"

namespace understudy::record {

// The form of the lines. A reader refuses what is newer than itself.
inline constexpr int format_version = 2;  // since 2: states
inline constexpr std::size_t longest_line = 4 * 1024 * 1024;
inline constexpr std::size_t longest_text = 400;  // longer ones in events are cut
// More than any advertisement has: a longer one is refused for its length, also when it was cut.
inline constexpr std::size_t longest_payload = 4200;
// 95 years, and so long before: no sum of some times in the Node overflows, nor a thousand times
// one.
inline constexpr std::int64_t longest_time = 3'000'000'000'000'000;

// The first line of every file: whose journal this is. The files of one journal have the same.
struct Header {
    std::string version;  // of the agent
    std::string node;
    TimePoint start{};          // what the Node was made with
    WallTime started{};         // the same for people, in whole milliseconds
    std::string configuration;  // as `config show` prints it, without_secrets()

    bool operator==(const Header&) const = default;
};

Header make_header(const core::Configuration& configuration, TimePoint start, WallTime started);

// What was decided on one event, but for the lines for people: how many actions, and FNV-1a of
// them.
struct Decisions {
    std::uint64_t actions = 0;
    std::uint64_t digest = 0;  // 0 if there is none

    bool operator==(const Decisions&) const = default;
};
// Words may change from version to version, decisions may not: texts do not count.
Decisions decisions_of(const core::Outbox& outbox);

struct Entry {
    Entry() = default;
    Entry(Entry&&) = default;
    Entry& operator=(Entry&&) = default;
    Entry(const Entry&) = delete;  // the datagram of a copy would point into the original
    Entry& operator=(const Entry&) = delete;
    ~Entry() = default;

    std::uint64_t number = 0;  // from 1 in each journal, without gaps unless lines were lost
    TimePoint at{};
    core::Event event;
    Decisions decisions;
    std::vector<std::byte> payload;  // what the datagram of the event points to
};

// A state that was read.
struct State {
    std::uint64_t before = 0;  // the number of the event that comes next
    TimePoint at{};            // of the event before it
    int form = 0;
    std::optional<core::Node> node;  // nothing if it was written in another form (state_form)
};

// Without a line end; ASCII only.
std::string to_line(const Header& header);
// The state, with the configuration that is in force.
std::string to_line(std::uint64_t before, TimePoint at, core::Node node);
std::string to_line(std::uint64_t number, TimePoint at, const core::Event& event,
                    const Decisions& decisions);

using Line = std::variant<Header, Entry, State>;
// Any bytes may be given. Unknown fields are passed over.
std::expected<Line, std::string> parse_line(std::string_view line);

// The same to the Node, which decides nothing by what a check asks: user and query of URLs, header
// values, sent and expected bytes, and the arguments of commands are replaced.
core::Configuration without_secrets(core::Configuration configuration);

}  // namespace understudy::record
