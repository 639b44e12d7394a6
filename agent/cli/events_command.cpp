// events: those that the agent has kept, and with --follow every later one.
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
    while (events) {
        show(arguments, console, events->content);
        if (!arguments.follow || !console.out) {
            return arguments.follow ? exit_done : console.written();
        }
        events = next(*agent, std::nullopt, console, reader_is_gone);
    }
    return reader_is_gone ? exit_done : fail(events.error());
}

}  // namespace understudy::cli
