#include "agent/cli/commands.hpp"

#include "agent/cli/command_table.hpp"
#include "base/version.hpp"

namespace understudy::cli {

int run(const Arguments& arguments, const Console& console) {
    const CommandForm* form = find_command(arguments.command);
    return form == nullptr ? exit_usage : form->run(arguments, console);
}

int run_help(const Arguments& arguments, const Console& console) {
    console.out << help_text(arguments.operands.empty() ? "" : arguments.operands.front());
    return console.written();
}

int run_version(const Arguments& arguments, const Console& console) {
    console.out << (arguments.json ? "{\"version\":\"" + program_version() + "\"}\n"
                                   : "understudy " + program_version() + "\n");
    return console.written();
}

}  // namespace understudy::cli
