#include "agent/record/replay.hpp"

#include <array>

#include "agent/config/parse.hpp"
#include "agent/control/json.hpp"
#include "agent/record/narrator.hpp"
#include "agent/record/state.hpp"
#include "base/overloaded.hpp"

namespace understudy::record {

std::string_view name_of(Kind kind) {
    constexpr std::array<std::string_view, 5> names = {"begin", "told", "state", "log", "note"};
    return names.at(static_cast<std::size_t>(kind));
}

// The one whose journal it is.
struct Replay::Agent {
    Agent(Header written, core::Configuration read)
        : header(std::move(written)), configuration(std::move(read)), narrator(configuration) {}

    Header header;
    core::Configuration configuration;
    Narrator narrator;
    std::optional<core::Node> node;  // while everything was there, from the start or from a state
    core::Outbox outbox;
    std::uint64_t number = 0;  // of the last event
    TimePoint at{};
};

Replay::Replay(Storyteller tell) : tell_(std::move(tell)) {}
Replay::~Replay() = default;

std::expected<void, std::string> Replay::take(std::string_view line, const std::string& place) {
    auto parsed = parse_line(line);
    if (!parsed) {
        return std::unexpected(std::move(parsed.error()));
    }
    return std::visit(Overloaded{
                          [&](Header& header) { return begin(std::move(header)); },
                          [&](Entry& entry) { return event(entry, place); },
                          [&](State& state) { return go_on_from(state); },
                      },
                      *parsed);
}

std::expected<void, std::string> Replay::begin(Header header) {
    if (agent_ != nullptr && agent_->header == header) {
        return {};  // the next file of the same journal
    }
    config::Result result = config::parse_text("config", header.configuration, header.node);
    if (!result.configuration) {
        return std::unexpected("its configuration is not valid: " +
                               config::to_string(result.diagnostics.front()));
    }
    agent_ = std::make_unique<Agent>(std::move(header), std::move(*result.configuration));
    agent_->at = agent_->header.start;
    agent_->node.emplace(agent_->configuration, agent_->header.start);
    tell(agent_->at, Kind::begin,
         agent_->header.node + ", understudyd " + agent_->header.version + ", started " +
             control::format_utc(agent_->header.started));
    return {};
}

std::expected<void, std::string> Replay::event(const Entry& entry, const std::string& place) {
    if (auto fits = follows(entry.number, entry.at); !fits) {
        return fits;
    }
    follow(entry);
    ++verdict_.events;
    if (std::string text = agent_->narrator.tell(entry.event); !text.empty()) {
        tell(entry.at, Kind::told, std::move(text));
    }
    if (agent_->node) {
        decide(entry, place);
    }
    return {};
}

// Where nothing is missing, the Node goes on as it is: it was told everything since its start.
std::expected<void, std::string> Replay::go_on_from(State& state) {
    if (auto fits = follows(state.before, state.at); !fits) {
        return fits;
    }
    const std::uint64_t next = agent_->number + 1;
    agent_->number = state.before - 1;
    agent_->at = state.at;
    if (agent_->node && state.before == next) {
        return {};
    }
    const std::string name = "the state before event " + std::to_string(state.before);
    if (next > 1 && state.before != next) {
        only_show(missing(next, state.before));
    }
    if (!state.node) {
        only_show(name + " was written in form " + std::to_string(state.form) +
                  ", this program reads form " + std::to_string(state_form));
        return {};
    }
    agent_->node = std::move(state.node);
    agent_->configuration = agent_->node->configuration();
    agent_->narrator = Narrator{agent_->configuration};
    for (const core::LinkSeen& link : links_of(*agent_->node)) {
        agent_->narrator.tell(link);  // their names
    }
    tell(state.at, Kind::note, "begins with " + name + ": " + agent_->node->summary());
    return {};
}

std::expected<void, std::string> Replay::follows(std::uint64_t number, TimePoint at) const {
    if (agent_ == nullptr) {
        return std::unexpected("a journal begins with its header");
    }
    if (number <= agent_->number) {
        return std::unexpected("event " + std::to_string(number) + " comes after event " +
                               std::to_string(agent_->number));
    }
    if (at < agent_->at) {
        return std::unexpected("it is older than the line before it");
    }
    return {};
}

// Nothing may be missing between two events that are decided.
void Replay::follow(const Entry& entry) {
    const std::uint64_t next = std::exchange(agent_->number, entry.number) + 1;
    agent_->at = entry.at;
    if (entry.number != next) {
        only_show(next == 1 ? "the journal begins with event " + std::to_string(entry.number) +
                                  ": what was before is not there"
                            : missing(next, entry.number));
    }
}

// From one event to before another.
std::string Replay::missing(std::uint64_t first, std::uint64_t end) {
    return end == first + 1 ? "event " + std::to_string(first) + " is not there"
                            : "the events from " + std::to_string(first) + " to " +
                                  std::to_string(end - 1) + " are not there";
}

void Replay::only_show(const std::string& why) {
    if (verdict_.shown_only.empty()) {
        verdict_.shown_only = why;
    }
    agent_->node.reset();
    tell(agent_->at, Kind::note, why);
}

void Replay::decide(const Entry& entry, const std::string& place) {
    core::Outbox& outbox = agent_->outbox;
    outbox.clear();
    agent_->node->handle(entry.at, entry.event, outbox);
    ++verdict_.decided;
    for (const core::Action& action : outbox.actions) {
        if (const auto* log = std::get_if<core::Log>(&action);
            log != nullptr && log->level >= core::LogLevel::info) {
            tell(entry.at, Kind::log, log->text);
        } else if (const auto* change = std::get_if<core::Publish>(&action)) {
            const control::StateEvent& event = change->event;
            tell(entry.at, Kind::state,
                 event.vip + ": " + std::string{control::name_of(event.from)} + " -> " +
                     std::string{control::name_of(event.to)} + ": " + event.cause);
        }
    }
    const Decisions decided = decisions_of(outbox);
    if (decided != entry.decisions && !verdict_.first) {
        verdict_.first = Difference{entry.number, place, entry.decisions, decided};
        tell(entry.at, Kind::note,
             "event " + std::to_string(entry.number) + ": the decisions differ from here on");
    }
}

void Replay::tell(TimePoint at, Kind kind, std::string text) const {
    if (tell_) {
        tell_({at - agent_->header.start, kind, std::move(text)});
    }
}

}  // namespace understudy::record
