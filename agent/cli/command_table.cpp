#include "agent/cli/command_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "agent/cli/commands.hpp"
#include "agent/cli/options.hpp"

namespace understudy::cli {

namespace {

constexpr std::size_t most_files = 64;
constexpr Operands nothing;
constexpr Operands any_vip{"VIP", "a VIP", 0, 1};
constexpr Operands one_vip{"VIP", "a VIP", 1, 1};
constexpr Operands one_check{"NAME", "the name of a check", 1, 1};
constexpr Operands one_file{"FILE", "a file", 1, 1};
constexpr Operands any_file{"FILE", "a file", 0, 1};
constexpr Operands files{"FILE", "a file", 1, most_files, true};
constexpr Operands any_command{"COMMAND", "a command", 0, 2};

constexpr TakenOption json{"json", "print one JSON document"};
constexpr TakenOption vips_here{"all", "every VIP of this node"};

std::vector<CommandForm> looking() {
    return {
        {"status",
         run_status,
         any_vip,
         {{"watch", "refresh every second: on a terminal redraw, elsewhere print changes"},
          {"json", "print the status document; with --watch, one per line"}},
         "show the state of this node, its VIPs, its checks and its peers",
         "Without VIP, prints one line per VIP and one per check. With VIP, prints everything\n"
         "that is known about that VIP. PRIORITY is the effective priority, a slash, and the\n"
         "configured one.\n"},
        {"why",
         run_why,
         one_vip,
         {json},
         "show the reasons for the present state of a VIP",
         "Prints the chain of reasons, the decisive one first.\n"},
        {"events",
         run_events,
         nothing,
         {{"follow", "keep printing events as they happen"},
          {"json", "print {\"events\":[...]}; with --follow, one event per line"}},
         "list state changes with their causes, oldest first",
         ""},
        {"check list",
         run_check_list,
         nothing,
         {json},
         "list the health checks with their last results",
         "Prints one line per check: its state and for how long, the number of finished runs,\n"
         "how many of them failed, and what the last run saw.\n"},
        {"check run",
         run_check_run,
         one_check,
         {json},
         "run a check now, and show what it sees",
         "Runs once in addition to the schedule; the result does not change the check's state.\n"
         "Waits until the run ends, at most the check's timeout. Exit status 0 if the run\n"
         "passes, 1 if it fails.\n"},
        {"doctor",
         run_doctor,
         nothing,
         {{"config", "the configuration to look at (default /etc/understudy/understudy.conf)"},
          json},
         "find what on this host would break failover, and how to fix it",
         "Works with and without a running agent; run it as root. Looks at the configuration,\n"
         "rights, interfaces, kernel settings, addresses, the firewall and network managers,\n"
         "and listens for other routers for 1.2 to 5 seconds. Changes and sends nothing. Exit\n"
         "status 0 if there are only hints, 1 if there is a warning or a problem.\n"},
    };
}

std::vector<CommandForm> moving() {
    return {
        {"failover",
         run_failover,
         any_vip,
         {{"all", "every VIP that is active here"},
          {"timeout", "how long to wait for a peer (default 10s, 1ms to 24h)"},
          json},
         "give a VIP to a peer without dropping it, and stay behind that peer",
         "This node keeps serving until a peer has taken over. It then stays behind that peer\n"
         "until `failback`, or until the peer fails. Exit status 0 once a peer holds the VIP.\n"},
        {"takeover",
         run_takeover,
         any_vip,
         {vips_here,
          {"force", "even if this node is not eligible, where the kernel allows it"},
          json},
         "take a VIP from the active node until `failback`",
         "Run it on a standby. Refused while this node is not eligible.\n"},
        {"failback",
         run_failback,
         any_vip,
         {vips_here, json},
         "end a failover or takeover: return to the normal election",
         ""},
        {"maintenance on",
         run_maintenance_on,
         nothing,
         {{"for", "end maintenance after this time (1s to 8784h)"},
          {"timeout",
           "how long to wait for the peers (default 10s, 1ms to 24h);\n"
           "maintenance stays on even if they do not take over"},
          json},
         "give every VIP to a peer, and keep this node behind its peers",
         "Like `failover --all`, but for the node: maintenance survives a restart of the agent,\n"
         "and a VIP that this node has to take because no peer is left goes to the first peer\n"
         "that returns. Exit status 0 once the peers hold every VIP.\n"},
        {"maintenance off",
         run_maintenance_off,
         nothing,
         {json},
         "end maintenance: return to the normal election",
         ""},
    };
}

std::vector<CommandForm> configuring() {
    return {
        {"config check",
         run_config_check,
         files,
         {{"this-node",
           "the first file is for this host: its interfaces, source addresses,\n"
           "programs, users, unit files and other files must exist here"},
          json},
         "validate configuration files offline",
         "Needs no agent. Several files are validated one by one, and then against each other\n"
         "as the nodes of one cluster: values that must be the same on all nodes, and whether\n"
         "their checks, services and leases fit together. Exit status 0 if every file is\n"
         "valid; warnings do not change it.\n"},
        {"config show",
         run_config_show,
         nothing,
         {json},
         "print the running configuration, with every default",
         ""},
        {"config diff",
         run_config_diff,
         any_file,
         {json},
         "show what a reload would change",
         "Compares the running configuration with FILE, by default the file that the agent was\n"
         "started with. The client reads the file, with its own environment. Changes nothing.\n"
         "Exit status 1 if the file is not valid.\n"},
        {"reload",
         run_reload,
         nothing,
         {json},
         "apply the configuration file, and show what changed",
         "The agent reads its file again. What did not change is not touched. If the file is\n"
         "not valid, every problem is printed, nothing changes, and the exit status is 1.\n"},
        {"import",
         run_import,
         one_file,
         {{"output", "write the configuration to this file, which must not exist"},
          {"force", "overwrite that file"},
          {"id", "apply the lines marked @ID, as keepalived -i does (default: the host name)"},
          {"quiet", "omit the notes about lines that mean the same here"},
          {"json", "print the configuration and the notes as one document"}},
         "convert a keepalived.conf",
         "Needs no agent. FILE may be - for standard input. Prints the configuration on\n"
         "standard output, and what became of each line on standard error. Exit status 0 if\n"
         "all instances were converted, 1 if an instance or a part of FILE is missing.\n"},
    };
}

std::vector<CommandForm> reporting() {
    return {
        {"replay",
         run_replay,
         files,
         {{"quiet", "print only the result"}, json},
         "re-run the decisions of a recorded journal",
         "Needs no agent. The files are those that an agent with record = yes writes to its\n"
         "runtime directory (events-*.jsonl), the oldest first. Every event is fed to a node\n"
         "with the recorded configuration. Exit status 0 if every decision is the recorded\n"
         "one, 1 if a decision differs or a part is missing, 2 if a line cannot be read.\n"},
        {"metrics",
         run_metrics,
         nothing,
         {{"openmetrics", "use the OpenMetrics 1.0 format"}},
         "print the metrics in the Prometheus text format",
         "If no agent answers, prints understudy_up 0; the exit status is then 3.\n"},
        {"serve",
         run_serve,
         nothing,
         {{"listen", "address to listen on (default 127.0.0.1:9112; repeat for several)"},
          {"peer", "also show that node, http://lb2:9112 (repeat for several)"},
          {"host",
           "also answer requests for this name, beside those for its address\n"
           "and for the name of this machine (repeat for several)"}},
         "serve a status page and /metrics over HTTP",
         "Runs until it is stopped. Serves the page at /, /metrics, /status.json and /events.\n"
         "Nothing can be changed there.\n"},
        {"version", run_version, nothing, {json}, "print the version of the client", ""},
        {"help", run_help, any_command, {}, "show this help, or the help of a command", ""},
    };
}

constexpr std::size_t usage_width = 45;  // of the overview

// A usage that is wider than its column has the summary on the next line.
std::string overview_line(const CommandForm& form) {
    const std::string usage = form.usage();
    const bool fits = usage.size() <= usage_width;
    return fmt::format("  {}{}{:<{}} {}\n", fits ? "" : usage, fits ? "" : "\n  ",
                       fits ? usage : "", usage_width, form.summary);
}

std::string options_text(const CommandForm& form) {
    std::size_t width = 0;
    for (const TakenOption& taken : form.options) {
        width = std::max(width, option_form(taken.name).written().size());
    }
    std::string text;
    for (const TakenOption& taken : form.options) {
        text += fmt::format("  {:<{}}  ", option_form(taken.name).written(), width);
        for (const char character : taken.help) {
            text += character;
            if (character == '\n') {
                text.append(width + 4, ' ');  // below the first line
            }
        }
        text += '\n';
    }
    return text;
}

std::string command_help(const CommandForm& form) {
    std::string text = "usage: understudy [--runtime-dir DIR] " + form.usage() + "\n\n" +
                       std::string{form.summary} + '\n';
    if (!form.details.empty()) {
        text += '\n' + std::string{form.details};
    }
    if (!form.options.empty()) {
        text += '\n' + options_text(form);
    }
    return text;
}

}  // namespace

bool CommandForm::takes(std::string_view option) const {
    return std::ranges::find(options, option, &TakenOption::name) != options.end();
}

std::string CommandForm::usage() const {
    std::string text{name};
    const std::string operand = std::string{operands.name} + (operands.repeats ? "..." : "");
    if (takes("all")) {
        text += ' ' + operand + "|--all";
    } else if (operands.most > 0) {
        text += operands.least > 0 ? ' ' + operand : " [" + operand + ']';
    }
    for (const TakenOption& taken : options) {
        const OptionForm& option = option_form(taken.name);
        if (taken.name != "all") {
            text += " [" + option.written() + ']' + (option.repeats() ? "..." : "");
        }
    }
    return text;
}

std::span<const CommandForm> command_table() {
    static const std::vector<CommandForm> table = [] {
        std::vector<CommandForm> all;
        for (const auto& part : {looking(), moving(), configuring(), reporting()}) {
            all.insert(all.end(), part.begin(), part.end());
        }
        return all;
    }();
    return table;
}

const CommandForm* find_command(std::string_view name) {
    const auto table = command_table();
    const auto found = std::ranges::find(table, name, &CommandForm::name);
    return found == table.end() ? nullptr : &*found;
}

std::string help_text(std::string_view command) {
    if (const CommandForm* form = find_command(command)) {
        return command_help(*form);
    }
    // The first of two words ("config"): the commands that begin with it.
    const std::string first = command.empty() ? "" : std::string{command} + ' ';
    std::string text = "usage: understudy [--runtime-dir DIR] COMMAND ...\n\n";
    for (const CommandForm& form : command_table()) {
        if (form.name.starts_with(first)) {
            text += overview_line(form);
        }
    }
    return text +
           "\n  --runtime-dir DIR  the agent's runtime directory (default /run/understudy)\n"
           "\nExit status: 0 done, 1 failed, 2 usage error, 3 no agent answers.\n";
}

}  // namespace understudy::cli
