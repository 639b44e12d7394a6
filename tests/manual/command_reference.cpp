// Prints what understudy(1) takes from the command table, as mdoc: `command-reference synopsis`, or
// `command-reference commands`. tests/manual/run holds the page against it.
#include <cctype>
#include <iostream>
#include <sstream>
#include <string>

#include "agent/cli/command_table.hpp"
#include "agent/cli/options.hpp"

namespace {

using namespace understudy::cli;

// One line of running text: a leading dot would be a request, and a backquoted word is literal.
std::string escaped(const std::string& line) {
    std::string text = line.starts_with('.') || line.starts_with('\'') ? "\\&" : "";
    bool literal = false;
    for (const char character : line) {
        if (character == '`') {
            literal = !literal;
            text += literal ? "\\fB" : "\\fP";
        } else {
            text += character == '\\' ? "\\e" : std::string{character};
        }
    }
    return text;
}

std::string lowered(std::string_view text) {
    std::string lower{text};
    for (char& character : lower) {
        character = static_cast<char>(std::tolower(static_cast<unsigned char>(character)));
    }
    return lower;
}

std::string sentence(std::string_view text) {
    std::string whole{text};
    whole.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(whole.front())));
    return whole + '.';
}

std::string dashed(const OptionForm& option) {
    const std::string value = option.value.empty() ? "" : " Ar " + lowered(option.value);
    return "Fl -" + std::string{option.name} + value;
}

std::string operands(const CommandForm& form) {
    if (form.operands.most == 0) {
        return "";
    }
    const std::string word = "Ar " + lowered(form.operands.name);
    if (form.takes("all")) {
        return ' ' + word + " | Fl -all";
    }
    if (form.operands.least == 0) {
        return " Op " + word;
    }
    return ' ' + word + (form.operands.repeats ? " ..." : "");
}

void print_synopsis() {
    for (const CommandForm& form : command_table()) {
        std::cout << ".Nm\n.Cm " << form.name << operands(form) << '\n';
        for (const TakenOption& taken : form.options) {
            if (taken.name != "all") {
                std::cout << ".Op " << dashed(option_form(taken.name)) << '\n';
            }
        }
    }
}

// Every sentence begins a line, as mdoc wants it.
void print_text(std::string_view text) {
    std::string joined{text};
    for (std::size_t at = 0; (at = joined.find(". ", at)) != std::string::npos;) {
        joined[++at] = '\n';
    }
    std::istringstream lines{joined};
    for (std::string line; std::getline(lines, line);) {
        std::cout << escaped(line) << '\n';
    }
}

void print_commands() {
    std::cout << ".Bl -tag -width Ds\n";
    for (const CommandForm& form : command_table()) {
        std::cout << ".It Cm " << form.name << operands(form) << '\n';
        print_text(sentence(form.summary));
        if (!form.details.empty()) {
            std::cout << ".Pp\n";
            print_text(form.details);
        }
        if (!form.options.empty()) {
            std::cout << ".Bl -tag -width Ds\n";
            for (const TakenOption& taken : form.options) {
                std::cout << ".It " << dashed(option_form(taken.name)) << '\n';
                print_text(taken.help);
            }
            std::cout << ".El\n";
        }
    }
    std::cout << ".El\n";
}

}  // namespace

int main(int argc, char** argv) {
    const std::string part = argc == 2 ? argv[1] : "";
    if (part == "synopsis") {
        print_synopsis();
    } else if (part == "commands") {
        print_commands();
    } else {
        std::cerr << "usage: command-reference synopsis|commands\n";
        return 2;
    }
    return 0;
}
