#include "agent/cli/arguments.hpp"

#include <algorithm>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>

#include "agent/cli/command_table.hpp"
#include "agent/cli/options.hpp"
#include "agent/config/values.hpp"

namespace understudy::cli {

namespace {

namespace po = boost::program_options;

// Every way of reading the command line ends in one of these, or in an error text.
using Reading = std::expected<Arguments, std::string>;

po::options_description known_options() {
    po::options_description description;
    auto add = description.add_options();
    for (const OptionForm& option : option_forms()) {
        std::string name{option.name};
        if (option.letter != 0) {
            name += std::string{','} + option.letter;
        }
        if (option.is_flag()) {
            add(name.c_str(), po::bool_switch());
        } else if (option.repeats()) {
            add(name.c_str(), po::value<std::vector<std::string>>());
        } else {
            add(name.c_str(), po::value<std::string>());
        }
    }
    add("runtime-dir", po::value<std::string>());
    add("help,h", po::bool_switch());
    add("version", po::bool_switch());
    add("words", po::value<std::vector<std::string>>());
    return description;
}

// What was written after the option, or nothing if it was not given. A flag has no values.
std::optional<std::vector<std::string>> given(const OptionForm& option,
                                              const po::variables_map& values) {
    const std::string name{option.name};
    if (!values.contains(name)) {
        return std::nullopt;
    }
    const po::variable_value& value = values[name];
    if (option.is_flag()) {
        return value.as<bool>() ? std::optional{std::vector<std::string>{}} : std::nullopt;
    }
    return option.repeats() ? value.as<std::vector<std::string>>()
                            : std::vector{value.as<std::string>()};
}

std::string see_help(const std::string& command = {}) {
    return "; see `understudy " + (command.empty() ? "help" : command + " --help") + "`";
}

// What can follow `name`: "check or show".
std::string second_words(const std::string& name) {
    std::vector<std::string> words;
    for (const CommandForm& known : command_table()) {
        if (known.name.starts_with(name + ' ')) {
            words.emplace_back(known.name.substr(name.size() + 1));
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
    for (const CommandForm& known : command_table()) {
        names.emplace_back(known.name);
    }
    const std::string guess = config::did_you_mean(name, names);
    return "unknown command \"" + name + '"' + (guess.empty() ? see_help() : guess);
}

// An empty text, or which operands do not fit the command.
std::string misfit(const CommandForm& form, const Arguments& arguments) {
    const std::string name{form.name};
    // An empty name would stand for all of them: `failover "$UNSET"` must not give everything away.
    if (std::ranges::any_of(arguments.operands, &std::string::empty)) {
        return name + ": an empty word" + see_help(name);
    }
    const std::size_t count = arguments.operands.size();
    if (count > form.operands.most) {
        return name + ": too many words, from \"" + arguments.operands[form.operands.most] + '"' +
               see_help(name);
    }
    if (form.takes("all") && (count == 1) == arguments.all) {
        return name + " takes either a VIP or --all" + see_help(name);
    }
    if (count < form.operands.least) {
        return name + " needs " + std::string{form.operands.noun} + see_help(name);
    }
    return {};
}

// An empty text, or what is wrong with an option.
std::string read_options(const CommandForm& form, Arguments& arguments,
                         const po::variables_map& values) {
    for (const OptionForm& option : option_forms()) {
        const auto written = given(option, values);
        if (!written) {
            continue;
        }
        if (!form.takes(option.name)) {
            return std::string{form.name} + " does not take --" + std::string{option.name} +
                   see_help(std::string{form.name});
        }
        // As of --output "$UNSET": none of them has a meaning.
        if (std::ranges::any_of(*written, &std::string::empty)) {
            return "--" + std::string{option.name} + ": an empty value" +
                   see_help(std::string{form.name});
        }
        if (const auto set = set_option(option, arguments, *written); !set) {
            return set.error();
        }
    }
    return {};
}

// `help COMMAND`, `COMMAND --help`: what stays in the operands is a command there is.
Reading read_help(Arguments arguments, std::vector<std::string> words) {
    arguments.command = "help";
    arguments.operands.clear();
    if (words.empty()) {
        return arguments;
    }
    const std::string name = take_name(words);
    if (find_command(name) == nullptr && !has_second_word(name)) {
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
    const CommandForm* form = find_command(name);
    if (form == nullptr) {
        return std::unexpected(unknown_command(name));
    }
    arguments.command = name;
    arguments.operands = words;
    if (std::string error = read_options(*form, arguments, values); !error.empty()) {
        return std::unexpected(std::move(error));
    }
    if (std::string error = misfit(*form, arguments); !error.empty()) {
        return std::unexpected(std::move(error));
    }
    if (name == "help") {
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
