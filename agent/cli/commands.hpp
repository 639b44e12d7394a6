// Carries out one command; what comes back is the exit status.
#pragma once

#include "agent/cli/arguments.hpp"
#include "agent/cli/console.hpp"

namespace understudy::cli {

int run(const Arguments& arguments, const Console& console);

// One function per command, each in the file that is named like it. Called through
// command_table.hpp.
int run_status(const Arguments& arguments, const Console& console);
int run_why(const Arguments& arguments, const Console& console);
int run_failover(const Arguments& arguments, const Console& console);
int run_takeover(const Arguments& arguments, const Console& console);
int run_failback(const Arguments& arguments, const Console& console);
int run_maintenance_on(const Arguments& arguments, const Console& console);
int run_maintenance_off(const Arguments& arguments, const Console& console);
int run_events(const Arguments& arguments, const Console& console);
int run_check_list(const Arguments& arguments, const Console& console);
int run_check_run(const Arguments& arguments, const Console& console);
int run_config_check(const Arguments& arguments, const Console& console);
int run_config_show(const Arguments& arguments, const Console& console);
int run_import(const Arguments& arguments, const Console& console);
int run_doctor(const Arguments& arguments, const Console& console);
int run_config_diff(const Arguments& arguments, const Console& console);
int run_reload(const Arguments& arguments, const Console& console);
int run_replay(const Arguments& arguments, const Console& console);
int run_metrics(const Arguments& arguments, const Console& console);
int run_serve(const Arguments& arguments, const Console& console);
int run_version(const Arguments& arguments, const Console& console);
int run_help(const Arguments& arguments, const Console& console);

}  // namespace understudy::cli
