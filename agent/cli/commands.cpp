#include "agent/cli/commands.hpp"

#include "base/version.hpp"

namespace understudy::cli {

namespace {

int run_help(const Arguments& arguments, const Console& console) {
    console.out << help_text(arguments.operands.empty() ? "" : arguments.operands.front());
    return console.written();
}

int run_version(const Arguments& arguments, const Console& console) {
    console.out << (arguments.json ? "{\"version\":\"" + program_version() + "\"}\n"
                                   : "understudy " + program_version() + "\n");
    return console.written();
}

}  // namespace

int run(const Arguments& arguments, const Console& console) {
    switch (arguments.command) {
        case Command::help:
            return run_help(arguments, console);
        case Command::version:
            return run_version(arguments, console);
        case Command::status:
            return run_status(arguments, console);
        case Command::why:
            return run_why(arguments, console);
        case Command::failover:
            return run_failover(arguments, console);
        case Command::takeover:
            return run_takeover(arguments, console);
        case Command::failback:
            return run_failback(arguments, console);
        case Command::maintenance_on:
            return run_maintenance_on(arguments, console);
        case Command::maintenance_off:
            return run_maintenance_off(arguments, console);
        case Command::events:
            return run_events(arguments, console);
        case Command::check_list:
            return run_check_list(arguments, console);
        case Command::check_run:
            return run_check_run(arguments, console);
        case Command::config_check:
            return run_config_check(arguments, console);
        case Command::config_show:
            return run_config_show(arguments, console);
        case Command::import:
            return run_import(arguments, console);
        case Command::doctor:
            return run_doctor(arguments, console);
        case Command::config_diff:
            return run_config_diff(arguments, console);
        case Command::reload:
            return run_reload(arguments, console);
        case Command::replay:
            return run_replay(arguments, console);
        case Command::metrics:
            return run_metrics(arguments, console);
        case Command::serve:
            return run_serve(arguments, console);
    }
    return exit_usage;
}

}  // namespace understudy::cli
