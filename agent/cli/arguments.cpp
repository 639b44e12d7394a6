#include "agent/cli/arguments.hpp"

#include <algorithm>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>

#include "agent/cli/command_forms.hpp"
#include "agent/config/values.hpp"
#include "agent/control/messages.hpp"

namespace understudy::cli {

namespace {

namespace po = boost::program_options;

// Every way of reading the command line ends in one of these, or in an error text.
using Reading = std::expected<Arguments, std::string>;

po::options_description known_options() {
    po::options_description description;
    auto add = description.add_options();
    add("runtime-dir", po::value<std::string>());
    add("timeout", po::value<std::string>());
    add("config", po::value<std::string>());
    add("for", po::value<std::string>());
    add("listen", po::value<std::vector<std::string>>());
    add("output", po::value<std::string>());
    add("id,i", po::value<std::string>());
    add("peer", po::value<std::vector<std::string>>());
    add("help,h", po::bool_switch());
    for (const char* flag : {"json", "watch", "all", "force", "follow", "quiet", "openmetrics",
                             "this-node", "version"}) {
        add(flag, po::bool_switch());
    }
    add("words", po::value<std::vector<std::string>>());
    return description;
}

std::string see_help(const std::string& command = {}) {
    return "; see `understudy " + (command.empty() ? "help" : command + " --help") + "`";
}

// What can follow `name`: "check or show".
std::string second_words(const std::string& name) {
    std::vector<std::string> words;
    for (const CommandForm& known : command_forms()) {
        if (known.name.starts_with(name + ' ')) {
            words.push_back(known.name.substr(name.size() + 1));
        }
    }
    std::string text;
    for (const std::string& word : words) {
        text += text.empty() ? "" : &word == &words.back() ? " or " : ", ";
        text += word;
    }
    return text;
}

bool has_second_word(const std::string& name) {
    return !second_words(name).empty();
}

// Takes the command from the front of `words`; "config" needs a second word to be one.
std::string take_name(std::vector<std::string>& words) {
    std::string name = words.front();
    words.erase(words.begin());
    if (has_second_word(name) && !words.empty()) {
        name += ' ' + words.front();
        words.erase(words.begin());
    }
    return name;
}

std::string unknown_command(const std::string& name) {
    if (has_second_word(name)) {
        return name + " needs a second word: " + second_words(name) + see_help();
    }
    std::vector<std::string> names;
    for (const CommandForm& known : command_forms()) {
        names.push_back(known.name);
    }
    const std::string guess = config::did_you_mean(name, names);
    return "unknown command \"" + name + '"' + (guess.empty() ? see_help() : guess);
}

const char* operand_of(Command command) {
    switch (command) {
        case Command::why:
            return "a VIP";
        case Command::check_run:
            return "the name of a check";
        default:
            return "a file";
    }
}

// An empty text, or what does not fit the command.
std::string misfit(const CommandForm& form, const Arguments& arguments,
                   const po::variables_map& values) {
    for (const char* option :
         {"json", "watch", "all", "force", "follow", "quiet", "openmetrics", "this-node"}) {
        if (values[option].as<bool>() && !form.takes(option)) {
            return form.name + " does not take --" + option + see_help(form.name);
        }
    }
    for (const char* option : {"config", "timeout", "for", "listen", "peer", "output", "id"}) {
        if (values.contains(option) && !form.takes(option)) {
            return form.name + " does not take --" + option + see_help(form.name);
        }
    }
    // An empty name would stand for all of them: `failover "$UNSET"` must not give everything away.
    if (std::ranges::any_of(arguments.operands, &std::string::empty)) {
        return form.name + ": an empty word" + see_help(form.name);
    }
    const std::size_t count = arguments.operands.size();
    if (count > form.most_operands) {
        return form.name + ": too many words, from \"" + arguments.operands[form.most_operands] +
               '"' + see_help(form.name);
    }
    if (form.takes("all") && (count == 1) == arguments.all) {
        return form.name + " takes either a VIP or --all" + see_help(form.name);
    }
    if (count < form.least_operands) {
        return form.name + " needs " + operand_of(form.command) + see_help(form.name);
    }
    return {};
}

struct Range {
    Duration least;
    Duration most;
    const char* words;
};

std::expected<Duration, std::string> read_duration(const std::string& option,
                                                   const std::string& text, const Range& range) {
    const auto duration = config::parse_duration(text);
    if (!duration) {
        return std::unexpected("--" + option + ": " + duration.error());
    }
    if (*duration < range.least || *duration > range.most) {
        return std::unexpected("--" + option + ": \"" + text + "\" is not from " + range.words);
    }
    return *duration;
}

// An empty text, or what is wrong.
std::string read_durations(Arguments& arguments, const po::variables_map& values) {
    if (values.contains("timeout")) {
        const auto timeout = read_duration(
            "timeout", values["timeout"].as<std::string>(),
            {control::shortest_failover_timeout, control::longest_failover_timeout, "1ms to 24h"});
        if (!timeout) {
            return timeout.error();
        }
        arguments.timeout = *timeout;
    }
    if (values.contains("for")) {
        const auto expiry = read_duration("for", values["for"].as<std::string>(),
                                          {control::shortest_maintenance,
                                           control::longest_maintenance, "1s to 366 days (8784h)"});
        if (!expiry) {
            return expiry.error();
        }
        arguments.expiry = *expiry;
    }
    return {};
}

// `help COMMAND`, `COMMAND --help`: what stays in the operands is a command there is.
Reading read_help(Arguments arguments, std::vector<std::string> words) {
    arguments.command = Command::help;
    arguments.operands.clear();
    if (words.empty()) {
        return arguments;
    }
    const std::string name = take_name(words);
    if (find_form(name) == nullptr && !has_second_word(name)) {
        return std::unexpected(unknown_command(name));
    }
    arguments.operands = {name};
    return arguments;
}

Reading read_command(Arguments arguments, std::vector<std::string> words,
                     const po::variables_map& values) {
    if (words.empty()) {
        return std::unexpected("a command is missing" + see_help());
    }
    const std::string name = take_name(words);
    const CommandForm* form = find_form(name);
    if (form == nullptr) {
        return std::unexpected(unknown_command(name));
    }
    const auto flag = [&](const char* option) { return values[option].as<bool>(); };
    arguments.command = form->command;
    arguments.operands = words;
    arguments.all = flag("all");
    arguments.json = flag("json");
    if (values.contains("config")) {
        arguments.config = values["config"].as<std::string>();
    }
    arguments.watch = flag("watch");
    arguments.force = flag("force");
    arguments.follow = flag("follow");
    arguments.quiet = flag("quiet");
    arguments.openmetrics = flag("openmetrics");
    const auto text_of = [&](const char* option) {
        return values.contains(option) ? values[option].as<std::string>() : std::string{};
    };
    arguments.output = text_of("output");
    arguments.id = text_of("id");
    arguments.this_node = flag("this-node");
    if (std::string error = misfit(*form, arguments, values); !error.empty()) {
        return std::unexpected(std::move(error));
    }
    if (std::string error = read_durations(arguments, values); !error.empty()) {
        return std::unexpected(std::move(error));
    }
    if (values.contains("listen")) {
        arguments.listen = values["listen"].as<std::vector<std::string>>();
    }
    if (values.contains("peer")) {
        arguments.peers = values["peer"].as<std::vector<std::string>>();
    }
    if (form->command == Command::help) {
        return read_help(arguments, words);
    }
    return arguments;
}

Reading read(const po::variables_map& values) {
    Arguments arguments;
    if (values.contains("runtime-dir")) {
        arguments.runtime_dir = values["runtime-dir"].as<std::string>();
        if (arguments.runtime_dir.empty()) {
            return std::unexpected("--runtime-dir: an empty path");
        }
    }
    std::vector<std::string> words;
    if (values.contains("words")) {
        words = values["words"].as<std::vector<std::string>>();
    }
    if (values["help"].as<bool>()) {
        return read_help(arguments, words);
    }
    if (values["version"].as<bool>() && words.empty()) {
        words = {"version"};
    } else if (values["version"].as<bool>()) {
        return std::unexpected("--version takes no command" + see_help());
    }
    return read_command(arguments, words, values);
}

Reading parse(const std::vector<std::string>& words) {
    po::positional_options_description positional;
    positional.add("words", -1);
    po::variables_map values;
    const po::options_description known = known_options();
    try {
        // No guessing: "--al" is not "--all".
        const int style =
            po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
        po::store(
            po::command_line_parser(words).options(known).positional(positional).style(style).run(),
            values);
        po::notify(values);
    } catch (const po::error& error) {
        return std::unexpected(std::string{error.what()} + see_help());
    }
    return read(values);
}

}  // namespace

std::expected<Arguments, UsageError> parse_arguments(const std::vector<std::string>& words) {
    Reading reading = parse(words);
    if (!reading) {
        // Where the line cannot be read, its own --json is still what the reader of stdout expects.
        const bool json = std::ranges::find(words, "--json") != words.end();
        return std::unexpected(UsageError{std::move(reading.error()), json});
    }
    return std::move(*reading);
}

}  // namespace understudy::cli
