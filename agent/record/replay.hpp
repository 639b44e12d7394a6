// Tells a recorded journal again, to a Node of this program: what would it decide?
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/core/node.hpp"
#include "agent/record/record.hpp"

namespace understudy::record {

enum class Kind : std::uint8_t {
    begin,  // of a journal
    told,   // the agent saw this
    state,  // and changed its state
    log,    // and said this
    note,   // of the replay itself
};
std::string_view name_of(Kind kind);

struct StoryLine {
    Duration since{};  // the start of the agent
    Kind kind = Kind::told;
    std::string text;
};

// Where the Node of now and the one of then went different ways.
struct Difference {
    std::uint64_t event = 0;  // its number
    std::string place;        // its line
    Decisions recorded;
    Decisions decided;
};

struct Verdict {
    std::uint64_t events = 0;
    std::uint64_t decided = 0;        // of them, again
    std::optional<Difference> first;  // difference
    std::string shown_only;           // why not all were decided again

    bool is_as_recorded() const { return !first && shown_only.empty(); }
};

class Replay {
public:
    using Storyteller = std::function<void(const StoryLine&)>;
    explicit Replay(Storyteller tell = {});
    ~Replay();
    Replay(const Replay&) = delete;
    Replay& operator=(const Replay&) = delete;

    // The next line, with its place for the verdict. An error says what is wrong with it.
    std::expected<void, std::string> take(std::string_view line, const std::string& place);
    const Verdict& verdict() const { return verdict_; }

private:
    struct Agent;

    std::expected<void, std::string> begin(Header header);
    std::expected<void, std::string> event(const Entry& entry, const std::string& place);
    std::expected<void, std::string> go_on_from(State& state);
    std::expected<void, std::string> follows(std::uint64_t number, TimePoint at) const;
    void follow(const Entry& entry);
    static std::string missing(std::uint64_t first, std::uint64_t end);
    void decide(const Entry& entry, const std::string& place);
    void only_show(const std::string& why);
    void tell(TimePoint at, Kind kind, std::string text) const;

    Storyteller tell_;
    Verdict verdict_;
    std::unique_ptr<Agent> agent_;
};

}  // namespace understudy::record
