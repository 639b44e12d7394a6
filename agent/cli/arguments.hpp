// The command line of `understudy`, as values.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace understudy::cli {

inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_no_agent = 3;

enum class Command : std::uint8_t {
    help,
    version,
    status,
    why,
    failover,
    takeover,
    failback,
    events,
    config_check,
    config_show,
};

struct Arguments {
    std::filesystem::path runtime_dir = "/run/understudy";
    Command command = Command::help;
    std::vector<std::string> operands;  // VIP, or FILE…
    bool all = false;
    bool json = false;
    bool watch = false;
    bool force = false;
    bool follow = false;
    Duration timeout = std::chrono::seconds{10};
};

// An error is what to print before the exit with 2.
std::expected<Arguments, std::string> parse_arguments(const std::vector<std::string>& words);

std::string help_text();

}  // namespace understudy::cli
