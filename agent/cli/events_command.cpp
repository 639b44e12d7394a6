// events: those that the agent has kept, and with --follow every later one. With --follow --json,
// the state of each VIP comes first, as one document, and then only what is later than that.
#include <nlohmann/json.hpp>

#include "agent/cli/commands.hpp"
#include "agent/cli/present.hpp"
#include "agent/cli/question.hpp"

namespace understudy::cli {

namespace {

using Events = Answer<control::EventsResponse>;

void show(const Arguments& arguments, const Console& console,
          const control::EventsResponse& response) {
    for (const control::StateEvent& event : response.events) {
        console.out << (arguments.json ? control::to_json(event, utc_origin) + '\n'
                                       : present_event(event, console.colours));
    }
    console.out.flush();
}

// `before` was asked for before `kept`, so what has changed in between is among the latter.
std::string snapshot(const control::StatusResponse& before, const control::EventsResponse& kept) {
    using Document = nlohmann::ordered_json;
    Document vips = Document::array();
    for (const control::VipStatus& vip : before.vips) {
        control::State state = vip.state;
        TimePoint since = vip.since;
        std::string cause = vip.reason;
        for (const control::StateEvent& event : kept.events) {
            if (event.vip == vip.name) {
                state = event.to;
                since = event.at;
                cause = event.cause;
            }
        }
        vips.push_back({{"vip", vip.name},
                        {"state", control::name_of(state)},
                        {"since", control::format_utc(WallTime{since.time_since_epoch()})},
                        {"cause", cause}});
    }
    const std::uint64_t number = kept.events.empty() ? 0 : kept.events.back().number;
    Document document = Document::object();
    document["snapshot"] = {{"number", number}, {"vips", std::move(vips)}};
    constexpr bool ascii_only = true;
    return document.dump(-1, ' ', ascii_only, Document::error_handler_t::replace);
}

// The next line of the agent. While there is none for long, a reader of ours that goes away is
// noticed.
std::expected<Events, Failure> next(Connection& agent,
                                    std::optional<std::chrono::milliseconds> patience,
                                    const Console& console, bool& reader_is_gone) {
    auto line = agent.receive(patience, Disturbance{console.out_fd, 0});
    if (!line) {
        reader_is_gone = line.error() == Trouble::disturbed;
        return std::unexpected(Failure{exit_no_agent, in_words(line.error())});
    }
    return expect_answer<control::EventsResponse>(std::move(*line));
}

}  // namespace

int run_events(const Arguments& arguments, const Console& console) {
    const auto fail = [&](const Failure& failure) {
        return console.fail(arguments.json, failure.status, failure.text);
    };
    control::StatusResponse before;
    const bool begins_with_snapshot = arguments.follow && arguments.json;
    if (begins_with_snapshot) {
        auto status = ask<control::StatusResponse>(arguments, control::StatusRequest{});
        if (!status) {
            return fail(status.error());
        }
        before = std::move(status->content);
    }
    auto agent = reach_agent(arguments, control::Access::questions);
    if (!agent) {
        return fail(agent.error());
    }
    const control::EventsRequest request{arguments.follow};
    if (const auto sent = agent->send(control::to_json(request), arguments.patience); !sent) {
        return fail({exit_no_agent, in_words(sent.error())});
    }
    bool reader_is_gone = false;
    auto events = next(*agent, arguments.patience, console, reader_is_gone);
    if (events && arguments.json && !arguments.follow) {
        console.out << events->line << '\n';
        return console.written();
    }
    if (events && begins_with_snapshot) {
        console.out << snapshot(before, events->content) << '\n' << std::flush;
        if (!console.out) {
            return console.followed();
        }
        events = next(*agent, std::nullopt, console, reader_is_gone);
    }
    while (events) {
        show(arguments, console, events->content);
        if (!arguments.follow || !console.out) {
            return arguments.follow ? console.followed() : console.written();
        }
        events = next(*agent, std::nullopt, console, reader_is_gone);
    }
    return reader_is_gone ? exit_done : fail(events.error());
}

}  // namespace understudy::cli
