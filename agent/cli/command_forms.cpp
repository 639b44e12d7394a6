#include "agent/cli/command_forms.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace understudy::cli {

namespace {

constexpr std::size_t most_files = 64;

CommandForm status_form() {
    return {
        "status",
        Command::status,
        0,
        1,
        {"json", "watch"},
        "status [VIP] [--json] [--watch]",
        "what this node is, holds, and thinks of its peers",
        "Without VIP: one line for each, and for each check. With VIP: all that is known about\n"
        "that one.\n"
        "PRIORITY is the effective one, a slash, and the configured one.\n\n"
        "  --watch   every second; a terminal is redrawn, elsewhere changes are lines\n"
        "  --json    the status document; with --watch, one a line\n"};
}

CommandForm why_form() {
    return {"why",
            Command::why,
            1,
            1,
            {"json"},
            "why VIP [--json]",
            "the reasons for the present state",
            "The chain of reasons, the decisive one first.\n"};
}

CommandForm failover_form() {
    return {"failover",
            Command::failover,
            0,
            1,
            {"json", "all", "timeout"},
            "failover VIP|--all [--timeout 10s] [--json]",
            "give it away without dropping it, and stay behind",
            "This node keeps serving until a peer has taken over, and then stays behind that peer\n"
            "until `failback`, or until the peer fails. Exit status 0 once a peer holds it.\n\n"
            "  --all           every VIP that is active here\n"
            "  --timeout TIME  how long to wait for a peer (default 10s, 1ms to 24h)\n"};
}

CommandForm takeover_form() {
    return {"takeover",
            Command::takeover,
            0,
            1,
            {"json", "all", "force"},
            "takeover VIP|--all [--force] [--json]",
            "take it from whoever is active, until failback",
            "Run on a standby. Refused while this node is not eligible.\n\n"
            "  --all    every VIP of this node\n"
            "  --force  also while the node is not eligible, where that is possible at all\n"};
}

CommandForm failback_form() {
    return {"failback",
            Command::failback,
            0,
            1,
            {"json", "all"},
            "failback VIP|--all [--json]",
            "end a failover or takeover: normal election again",
            "  --all    every VIP of this node\n"};
}

CommandForm maintenance_on_form() {
    return {
        "maintenance on",
        Command::maintenance_on,
        0,
        0,
        {"json", "for", "timeout"},
        "maintenance on [--for TIME] [--timeout 10s] [--json]",
        "every VIP goes to a peer, and stays there",
        "As `failover --all`, but for the node: it goes on after a restart of the agent, and what\n"
        "this node has to take because no peer is left, every peer that comes back takes over.\n"
        "Exit status 0 once the peers hold everything.\n\n"
        "  --for TIME      ends by itself (1s to 8784h)\n"
        "  --timeout TIME  how long to wait for the peers (default 10s, 1ms to 24h); maintenance\n"
        "                  is on also when they took nothing over\n"};
}

CommandForm maintenance_off_form() {
    return {"maintenance off",          Command::maintenance_off,        0, 0, {"json"},
            "maintenance off [--json]", "end it: normal election again", ""};
}

CommandForm events_form() {
    return {"events",
            Command::events,
            0,
            0,
            {"json", "follow"},
            "events [--follow] [--json]",
            "state changes with their causes, oldest first",
            "  --follow  go on with every event that comes\n"
            "  --json    {\"events\":[...]}; with --follow, one event a line\n"};
}

CommandForm check_list_form() {
    return {"check list",
            Command::check_list,
            0,
            0,
            {"json"},
            "check list [--json]",
            "the health checks, and what each saw last",
            "A line for each: its state and for how long, the runs that ended, those of them that\n"
            "failed, and what the last one saw.\n"};
}

CommandForm check_run_form() {
    return {"check run",
            Command::check_run,
            1,
            1,
            {"json"},
            "check run NAME [--json]",
            "run a check now, and show what it sees",
            "Once more than its timetable says; the outcome does not count. Waits for as long as\n"
            "the check takes. Exit status 0 if it passes, 1 if it does not.\n"};
}

CommandForm config_check_form() {
    return {"config check",
            Command::config_check,
            1,
            most_files,
            {"json", "this-node"},
            "config check FILE... [--this-node] [--json]",
            "validate; several files: as the nodes of one cluster",
            "Needs no agent. Exit status 0 if every file is valid; warnings do not change that.\n"
            "Several files are validated each, and then held against each other: what all nodes\n"
            "must have alike, and whether their checks, services and leases fit together.\n\n"
            "  --this-node  the first file is for this machine: interfaces, source addresses,\n"
            "               programs, users, unit files and other files that it names are here\n"};
}

CommandForm config_show_form() {
    return {"config show",
            Command::config_show,
            0,
            0,
            {"json"},
            "config show [--json]",
            "the running configuration",
            "As the agent understood it, with every default written out.\n"};
}

CommandForm import_form() {
    return {
        "import",
        Command::import,
        1,
        1,
        {"json", "output", "id", "force", "quiet"},
        "import FILE [--output FILE] [--force] [--id ID] [--quiet] [--json]",
        "convert a keepalived.conf",
        "Needs no agent. FILE may be - for standard input. The configuration is written to\n"
        "standard output, and what became of each line to standard error. Exit status 0 if\n"
        "all instances were converted, 1 if one of them, or a part of FILE, is missing.\n\n"
        "  --output FILE  where the configuration goes; never over a file that exists\n"
        "  --force        but over that one\n"
        "  --id ID        whose @ID lines count, as keepalived's -i (default: the host's name)\n"
        "  --quiet        nothing about lines that mean the same here\n"
        "  --json         the configuration and the notes as one document\n"};
}

CommandForm doctor_form() {
    return {"doctor",
            Command::doctor,
            0,
            0,
            {"json", "config"},
            "doctor [--config FILE] [--json]",
            "what on this machine is in the way, and what to do",
            "Works with and without a running agent; best as root. Looks at the configuration,\n"
            "rights, interfaces, kernel settings, addresses, firewall and network managers, and\n"
            "listens for other routers for 1.2 to 5 seconds. Changes and sends nothing. Exit\n"
            "status 0 if there are hints at most, 1 if there is a warning or a problem.\n\n"
            "  --config FILE  default /etc/understudy/understudy.conf\n"};
}

CommandForm config_diff_form() {
    return {
        "config diff",
        Command::config_diff,
        0,
        1,
        {"json"},
        "config diff [FILE] [--json]",
        "what a reload would change",
        "Compares what runs with FILE, by default the file that the agent was started with; it\n"
        "is read here, with this environment. Nothing is changed. Exit status 1 if the file is\n"
        "not valid.\n"};
}

CommandForm reload_form() {
    return {"reload",
            Command::reload,
            0,
            0,
            {"json"},
            "reload [--json]",
            "apply the configuration file, and say what changed",
            "The agent reads its file again. What did not change is not touched. If anything is\n"
            "wrong with the file, all of it is said, nothing changes, and the exit status is 1.\n"};
}

CommandForm replay_form() {
    return {"replay",
            Command::replay,
            1,
            most_files,
            {"json", "quiet"},
            "replay FILE... [--json] [--quiet]",
            "show a recorded journal, and decide it again",
            "Needs no agent. The files are those that an agent with record = yes leaves in its\n"
            "runtime directory (events-*.jsonl), the oldest first. Every event is told to a node\n"
            "with the recorded configuration. Exit status 0 if it decides everything as it was\n"
            "recorded, 1 if not, or if a part is missing; 2 if a line is not understood.\n\n"
            "  --quiet  only how it ended\n"};
}

CommandForm metrics_form() {
    return {"metrics",
            Command::metrics,
            0,
            0,
            {"openmetrics"},
            "metrics [--openmetrics]",
            "the metrics, as text for Prometheus",
            "Without an agent there is still a text, which says understudy_up 0; exit status 3.\n\n"
            "  --openmetrics  in the form of OpenMetrics 1.0\n"};
}

CommandForm serve_form() {
    return {"serve",
            Command::serve,
            0,
            0,
            {"listen", "peer"},
            "serve [--listen ADDR:PORT] [--peer URL]...",
            "a page with the status, and /metrics",
            "Serves until it is told to end: the page at /, /metrics, /status.json and /events.\n"
            "Nothing can be changed there.\n\n"
            "  --listen ADDR:PORT  where (default 127.0.0.1:9112; [::1]:9112; several: repeat)\n"
            "  --peer URL          show this node too, http://lb2:9112 (several: repeat)\n"};
}

}  // namespace

bool CommandForm::takes(const std::string& option) const {
    return std::ranges::find(options, option) != options.end();
}

const std::vector<CommandForm>& command_forms() {
    static const std::vector<CommandForm> forms = {
        status_form(),
        why_form(),
        failover_form(),
        takeover_form(),
        failback_form(),
        maintenance_on_form(),
        maintenance_off_form(),
        events_form(),
        check_list_form(),
        check_run_form(),
        config_check_form(),
        config_show_form(),
        import_form(),
        doctor_form(),
        config_diff_form(),
        reload_form(),
        replay_form(),
        metrics_form(),
        serve_form(),
        {"version", Command::version, 0, 0, {"json"}, "version [--json]", "of this client", ""},
        {"help", Command::help, 0, 2, {}, "help [COMMAND]", "this, or more about COMMAND", ""},
    };
    return forms;
}

const CommandForm* find_form(const std::string& name) {
    const auto found = std::ranges::find(command_forms(), name, &CommandForm::name);
    return found == command_forms().end() ? nullptr : &*found;
}

std::string help_text(const std::string& command) {
    const CommandForm* form = find_form(command);
    if (form != nullptr) {
        return fmt::format("usage: understudy [--runtime-dir DIR] {}\n\n{}\n{}{}", form->usage,
                           form->summary, form->details.empty() ? "" : "\n", form->details);
    }
    // The first of two words ("config"): the commands that begin with it.
    const std::string first = command.empty() ? "" : command + ' ';
    std::string text = "usage: understudy [--runtime-dir DIR] COMMAND ...\n\n";
    for (const CommandForm& each : command_forms()) {
        if (each.name.starts_with(first)) {
            text += fmt::format("  {:<45} {}\n", each.usage, each.summary);
        }
    }
    return text +
           "\n  --runtime-dir DIR  where the agent's control.sock is (default /run/understudy)\n"
           "\nExit status: 0 done, 1 failed, 2 wrong usage, 3 no agent answers.\n";
}

}  // namespace understudy::cli
