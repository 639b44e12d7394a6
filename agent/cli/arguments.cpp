#include "agent/cli/arguments.hpp"

#include <algorithm>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>

#include "agent/config/values.hpp"

namespace understudy::cli {

namespace {

namespace po = boost::program_options;

// What a command takes: how many operands, and which options.
struct Form {
    std::string name;
    Command command;
    std::size_t least_operands;
    std::size_t most_operands;
    std::vector<std::string> options;
    std::string usage;
};

const std::vector<Form>& forms() {
    static const std::vector<Form> table = {
        {"status", Command::status, 0, 1, {"json", "watch"},
         "status [VIP] [--json] [--watch]         what this node is, holds, and thinks of its peers"},
        {"why", Command::why, 1, 1, {"json"},
         "why VIP [--json]                        the reasons for the present state"},
        {"failover", Command::failover, 0, 1, {"json", "all", "timeout"},
         "failover VIP|--all [--timeout 10s]      give it away without dropping it, and stay behind"},
        {"takeover", Command::takeover, 0, 1, {"json", "all", "force"},
         "takeover VIP|--all [--force]            take it from whoever is active, until failback"},
        {"failback", Command::failback, 0, 1, {"json", "all"},
         "failback VIP|--all                      normal election again"},
        {"events", Command::events, 0, 0, {"json", "follow"},
         "events [--follow] [--json]              state changes with their causes, oldest first"},
        {"config check", Command::config_check, 1, 64, {"json"},
         "config check FILE... [--json]           validate; several files: as the nodes of one cluster"},
        {"config show", Command::config_show, 0, 0, {"json"},
         "config show [--json]                    the running configuration"},
        {"version", Command::version, 0, 0, {}, "version"},
        {"help", Command::help, 0, 64, {}, "help"},
    };
    return table;
}

po::options_description options() {
    po::options_description description;
    auto add = description.add_options();
    add("runtime-dir", po::value<std::string>());
    add("timeout", po::value<std::string>());
    for (const char* flag : {"json", "watch", "all", "force", "follow", "help", "version"}) {
        add(flag, po::bool_switch());
    }
    add("words", po::value<std::vector<std::string>>());
    return description;
}

std::string see_help() {
    return "; see `understudy help`";
}

// "config" takes a second word to be a command.
const Form* take_command(std::vector<std::string>& words, std::string& error) {
    std::string name = words.front();
    words.erase(words.begin());
    if (name == "config" && !words.empty()) {
        name += ' ' + words.front();
        words.erase(words.begin());
    }
    const auto form = std::ranges::find(forms(), name, &Form::name);
    if (form != forms().end()) {
        return &*form;
    }
    std::vector<std::string> names;
    for (const Form& known : forms()) {
        names.push_back(known.name);
    }
    error = "unknown command \"" + name + '"' + config::did_you_mean(name, names) + see_help();
    return nullptr;
}

std::string check_form(const Form& form, const Arguments& arguments, const po::variables_map& values) {
    for (const char* option : {"json", "watch", "all", "force", "follow"}) {
        if (values[option].as<bool>() && std::ranges::find(form.options, option) == form.options.end()) {
            return form.name + " does not take --" + option + see_help();
        }
    }
    if (values.contains("timeout") &&
        std::ranges::find(form.options, "timeout") == form.options.end()) {
        return form.name + " does not take --timeout" + see_help();
    }
    const std::size_t count = arguments.operands.size();
    const bool moves = std::ranges::find(form.options, "all") != form.options.end();
    if (moves && (count == 1) == arguments.all) {
        return form.name + " takes either a VIP or --all" + see_help();
    }
    if (count < form.least_operands) {
        return form.name + " needs " + (form.command == Command::why ? "a VIP" : "a file") + see_help();
    }
    if (count > form.most_operands) {
        return form.name + ": too many words, from \"" + arguments.operands[form.most_operands] + '"' +
               see_help();
    }
    return {};
}

std::expected<Arguments, std::string> read(const po::variables_map& values) {
    Arguments arguments;
    const auto flag = [&](const char* name) { return values[name].as<bool>(); };
    if (values.contains("runtime-dir")) {
        arguments.runtime_dir = values["runtime-dir"].as<std::string>();
    }
    std::vector<std::string> words;
    if (values.contains("words")) {
        words = values["words"].as<std::vector<std::string>>();
    }
    if (flag("help") || flag("version")) {
        arguments.command = flag("help") ? Command::help : Command::version;
        return arguments;
    }
    if (words.empty()) {
        return std::unexpected("a command is missing" + see_help());
    }
    std::string error;
    const Form* form = take_command(words, error);
    if (form == nullptr) {
        return std::unexpected(error);
    }
    arguments.command = form->command;
    arguments.operands = words;
    arguments.all = flag("all");
    arguments.json = flag("json");
    arguments.watch = flag("watch");
    arguments.force = flag("force");
    arguments.follow = flag("follow");
    if (values.contains("timeout")) {
        const auto timeout = config::parse_duration(values["timeout"].as<std::string>());
        if (!timeout) {
            return std::unexpected("--timeout: " + timeout.error());
        }
        if (*timeout > std::chrono::hours{24}) {
            return std::unexpected("--timeout: at most 24h");
        }
        arguments.timeout = *timeout;
    }
    error = check_form(*form, arguments, values);
    if (!error.empty()) {
        return std::unexpected(error);
    }
    return arguments;
}

}  // namespace

std::expected<Arguments, std::string> parse_arguments(const std::vector<std::string>& words) {
    po::positional_options_description positional;
    positional.add("words", -1);
    po::variables_map values;
    const po::options_description known = options();
    try {
        // No guessing: "--al" is not "--all".
        const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
        po::store(po::command_line_parser(words).options(known).positional(positional).style(style).run(),
                  values);
        po::notify(values);
    } catch (const po::error& error) {
        return std::unexpected(std::string{error.what()} + see_help());
    }
    return read(values);
}

std::string help_text() {
    std::string text = "understudy [--runtime-dir DIR] COMMAND ...\n\n";
    for (const Form& form : forms()) {
        text += "  " + form.usage + '\n';
    }
    return text + "\nExit status: 0 done, 1 failed, 2 wrong usage, 3 no agent answers.\n";
}

}  // namespace understudy::cli
