// The command line of `understudy`, as values.
#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace understudy::cli {

inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_no_agent = 3;

// Which option sets which member stands in options.cpp, which command takes it in
// command_table.cpp.
struct Arguments {
    std::filesystem::path runtime_dir = "/run/understudy";
    std::string command = "help";       // a name of the command table
    std::vector<std::string> operands;  // VIP, check, or FILE…; for help: the command, or nothing
    bool all = false;
    bool json = false;
    std::string config = "/etc/understudy/understudy.conf";  // doctor
    bool watch = false;
    bool force = false;
    bool follow = false;
    bool quiet = false;
    bool openmetrics = false;
    std::vector<std::string> listen;  // ADDR:PORT
    std::vector<std::string> peers;   // URLs
    std::vector<std::string> hosts;   // by which the page may be asked for
    bool this_node = false;           // config check: the first file is for this machine
    Duration timeout = std::chrono::seconds{10};
    std::optional<Duration> expiry;  // --for
    std::string output;              // of import: the file; empty: stdout
    std::string id;                  // of import: whose @id lines count; empty: the host's name
    // How long the agent may take to answer, and how often `status --watch` asks. Not options.
    std::chrono::milliseconds patience{5000};
    std::chrono::milliseconds watch_every{1000};

    // Empty: all of them.
    std::string vip() const { return operands.empty() ? std::string{} : operands.front(); }
};

// What to print before the exit with 2, and whether the command line requested JSON.
struct UsageError {
    std::string text;
    bool json = false;
};

std::expected<Arguments, UsageError> parse_arguments(const std::vector<std::string>& words);

}  // namespace understudy::cli
