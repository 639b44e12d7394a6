// What each command takes, and what its help says: the one table behind the parser and `help`.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "agent/cli/arguments.hpp"

namespace understudy::cli {

struct CommandForm {
    std::string name;  // "config check" has two words
    Command command;
    std::size_t least_operands;
    std::size_t most_operands;
    std::vector<std::string> options;  // without the dashes; every command takes --help
    std::string usage;
    std::string summary;  // one line
    std::string details;  // for --help of this command

    bool takes(const std::string& option) const;
};

const std::vector<CommandForm>& command_forms();
// Nothing if there is no such command.
const CommandForm* find_form(const std::string& name);

}  // namespace understudy::cli
