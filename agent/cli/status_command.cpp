// status and why.

#include <chrono>
#include <map>

#include "agent/cli/commands.hpp"
#include "agent/cli/present.hpp"
#include "agent/cli/question.hpp"

namespace understudy::cli {

namespace {

using Status = Answer<control::StatusResponse>;

TimePoint utc_now() {
    const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
    return TimePoint{now.time_since_epoch()};
}

std::string for_people(const Arguments& arguments, const Console& console, const Status& status) {
    const auto& content = status.content;
    return arguments.operands.empty() || content.vips.size() != 1
               ? present_status(content, utc_now(), console.colours)
               : present_vip(content.vips.front(), utc_now(), console.colours);
}

// What is not a terminal gets a line for each VIP that has changed, with the time.
class ChangeLines {
public:
    std::string next(const control::StatusResponse& status) {
        std::string text;
        const std::string time = control::format_utc(WallTime{utc_now().time_since_epoch()});
        for (const control::VipStatus& vip : status.vips) {
            const std::string line = present_line(vip);
            if (std::string& shown = shown_[vip.name]; shown != line) {
                shown = line;
                text += time + "  " + line + '\n';
            }
        }
        return text;
    }

private:
    std::map<std::string, std::string> shown_;
};

int watch(const Arguments& arguments, const Console& console) {
    constexpr const char* clear_screen = "\x1b[H\x1b[2J";
    const bool redraws = console.out_is_terminal && !arguments.json;
    ChangeLines changes;
    bool first = true;
    do {
        const auto status =
            ask<control::StatusResponse>(arguments, control::StatusRequest{arguments.vip()});
        if (!status && (first || !redraws)) {
            return console.fail(arguments.json, status.error().status, status.error().text);
        }
        // Somebody who watches a restart of the agent on a terminal wants to see it come back.
        if (!status) {
            console.out << clear_screen << harmless(status.error().text) << '\n';
        } else if (arguments.json) {
            console.out << status->line << '\n';
        } else if (redraws) {
            console.out << clear_screen << for_people(arguments, console, *status);
        } else {
            console.out << changes.next(status->content);
        }
        console.out.flush();
        first = false;
    } while (!console.reader_has_gone(arguments.watch_every) && console.out);
    return console.followed();
}

}  // namespace

int run_status(const Arguments& arguments, const Console& console) {
    if (arguments.watch) {
        return watch(arguments, console);
    }
    const auto status =
        ask<control::StatusResponse>(arguments, control::StatusRequest{arguments.vip()});
    if (!status) {
        return console.fail(arguments.json, status.error().status, status.error().text);
    }
    console.out << (arguments.json ? status->line + '\n' : for_people(arguments, console, *status));
    return console.written();
}

int run_why(const Arguments& arguments, const Console& console) {
    const auto why = ask<control::WhyResponse>(arguments, control::WhyRequest{arguments.vip()});
    if (!why) {
        return console.fail(arguments.json, why.error().status, why.error().text);
    }
    console.out << (arguments.json ? why->line + '\n' : present_why(why->content, console.colours));
    return console.written();
}

}  // namespace understudy::cli
