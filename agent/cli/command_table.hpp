// The commands of the client: what each takes, what its help says, and which function runs it. The
// parser, the dispatcher and `help` read this table; bash completion reads `help`; understudy(1)
// takes its synopsis and its list of commands from here.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/arguments.hpp"
#include "agent/cli/console.hpp"

namespace understudy::cli {

// The words after the command that are not options.
struct Operands {
    std::string_view name;  // in the usage: "VIP"
    std::string_view noun;  // in an error: "a VIP"
    std::size_t least = 0;
    std::size_t most = 0;
    bool repeats = false;  // written with an ellipsis
};

struct TakenOption {
    std::string_view name;  // of options.hpp
    std::string_view help;  // lines of at most 70 characters
};

struct CommandForm {
    std::string_view name;  // "config check" has two words
    int (*run)(const Arguments&, const Console&);
    Operands operands;
    std::vector<TakenOption> options;
    std::string_view summary;  // one line
    std::string_view details;  // paragraphs for --help; may be empty

    bool takes(std::string_view option) const;
    std::string usage() const;  // "failover VIP|--all [--timeout TIME] [--json]"
};

std::span<const CommandForm> command_table();
// Nothing if there is no such command.
const CommandForm* find_command(std::string_view name);

// Of `command`, or of all commands that begin with this word ("config"); empty: the overview.
std::string help_text(std::string_view command = {});

}  // namespace understudy::cli
