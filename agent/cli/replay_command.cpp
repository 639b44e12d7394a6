// replay: what an agent was told, from its journal, and whether it would be decided again.
#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "agent/cli/commands.hpp"
#include "agent/control/json_line.hpp"
#include "agent/record/replay.hpp"
#include "base/system_error.hpp"

namespace understudy::cli {

namespace {

using Document = nlohmann::ordered_json;
using record::Replay;
using record::StoryLine;
using record::Verdict;

// Empty, or what is wrong and where.
std::string read(const std::string& file, Replay& replay) {
    errno = 0;
    std::ifstream lines(file, std::ios::binary);
    std::error_code error;
    if (lines && std::filesystem::is_directory(file, error)) {
        return system_error_text("cannot read " + file, EISDIR);
    }
    if (!lines) {
        return system_error_text("cannot read " + file);
    }
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
        const std::string place = file + ':' + std::to_string(number);
        if (const auto taken = replay.take(line, place); !taken) {
            return place + ": " + taken.error();
        }
    }
    return lines.bad() ? system_error_text("cannot read " + file) : "";
}

double in_seconds(Duration duration) {
    return static_cast<double>(duration.count()) / 1e6;
}

std::string present(const StoryLine& line) {
    if (line.kind == record::Kind::begin) {
        return harmless(line.text) + '\n';
    }
    return fmt::format("{:>14.6f}  {:<5}  {}\n", in_seconds(line.since), name_of(line.kind),
                       harmless(line.text));
}

std::string present(const Verdict& verdict) {
    std::string text;
    if (verdict.first) {
        const record::Difference& first = *verdict.first;
        text = fmt::format(
            "event {} ({}) was decided otherwise: {} actions were recorded, {} are decided now\n",
            first.event, harmless(first.place), first.recorded.actions, first.decided.actions);
    }
    if (!verdict.shown_only.empty()) {
        text += fmt::format("{} events, {} of them decided again: {}\n", verdict.events,
                            verdict.decided, verdict.shown_only);
    } else if (!verdict.first) {
        text += fmt::format("{} events, all decided as recorded\n", verdict.events);
    }
    return text;
}

Document document_of(const record::Decisions& decisions) {
    return {{"actions", decisions.actions}, {"digest", fmt::format("{:016x}", decisions.digest)}};
}

std::string document_of(const Verdict& verdict, Document story) {
    Document difference = nullptr;
    if (verdict.first) {
        difference = {{"event", verdict.first->event},
                      {"place", verdict.first->place},
                      {"recorded", document_of(verdict.first->recorded)},
                      {"decided", document_of(verdict.first->decided)}};
    }
    const Document document = {{"events", verdict.events},
                               {"decided", verdict.decided},
                               {"as_recorded", verdict.is_as_recorded()},
                               {"difference", std::move(difference)},
                               {"shown_only", verdict.shown_only},
                               {"story", std::move(story)}};
    return control::as_line(document);
}

}  // namespace

int run_replay(const Arguments& arguments, const Console& console) {
    Document story = Document::array();
    Replay replay([&](const StoryLine& line) {
        if (arguments.quiet) {
            return;
        }
        if (arguments.json) {
            story.push_back({{"time_s", control::shortest(in_seconds(line.since))},
                             {"kind", name_of(line.kind)},
                             {"text", line.text}});
        } else {
            console.out << present(line);
        }
    });
    for (const std::string& file : arguments.operands) {
        if (const std::string error = read(file, replay); !error.empty()) {
            return console.fail(arguments.json, exit_usage, error);
        }
    }
    const Verdict& verdict = replay.verdict();
    console.out << (arguments.json ? document_of(verdict, std::move(story)) + '\n'
                                   : present(verdict));
    const int status = console.written();
    return verdict.is_as_recorded() ? status : exit_failed;
}

}  // namespace understudy::cli
